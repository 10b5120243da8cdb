"""The app's configuration, as an admin fills it in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .state import TenantState

Json = dict[str, Any]
JSON_ITEMS = ("Connector Settings", "Mapping Rules")
ITEM_TYPES = {
    "Schema to Sync": "entity_schema", "Entity Schema": "entity_schema", "Registry": "registry",
    "Synced Entity Location": "folder", "API Key": "secure_text",
    "Sync History Schema": "result_schema", "Sync History Project": "project",
    **dict.fromkeys(JSON_ITEMS, "json"),
}  # fmt: skip
"""The type of each item that is no text, by its name."""
REQUIRED = ("API URL", "API Key", "Schema to Sync", "Registry")


def fill_in(state: TenantState, app_id: str, values: Json) -> None:
    """Set items by name, and replace what they were.

    `Field Configurations` is a list of `(field, path)`, for fields of `Schema to Sync`, and of
    `(schema id, field, path)`. `Additional Syncs` is a list of elements, each by item names.
    """
    for name, value in values.items():
        for id_ in [i for i, item in state.config.items()
                    if item["app"]["id"] == app_id and item["path"][0] == name]:  # fmt: skip
            del state.config[id_]
        if name == "Field Configurations":
            first = values.get("Schema to Sync") or _schema_to_sync(state, app_id)
            add_rows(state, app_id, [row if len(row) == 3 else (first, *row) for row in value])
        elif name == "Additional Syncs":
            for element in value:
                add_sync(state, app_id, element)
        else:
            _item(state, app_id, [name], value)


def add_sync(state: TenantState, app_id: str, element: Json) -> None:
    """Add an element of Additional Syncs, given by its items' names."""
    row = _new_row(state, app_id, "Additional Syncs", "Sync")
    for name, value in element.items():
        _item(state, app_id, [*row, name], value)


def add_rows(state: TenantState, app_id: str, rows: Sequence[tuple[str, str, str]]) -> None:
    """Add rows of Field Configurations: schema id, field by name or id, and path."""
    for schema, field_name, path in rows:
        row = _new_row(state, app_id, "Field Configurations", "Row")
        known = {f["name"]: f["id"] for f in state.schemas[schema]["fieldDefinitions"]}
        state.add_item(app_id, [*row, "Entity Schema"], "entity_schema", schema)
        field_id = known.get(field_name, field_name)
        state.add_item(app_id, [*row, "Entity Schema", "Benchling Field"], "field", field_id)
        state.add_item(app_id, [*row, "External API Field Name"], "text", path)


def _new_row(state: TenantState, app_id: str, name: str, what: str) -> list[str]:
    """Add an element to an array, and return its path."""
    taken = [i for i in state.config.values()
             if i["app"]["id"] == app_id and i["path"][:-1] == [name]]  # fmt: skip
    row = [name, f"{what} {len(taken) + 1}"]
    state.add_item(app_id, row, "array_element", None)
    return row


def _schema_to_sync(state: TenantState, app_id: str) -> str:
    return next(
        item["value"] for item in state.config.values()
        if item["app"]["id"] == app_id and item["path"] == ["Schema to Sync"]
    )  # fmt: skip


def _item(state: TenantState, app_id: str, path: list[str], value: Any) -> None:
    name = path[-1]
    if name == "API Key":
        value = state.seal(app_id, value) if value is not None else None
    elif name in JSON_ITEMS and value is not None and not isinstance(value, str):
        value = json.dumps(value)
    required = name in REQUIRED and len(path) == 1
    state.add_item(app_id, path, ITEM_TYPES.get(name, "text"), value, required=required)
