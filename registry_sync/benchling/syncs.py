"""The syncs that the app's configuration describes: its own items, and `Additional Syncs`.

The app's own items are the first sync. Each element of the array is another one. A sync feeds the
schema that it names, and the rows of `Field Configurations` with that schema are its own.
https://docs.benchling.com/docs/app-configuration
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from registry_sync.core.addresses import is_address
from registry_sync.core.types import Json

Path = tuple[str, ...]
Items = Mapping[Path, Json]

ROWS, SYNCS = "Field Configurations", "Additional Syncs"
SCHEMA, ELEMENT_SCHEMA = "Schema to Sync", "Entity Schema"
OWN = frozenset(
    {
        SCHEMA, "API URL", "API Key", "External ID Field", "External Name Field",
        "Modified Since Parameter", "Synced Entity Location", "Connector Settings",
        "Mapping Rules",
    }
)  # fmt: skip
"""The items that an element has of its own, by their name in the app's own items."""
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class ConfigRow:
    """One row of Field Configurations: the path into the record that feeds a Benchling field."""

    name: str
    field_id: str
    path: str


@dataclass(frozen=True, slots=True)
class Sync:
    """One sync: its element in `Additional Syncs`, "" for the app's own items, and its schema.

    `schema_id` is known even where the app has no access to the schema; "" where none is named.
    """

    element: str
    schema_id: str
    schema_name: str = ""

    @property
    def label(self) -> str:
        """Return how faults name the element; "" for the app's own items."""
        return label_of(self.element)


def label_of(element: str) -> str:
    """Return how faults name an element; "" for the app's own items."""
    return f"{SYNCS} › {element}" if element else ""


def path_of(element: str, *path: str) -> Path:
    """Return where an item of a sync is, named as among the app's own items."""
    if not element or path[0] not in OWN:
        return path
    return (SYNCS, element, ELEMENT_SCHEMA if path[0] == SCHEMA else path[0], *path[1:])


def syncs_of(items: Items) -> tuple[Sync, ...]:
    """Return the syncs in the order of the configuration; empty elements are none."""
    named = dict.fromkeys(
        path[1]
        for path, item in items.items()
        if len(path) > 2 and path[0] == SYNCS and named_in(item)
    )
    return tuple(_sync(items, element) for element in ("", *named))


def _sync(items: Items, element: str) -> Sync:
    item = items.get(path_of(element, SCHEMA))
    linked = (item or {}).get("linkedResource") or {}
    return Sync(element, named_in(item), str(linked.get("name") or ""))


def named_in(item: Json | None) -> str:
    """Return the value of an item as text, or the id of what the app has no access to."""
    if item is None:
        return ""
    linked = item.get("linkedResource") or {}
    value = item.get("value")
    return str(linked.get("inaccessibleId") or ("" if value is None else value)).strip()


def same_origin(one: str, other: str) -> bool:
    """Return whether two addresses have the same scheme, host and port."""
    if not is_address(one) or not is_address(other):
        return False
    return _origin(one) == _origin(other)


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower(), parts.port or PORTS.get(scheme)
