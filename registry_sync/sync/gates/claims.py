"""Names, ids and substances that a run gives out before they are in the ledger."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Protocol

from registry_sync.core.packed_json import pack
from registry_sync.ledger.substances import substance_of
from registry_sync.mapping.model import Entity


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a key: an entity of this app, by its external id, or one of someone else.

    `became` says what became of an entity whose record has left the registry.
    """

    external_id: str
    entity_registry_id: str
    kind: str
    archived: bool = False
    schema_name: str = ""
    became: str = ""
    of_lane: bool = False
    """Whether it is in Benchling by another lane of this app."""
    found: bool = False
    """Whether it has the key by an alias that is not known to be this app's."""

    @property
    def is_of_benchling(self) -> bool:
        """Return whether no record of the registry decides what it is called."""
        return bool(self.became) or self.found or not (self.external_id or self.of_lane)

    @property
    def is_admins(self) -> bool:
        """Return whether a Benchling admin can free the key: what is no registry id."""
        return self.is_of_benchling and self.kind != "id"


class Claims(Protocol):
    """Names that are given out and not in the ledger."""

    def holders(self, key: str) -> list[Holder]:
        """Return who was given this key."""


class NameClaims:
    """Names given out in this run and not yet in the ledger.

    They are released when their batch is recorded, so that they stay few. A dry run records
    nothing and releases nothing: its claims lie in a temporary file, not in memory.
    """

    def __init__(self) -> None:
        self._rows = sqlite3.connect("", check_same_thread=False)
        self._rows.execute("CREATE TABLE claim (key TEXT, kind TEXT, external_id TEXT)")
        self._rows.execute("CREATE INDEX claim_key ON claim (key)")
        self._rows.execute("CREATE INDEX claim_id ON claim (external_id)")

    def add(self, entities: Iterable[Entity]) -> None:
        rows = [(key, kind, e.external_id) for e in entities for key, kind in _claimed_by(e)]
        self._rows.executemany("INSERT INTO claim VALUES (?, ?, ?)", rows)

    def release(self, external_ids: Iterable[str]) -> None:
        rows = [(external_id,) for external_id in external_ids]
        self._rows.executemany("DELETE FROM claim WHERE external_id = ?", rows)

    def holders(self, key: str) -> list[Holder]:
        rows = self._rows.execute("SELECT external_id, kind FROM claim WHERE key = ?", (key,))
        return [Holder(external_id, external_id, kind) for external_id, kind in rows]

    def of(self, keys: Collection[str]) -> PageClaims:
        """Return the claims of these keys, to which those of a page can be added."""
        select = "SELECT key, external_id, kind FROM claim WHERE key IN "
        select += "(SELECT value FROM json_each(?)) ORDER BY rowid"
        found = PageClaims()
        for key, external_id, kind in self._rows.execute(select, (pack(list(keys)),)):
            found.claims.setdefault(key, []).append(Holder(external_id, external_id, kind))
        return found


class PageClaims:
    """Names given out, as far as a page asks for them, and those that it gives out itself."""

    def __init__(self) -> None:
        self.claims: dict[str, list[Holder]] = {}

    def add(self, entity: Entity) -> None:
        external_id = entity.external_id
        for key, kind in _claimed_by(entity):
            self.claims.setdefault(key, []).append(Holder(external_id, external_id, kind))

    def holders(self, key: str) -> list[Holder]:
        return self.claims.get(key, [])


def _claimed_by(entity: Entity) -> list[tuple[str, str]]:
    """Return the keys that an entity claims, and as what."""
    keys = [(entity.name_key, "name"), (entity.registry_key, "id")]
    keys += [(key, "alias") for key in entity.alias_keys]
    if (substance := substance_of(entity)) is not None:
        keys.append((substance_claim(substance.key), "substance"))
    return keys


def substance_claim(key: str) -> str:
    """Return the key under which a structure or sequence is claimed: no name has such a one."""
    return f"\x00{key}"
