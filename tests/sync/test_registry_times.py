"""Times of a registry, from its answers to Benchling's fields and to the watermark."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from registry_sync.models import Change, SyncRun
from tests.support.registry import compound
from tests.support.worlds import INCREMENTAL, World

Status = SyncRun.Status
FIELDS = [{"name": "At", "type": "datetime"}, {"name": "Day", "type": "date"}]
ROWS = [("At", "at"), ("Day", "day")]


def times(world: Any, rows: dict[tuple[str, Any], Any], **more: Any) -> World:
    """A world with one record for each of `rows`: the path and the value that it has there."""
    records = [compound(n, **{path: value}) for n, (path, value) in enumerate(rows)]
    return world(records, fields=FIELDS, rows=ROWS, contract="off", **more)


def arrived(w: World, rows: dict[tuple[str, Any], Any]) -> dict[tuple[str, Any], Any]:
    """What each record has in Benchling; `error` for one that is an open error."""
    values, errors = w.values(), w.open_errors()
    return {
        row: "error" if f"C-{n:06d}" in errors else values[f"C-{n:06d}"][row[0].title()]
        for n, row in enumerate(rows)
    }


VALUES: dict[tuple[str, Any], Any] = {
    ("at", "2026-01-05T12:30:12Z"): "2026-01-05T12:30:12Z",
    ("at", "20260105T123012Z"): "2026-01-05T12:30:12Z",
    ("at", "2026-01-05t13:30:12,5+01"): "2026-01-05T12:30:12.500000Z",
    ("at", "/Date(1767616212000)/"): "2026-01-05T12:30:12Z",
    ("at", "/Date(1767616212000+0100)/"): "2026-01-05T12:30:12Z",
    ("at", "20260105123012Z"): "error",
    ("at", "20260105123012+0100"): "error",
    ("at", "20260105T12301278Z"): "error",
    ("at", "2026-01-05T12:30:12+00000130"): "error",
    ("at", "2026-01-05T12:30:12:5Z"): "error",
    ("at", "20260105123012"): "error",
    ("at", "20240305155850.821+0217"): "error",
    ("at", "2016-12-31T23:59:60Z"): "error",
    ("at", "2026-01-05T24:00:00Z"): "error",
    ("at", 1767616212): "error",
    ("at", 1767616212000): "error",
    ("at", 20260105123012): "error",
    ("day", "20260105"): "2026-01-05",
    ("day", "/Date(1767571200000)/"): "2026-01-05",
    ("day", "20260105T000000Z"): "2026-01-05",
    ("day", "20260105T100000Z"): "error",
    ("day", "20260105100000Z"): "error",
    ("day", "20260105100000+0200"): "error",
    ("day", "20260105123012Z"): "error",
    ("day", "/Date(1767616212000)/"): "error",
    ("day", "/Date(1767571200000+0100)/"): "error",
    ("day", "2026-W02"): "error",
    ("day", 20260105): "error",
}


@pytest.mark.once
@pytest.mark.invariant(6)
def test_no_text_becomes_another_time(world):
    w = times(world, VALUES)
    run = w.sync()
    assert run.status == Status.COMPLETED_WITH_WARNINGS
    assert arrived(w, VALUES) == VALUES
    by_value = {error.value: error.remedy for error in w.open_errors().values()}
    for value, rule in {
        "1767616212": '{"rule": "date", "format": "epoch"}',
        "1767616212000": '{"rule": "date", "format": "epoch_ms"}',
        "20260105123012+0100": '{"rule": "date", "format": "%Y%m%d%H%M%S%z"}',
        "20260105123012": '{"rule": "date", "format": "%Y%m%d%H%M%S"}',
        "20260105": '{"rule": "date", "format": "%Y%m%d"}',
    }.items():
        assert rule in by_value[value], "the remedy is a rule that works"


RULED: dict[str, tuple[Any, Any]] = {
    "%Y-%m-%d %H:%M:%S %z": ("2026-01-05 13:30:12 +0100", "2026-01-05T12:30:12Z"),
    "%a, %d %b %Y %H:%M:%S %z": ("Mon, 05 Jan 2026 13:30:12 +0100", "2026-01-05T12:30:12Z"),
    "%Y%m%d%H%M%S%z": ("20260105133012+0100", "2026-01-05T12:30:12Z"),
    "%Y%m%d%H%M%SZ": ("20260105123012Z", "2026-01-05T12:30:12Z"),
    "epoch": (1767616212, "2026-01-05T12:30:12Z"),
    "epoch_ms": ("1767616212345", "2026-01-05T12:30:12.345000Z"),
    "%m/%d/%Y %I:%M %p": ("01/05/2026 12:30 PM", "2026-01-05T12:30:00Z"),
}


@pytest.mark.once
def test_a_date_rule_reads_offsets_and_epochs(world):
    fields = [{"name": f"T{n}", "type": "datetime"} for n in range(len(RULED))]
    fields += [{"name": f"D{n}", "type": "date"} for n in range(2)]
    record = {f"t{n}": value for n, (value, _) in enumerate(RULED.values())}
    record |= {"d0": 1767571200, "d1": "/Date(1767571200000)/"}
    w = world([compound(0, **record)], fields=fields, contract="off",
              rows=[(field["name"], field["name"].lower()) for field in fields])  # fmt: skip
    rules = {f"T{n}": form for n, form in enumerate(RULED)} | {"D0": "epoch", "D1": "epoch_ms"}
    w.configure(
        **{
            "Mapping Rules": {
                w.tenant.field_id(w.schema, name): {"rule": "date", "format": form}
                for name, form in rules.items()
            }
        }
    )
    assert w.sync().status == Status.SUCCEEDED
    values = w.values()["C-000000"]
    assert [values[f"T{n}"] for n in range(len(RULED))] == [sent for _, sent in RULED.values()]
    assert values["D0"] == values["D1"] == "2026-01-05"


@pytest.mark.once
@pytest.mark.parametrize(
    ("form", "said"),
    [("%d.%m.%d", "it has %d twice"), ("%d.%m.%Y %H:%M %Z", "%Z cannot be used")],
)
def test_a_format_that_cannot_be_used_is_a_fault_of_the_mapping(world, form, said):
    w = times(world, {("day", "05.01.05"): None})
    rule = {w.tenant.field_id(w.schema, "Day"): {"rule": "date", "format": form}}
    w.configure(**{"Mapping Rules": rule})
    run = w.sync()
    assert run.status == Status.FAILED and said in run.error
    assert "2001" not in run.error and "itself failed" not in run.error


CURSORS = ["20260105021500Z", "20260105100033Z"]


@pytest.mark.once
@pytest.mark.invariant(1)
@pytest.mark.parametrize(
    ("form", "times"),
    [
        (None, [None, None]),
        ("%Y%m%d%H%M%S%z", [datetime(2026, 1, 5, 2, 15, tzinfo=UTC),
                            datetime(2026, 1, 5, 10, 0, 33, tzinfo=UTC)]),
    ],
)  # fmt: skip
def test_a_compact_cursor_is_read_right_or_not_at_all(world, form, times):
    w = world([compound(n, modified_at=at) for n, at in enumerate(CURSORS)], contract="off")
    terms = dict(INCREMENTAL["endpoint"]["incremental"])
    terms |= {"datetime_format": form} if form else {}
    settings = {"endpoint": {**INCREMENTAL["endpoint"], "incremental": terms}}
    w.configure(**{"Connector Settings": settings})
    run = w.sync()
    assert run.created == 2 and run.watermark == (times[1] or run.server_date)
    known = {c.external_id: c.source_modified_at for c in Change.objects.all()}
    assert [known["C-000000"], known["C-000001"]] == times
    if form is None:
        assert run.status == Status.COMPLETED_WITH_WARNINGS
        assert any(CURSORS[0] in str(warning) for warning in run.warnings)
