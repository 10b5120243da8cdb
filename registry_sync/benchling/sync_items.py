"""Reading the items of one sync, with every fault that concerns it.

An element of `Additional Syncs` inherits little from the app's own items: `API Key` and `client`
of `Connector Settings`, both only where its `API URL` has the same origin, and
`Synced Entity Location`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from registry_sync.benchling.syncs import (
    ROWS,
    SCHEMA,
    ConfigRow,
    Items,
    Path,
    Sync,
    named_in,
    path_of,
    same_origin,
    syncs_of,
)
from registry_sync.core.addresses import is_address
from registry_sync.core.json_text import parse_json
from registry_sync.core.problems import ConfigError
from registry_sync.core.types import Json
from registry_sync.source.auth.none import NoAuth

FOLDER, KEY, SETTINGS, URL = (
    "Synced Entity Location", "API Key", "Connector Settings", "API URL",
)  # fmt: skip
SENT = ("params", "json", "headers", "token_params")
"""Connector Settings whose values are sent, and are no addresses of requests."""
INACCESSIBLE = (
    "A Benchling admin gives the app access to what is named (its organization, team or project), "
    "or the integration owner chooses something else."
)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with an item: part of a sentence; "" for the usual remedy.

    `item` is its name among the app's own items, also for an element's.
    """

    item: str
    text: str
    remedy: str = ""
    inaccessible: bool = False


