"""Lanes are named by their schema on every face."""

from __future__ import annotations

from registry_sync import runs
from tests.support.factories import LaneFactory


def named(*schemas: tuple[str, str]) -> runs.LaneNames:
    return runs.LaneNames(
        LaneFactory.build(pk=number, schema_id=id_, schema_name=name)
        for number, (id_, name) in enumerate(schemas, 1)
    )


def test_a_lane_is_named_by_its_schema() -> None:
    names = named(("ts_1", "Compounds"), ("ts_2", ""))
    assert names.choice() == ["Compounds", "ts_2"]
    assert [names.find(asked) for asked in ("Compounds", "ts_1", "ts_2")] == [
        names.lanes[0], names.lanes[0], names.lanes[1],
    ]  # fmt: skip
    assert names.find("compounds") is None


def test_schemas_of_one_name_are_told_apart_by_their_ids() -> None:
    names = named(("ts_1", "Lots"), ("ts_2", "Lots"), ("ts_3", "Compounds"))
    assert names.choice() == ["ts_1", "ts_2", "Compounds"]
    assert names.find("Lots") is None


def test_a_lane_that_is_no_longer_configured_says_so() -> None:
    former = LaneFactory.build(pk=9, schema_id="ts_9", schema_name="Compounds")
    assert named(("ts_1", "Lots")).of(former) == "Compounds (no longer synced)"


def test_one_lane_alone_needs_no_name() -> None:
    one = named(("ts_1", "Lots"))
    assert one.label(one.lanes[0]) == ""
    two = named(("ts_1", "Lots"), ("ts_2", "Compounds"))
    assert two.label(two.lanes[1]) == "Compounds"
