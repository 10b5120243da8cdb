"""Which records say that they are deleted: by any mark of a vendor's, and by none that is unset."""

from __future__ import annotations

from typing import Any

import pytest

from registry_sync.benchling.syncs import ConfigRow
from registry_sync.mapping.tombstones import is_tombstone, says_deleted
from registry_sync.source.connector_settings import parse_connector
from tests.support.mapping import mapping_of, schema_of

pytestmark = pytest.mark.once
MAPPING = mapping_of(schema_of({"type": "text"}), rows=(ConfigRow("Row", "f0", "text"),))
SET: list[dict[str, Any]] = [
    {"deleted": True}, {"IsDeleted": "Y"}, {"_deleted": 1}, {"deleted": {}},
    {"deleted": {"state": "softDeleted"}}, {"deleted": "2026-01-05T12:30:12Z"},
    {"deleted": "05.01.2026"}, {"deleted": 1767616212}, {"deletedAt": 1767616212000},
    {"deleted_at": "20260105"}, {"deletedDate": "/Date(1767616212000)/"},
    {"deletionTimestamp": "5 Jan 26"}, {"status": "Deleted"}, {"meta": {"deleted": True}},
    {"status": {"id": 3, "name": "Deleted"}}, {"op": "delete"}, {"changeType": "deleted"},
    {"event": "DELETE"}, {"operation": "Delete"}, {"doc": {"_deleted": True}},
    {"in_trash": True}, {"DeletionIndicator": "X"}, {"is_deleted": "t"},
    {"dateDeleted": "2026-01-05"},
]  # fmt: skip
UNSET: list[dict[str, Any]] = [
    {"deleted": False}, {"deleted": None}, {"deleted": "no"}, {"deleted": ""}, {"deleted": 0},
    {"deleted": {"value": False}}, {"deleted": "0001-01-01T00:00:00"}, {"deletedAt": 0},
    {"deletedDate": "0001-01-01T00:00:00"}, {"deleted_at": "0000-00-00 00:00:00"},
    {"deletedAt": "1970-01-01T00:00:00Z"}, {"deletedOn": "1900-01-01"},
    {"deletedOn": "9999-12-31"}, {"deletedOn": "never"}, {"deletedOn": "-"}, {"deletedAt": "0"},
    {"deletedDate": "/Date(-62135596800000)/"}, {"deleted_at": {}}, {"status": "active"},
    {"status": {"id": 1, "name": "Active"}}, {"op": "update"}, {"event": "created"},
    {"action": "remove"}, {"deletedDate": "/Date(99999999999999999)/"},
    {"in_trash": False}, {"DeletionIndicator": ""}, {"is_deleted": "f"}, {"dateDeleted": None},
]  # fmt: skip


@pytest.mark.parametrize("mark", SET, ids=str)
def test_a_mark_with_nothing_to_write_is_a_tombstone(mark: dict[str, Any]) -> None:
    assert is_tombstone({"id": "1", **mark}, MAPPING)
    assert is_tombstone({"id": "1", "name": "One", "text": None, **mark}, MAPPING)
    full = {"id": "1", "name": "One", "text": "x", **mark}
    assert says_deleted(full, MAPPING) and not is_tombstone(full, MAPPING)


@pytest.mark.parametrize("mark", UNSET, ids=str)
def test_a_mark_that_is_not_set_lets_its_record_be_emptied(mark: dict[str, Any]) -> None:
    """A record in use whose values are all empty would else be withdrawn, and might be archived."""
    record = {"id": "1", "name": "One", "text": None, **mark}
    assert not is_tombstone(record, MAPPING) and not says_deleted(record, MAPPING)


@pytest.mark.parametrize(
    ("values", "marked"),
    [
        ((None, False, 0, 0.0, "", " ", "false", "No", "N", "0", [], {}, "0001-01-01T00:00:00",
          "1900-01-01", "9999-12-31", "never"), False),
        ((True, 1, "true", "Y", "retired", "2026-01-05", [1], {"at": 1}, "1", "nobody"), True),
    ],
)  # fmt: skip
def test_a_flag_without_values_is_set_by_whatever_does_not_say_no(
    values: tuple[Any, ...], marked: bool
) -> None:
    """Else a first load of records with `"retired": "false"` is empty, and green."""
    endpoint = {"deletes": {"mode": "flag", "path": "retired"}}
    deletes = parse_connector({"endpoint": endpoint}, api_url="https://r.example.com").deletes
    for value in values:
        assert bool(deletes.flagged({"id": "1", "retired": value})) == marked, value
