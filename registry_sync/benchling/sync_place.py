"""Where the items of one sync are in the app's configuration, and which are its own to write."""

from __future__ import annotations

from dataclasses import dataclass

from registry_sync.benchling.syncs import (
    ELEMENT_SCHEMA,
    ROWS,
    SCHEMA,
    SYNCS,
    Items,
    Path,
    named_in,
    path_of,
    syncs_of,
)
from registry_sync.core.problems import ConfigError

SHARED = frozenset({"Registry", "API URL", "Connector Settings", "Synced Entity Location"})
"""The app's own items that decide, beside its own, what an element's sync does."""


@dataclass(frozen=True, slots=True)
class Place:
    """One sync of the configuration: its element, "" for the app's own items, and its schema.

    `others` are the schemas of the other syncs.
    """

    element: str
    schema_id: str
    others: frozenset[str] = frozenset()

    def path(self, *names: str) -> Path:
        """Return where an item of the sync is."""
        return path_of(self.element, *names)

    def concerns(self, path: Path, items: Items) -> bool:
        """Return whether an item is part of what the sync does."""
        if path[0] == ROWS:
            return len(path) < 2 or self.has_row(path[1], items)
        if path[0] == SYNCS:
            return not self.others or (len(path) > 1 and path[1] == self.element)
        return not self.element or path[0] in SHARED

    def has_row(self, row: str, items: Items) -> bool:
        """Return whether a row of Field Configurations is the sync's, or free for it.

        Rows of no sync's schema are left to the first sync, which may correct them.
        """
        named = named_in(items.get((ROWS, row, ELEMENT_SCHEMA)))
        if named == self.schema_id:
            return True
        if named in self.others:
            return False
        return not self.element or not any(
            named_in(item) for path, item in items.items() if path[:2] == (ROWS, row)
        )


def place_of(items: Items, schema_id: str = "", element: str = "") -> Place:
    """Return the sync that feeds a schema; where none does, the one of the element.

    Without a schema it is that of the element. Raise ConfigError where neither is there any more.
    """
    syncs = syncs_of(items)
    found = next((sync for sync in syncs if schema_id and sync.schema_id == schema_id), None)
    found = found or next((sync for sync in syncs if sync.element == element), None)
    if found is None:
        raise ConfigError(
            f"No sync of the app's configuration feeds the schema {schema_id} any more.",
            remedy=f"The integration owner chooses it in {SYNCS} or as {SCHEMA} again, or "
            "discards the draft.",
            code="lane_gone",
        )
    others = frozenset(sync.schema_id for sync in syncs if sync != found and sync.schema_id)
    return Place(found.element, found.schema_id, others)