class SyncItems:
    """The items of one sync; `faults` are what was found to be wrong with those that were read."""

    def __init__(self, items: Items, element: str) -> None:
        self.items, self.element = items, element
        self.syncs = syncs_of(items)
        found = (sync for sync in self.syncs if sync.element == element)
        self.sync = next(found, Sync(element, ""))
        self.faults: list[Fault] = []

    def schema_id(self) -> str:
        """Return the schema that the sync feeds, which no other sync may feed."""
        schema_id = self.required(SCHEMA)
        for other in self.syncs:
            if schema_id and other != self.sync and other.schema_id == schema_id:
                both = (other.element, self.element)
                names = sorted(" › ".join(path_of(element, SCHEMA)) for element in both)
                self._add(
                    SCHEMA,
                    f"{' and '.join(names)} name the same schema ({schema_id}): a schema "
                    "can be fed by one sync only",
                )
        return schema_id

    def required(self, name: str) -> str:
        """Return the text of an item that must not be empty."""
        text = self.text(name)
        if not text and not any(fault.item == name for fault in self.faults):
            self._add(name, f"{' › '.join(path_of(self.element, name))} is missing")
        return text

    def text(self, name: str) -> str:
        """Return the text of an item, "" where it is empty."""
        return self._at(path_of(self.element, name))

    def folder_id(self) -> str | None:
        """Return the folder for new entities: an element's own, or the first sync's."""
        return self.text(FOLDER) or (self._at((FOLDER,)) if self.element else "") or None

    def secret(self, decrypt: Callable[[str], str]) -> str:
        """Return the credential; one that an element inherits is decrypted like its own."""
        path = path_of(self.element, KEY)
        if self.element and not self._at(path):
            if not _needs_key(self.settings()):
                return ""
            path = (KEY,) if self._inherits_key() and self._at((KEY,)) else path
        if not self._at(path):
            return self.required(KEY)
        try:
            return decrypt(self._at(path))
        except ConfigError as error:
            named = error.message.rstrip(".").replace(KEY, " › ".join(path), 1)
            self.faults.append(Fault(KEY, named, error.remedy))
            return ""

    def settings(self) -> Json | None:
        """Return Connector Settings; `client` is the first sync's where an element names none."""
        own = self.json(SETTINGS)
        if not self.element or not self._same_registry() or "client" in (own or {}):
            return own
        client = (self._json_at((SETTINGS,), SETTINGS) or {}).get("client")
        return own if client is None else {**(own or {}), "client": client}

    def other_templates(self) -> dict[str, str]:
        """Return how other syncs make registry ids, by schema, where their settings say so.

        What is wrong with their settings is their fault alone, and left out.
        """
        found: dict[str, str] = {}
        for sync in self.syncs:
            if sync == self.sync or not sync.schema_id:
                continue
            value = (self.items.get(path_of(sync.element, SETTINGS)) or {}).get("value")
            try:
                parsed = parse_json(value) if isinstance(value, str) and value else value
            except ValueError:
                continue
            template = parsed.get("registry_id_template") if isinstance(parsed, dict) else None
            if isinstance(template, str) and "{id}" in template and template != "{id}":
                found[sync.schema_id] = template
        return found

    def json(self, name: str) -> Json | None:
        """Return the JSON object of an item; None where it is empty or faulty."""
        return self._json_at(path_of(self.element, name), name)

    def rows(self, schema_id: str) -> tuple[ConfigRow, ...]:
        """Return the sync's rows of Field Configurations."""
        names = dict.fromkeys(path[1] for path in self.items if len(path) > 1 and path[0] == ROWS)
        rows: list[ConfigRow] = []
        for name in names:
            if not self._concerns(name):
                continue
            field_id = self._at((ROWS, name, "Entity Schema", "Benchling Field"))
            path = self._at((ROWS, name, "External API Field Name"))
            if not field_id and not path:
                continue  # a blank row: rows cannot be deleted by an app, only emptied
            if (fault := self._row_fault(name, field_id, path, schema_id, rows)) is None:
                rows.append(ConfigRow(name, field_id, path))
            else:
                self._add(ROWS, f"{ROWS} › {name}: {fault}")
        if not rows and not self.faults:
            where = " with the Entity Schema of this sync" if self.element else ""
            self._add(ROWS, f"{ROWS} has no rows{where}, so no field would be synced")
        return tuple(rows)

    def _row_fault(
        self, name: str, field_id: str, path: str, schema_id: str, rows: list[ConfigRow]
    ) -> str | None:
        schema = self._at((ROWS, name, "Entity Schema"))
        if not field_id or not path:
            missing = "Benchling Field" if not field_id else "External API Field Name"
            return f"{missing} is empty"
        if len(self.syncs) > 1 and not schema:
            return "Entity Schema is empty"
        if schema and schema_id and schema != schema_id:
            if len(self.syncs) > 1:
                return f"its Entity Schema ({schema}) is not that of any sync"
            return f"its Entity Schema ({schema}) is not Schema to Sync ({schema_id})"
        first = next((row.name for row in rows if row.field_id == field_id), "")
        return f"{first} already feeds this Benchling Field" if first else None

    def _concerns(self, row: str) -> bool:
        """Return whether a row is the sync's, or may be: one of no sync's schema is a fault of all.

        Where a sync names no schema, it may be the one that such a row is meant for.
        """
        named = named_in(self.items.get((ROWS, row, "Entity Schema")))
        if len(self.syncs) == 1 or named == self.sync.schema_id:
            return True
        schemas = [sync.schema_id for sync in self.syncs]
        return named not in schemas and (not self.sync.schema_id or all(schemas))

    def _same_registry(self) -> bool:
        own_url = named_in(self.items.get(path_of(self.element, URL)))
        return same_origin(own_url, named_in(self.items.get((URL,))))

    def _inherits_key(self) -> bool:
        """Return whether the first sync's key may be sent: only to where the first sends it."""
        first = self._json_at((SETTINGS,), SETTINGS) or {}
        homes = [named_in(self.items.get((URL,))), *_addresses(first)]
        return self._same_registry() and all(
            any(same_origin(url, home) for home in homes)
            for url in _addresses(self.json(SETTINGS) or {})
        )

    def _add(self, item: str, text: str) -> None:
        self.faults.append(Fault(item, text))

    def _at(self, path: Path) -> str:
        item = self.items.get(path)
        if item is None:
            return ""
        linked = item.get("linkedResource") or {}
        if linked.get("resourceType") == "inaccessible_resource":
            which = linked.get("inaccessibleId") or item.get("value")
            text = f"{' › '.join(path)} ({which}) is not accessible to the app"
            fault = Fault(self._item(path), text, INACCESSIBLE, inaccessible=True)
            if fault not in self.faults:
                self.faults.append(fault)
            return ""
        value = item.get("value")
        return "" if value is None else str(value).strip()

    def _item(self, path: Path) -> str:
        """Return the name that an item has among the app's own items."""
        names = (path[0], *(path[2:3] if self.element and path[:1] != (ROWS,) else ()))
        return SCHEMA if names[-1] == "Entity Schema" else names[-1]

    def _json_at(self, path: Path, name: str) -> Json | None:
        item = self.items.get(path)
        value = item.get("value") if item else None
        if value in (None, ""):
            return None
        try:
            parsed = parse_json(value) if isinstance(value, str) else value
        except ValueError as error:
            self._add_once(name, f"{' › '.join(path)} is not valid JSON: {error}")
            return None
        if not isinstance(parsed, dict):
            self._add_once(name, f"{' › '.join(path)} must be a JSON object")
            return None
        return parsed

    def _add_once(self, item: str, text: str) -> None:
        if Fault(item, text) not in self.faults:
            self._add(item, text)


def _addresses(settings: object) -> Iterator[str]:
    """Yield the whole URLs in Connector Settings that requests may be sent to."""
    if isinstance(settings, list):
        settings = dict(enumerate(settings))
    if isinstance(settings, dict):
        for name, value in settings.items():
            if name not in SENT:
                yield from _addresses(value)
    elif isinstance(settings, str) and is_address(settings.strip()):
        yield settings.strip()


def _needs_key(settings: Json | None) -> bool:
    client = (settings or {}).get("client")
    auth = client.get("auth") if isinstance(client, dict) else None
    return (auth.get("type") if isinstance(auth, dict) else auth) != NoAuth.type
