"""The Benchling schema that a lane keeps, for whoever shows stored ids."""

from __future__ import annotations

from registry_sync import runs
from registry_sync.models import Change, Lane
from tests.support.registry import compound
from tests.support.worlds import ROWS


def test_a_lane_keeps_names_types_and_labels(world):
    w = world([compound(n) for n in range(3)])
    assert runs.current_lanes() == []
    w.sync()
    [lane] = runs.current_lanes()
    view = runs.schema_view(lane)
    kind = Change.objects.filter(field="Kind").first()
    assert lane.schema_read_at is not None
    assert view.field_name(kind.field_id) == "Kind"
    assert view.snapshot["fields"][kind.field_id]["type"] == "dropdown"
    assert kind.after.startswith("sfso_")
    assert view.option_label(kind.field_id, kind.after) in ("Small molecule", "Protein")
    assert view.labelled(kind.field_id, [kind.after]) == [view.labelled(kind.field_id, kind.after)]
    smiles = Change.objects.filter(field="SMILES").first()
    assert view.labelled(smiles.field_id, "CCO") == "CCO"
    assert view.labelled(kind.field_id, "sfso_x") == "sfso_x", "what was never read is its id"
    assert runs.schema_view(None).field_name("ts_x") == "ts_x"


def test_it_is_written_only_when_it_differs(world):
    w = world([compound(n) for n in range(3)])
    w.sync()
    first = Lane.objects.get().schema_read_at
    w.sync()
    assert Lane.objects.get().schema_read_at == first


def test_a_renamed_option_has_its_new_label_and_a_removed_one_its_last(world):
    w = world([compound(n) for n in range(3)])
    w.sync()
    kind = Change.objects.filter(field="Kind").first()
    options = w.tenant.dropdowns[w.kinds]["options"]
    [option] = [one for one in options if one["id"] == kind.after]
    option["name"] = "Renamed"
    w.sync()
    view = runs.schema_view(Lane.objects.get())
    assert view.option_label(kind.field_id, kind.after) == "Renamed"
    options.remove(option)
    w.configure(**{"Field Configurations": [row for row in ROWS if row[0] != "Kind"]})
    w.sync()
    view = runs.schema_view(Lane.objects.get())
    assert view.option_label(kind.field_id, kind.after) == "Renamed"
    assert view.field_name(kind.field_id) == "Kind"
