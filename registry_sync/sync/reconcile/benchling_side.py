"""What Benchling has under a lane's schema, in a temporary file: memory stays the same."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator

from registry_sync.benchling.client import Client
from registry_sync.benchling.entity_reads import entities_of_any_type
from registry_sync.core.text import name_key
from registry_sync.core.types import Json

MOST = 400
"""Values of one look-up, below SQLite's limit on variables."""


class BenchlingSide:
    """The entities of one schema, archived ones included, by registry id and by Benchling id."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.live = self.archived = 0
        self._rows = sqlite3.connect("", check_same_thread=False)
        self._rows.execute(
            "CREATE TABLE entity (id TEXT PRIMARY KEY, key TEXT, registry_id TEXT, raw TEXT, "
            "archived INTEGER, seen INTEGER DEFAULT 0)"
        )
        self._rows.execute("CREATE INDEX entity_key ON entity (key)")
        self._rows.execute("CREATE TABLE source (external_id TEXT PRIMARY KEY, hash TEXT)")

    def read(self, schema_id: str) -> None:
        """List every entity of the schema. Raise Refused, SyncError and Wait."""
        for page in self.client.entities(schemaId=schema_id):
            rows = [
                (
                    raw["id"], name_key(raw.get("entityRegistryId") or ""),
                    raw.get("entityRegistryId") or "", json.dumps(raw),
                    bool(raw.get("archiveRecord")),
                )
                for raw in page.entities
            ]  # fmt: skip
            self._rows.executemany(
                "INSERT OR REPLACE INTO entity (id, key, registry_id, raw, archived) "
                "VALUES (?, ?, ?, ?, ?)",
                rows,
            )
        counted = self._rows.execute("SELECT COUNT(*), COALESCE(SUM(archived), 0) FROM entity")
        total, self.archived = counted.fetchone()
        self.live = total - self.archived

    def first_hash(self, external_id: str, raw_hash: str) -> str | None:
        """Return the hash with which the registry gave a record first.

        Return None if it gives it for the first time, and remember it.
        """
        row = (external_id, raw_hash)
        added = self._rows.execute("INSERT OR IGNORE INTO source VALUES (?, ?)", row)
        if added.rowcount == 1:
            return None
        rows = self._rows.execute("SELECT hash FROM source WHERE external_id = ?", row[:1])
        return str(rows.fetchone()[0])

    def matching(self, registry_ids: Collection[str]) -> dict[str, Json]:
        """Return the entities with these registry ids, by the id's key, as counterparts."""
        keys = [name_key(id_) for id_ in registry_ids]
        found: dict[str, Json] = {}
        for chunk in _parts(keys):
            marks = ", ".join("?" * len(chunk))
            rows = self._rows.execute(
                f"SELECT key, raw FROM entity WHERE key IN ({marks}) ORDER BY archived DESC", chunk
            )
            found |= {key: json.loads(raw) for key, raw in rows.fetchall()}
            self._rows.execute(f"UPDATE entity SET seen = 1 WHERE key IN ({marks})", chunk)
        return found

    def targets(self, ids: Collection[str]) -> dict[str, str]:
        """Return the registry ids of linked entities, of whatever type, by Benchling id."""
        found: dict[str, str] = {}
        for chunk in _parts(sorted(ids)):
            marks = ", ".join("?" * len(chunk))
            rows = self._rows.execute(
                f"SELECT id, registry_id FROM entity WHERE id IN ({marks})", chunk
            )
            found |= dict(rows.fetchall())
        if others := sorted(set(ids) - set(found)):
            for raw in entities_of_any_type(self.client, others):
                found[str(raw["id"])] = str(raw.get("entityRegistryId") or "")
        return {id_: registry_id for id_, registry_id in found.items() if registry_id}

    def without_record(self) -> Iterator[Json]:
        """Yield the entities, archived ones left out, that no record of the registry matched."""
        rows = self._rows.execute("SELECT raw FROM entity WHERE seen = 0 AND archived = 0")
        while chunk := rows.fetchmany(100):
            for (raw,) in chunk:
                yield json.loads(raw)


def _parts(values: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), MOST):
        yield values[start : start + MOST]
