"""`manage.py explain`: one record, step by step, and nothing written."""

from __future__ import annotations

from typing import Any

import pytest

from registry_sync.models import Change, EntityError, LedgerEntry, PreviewNote, SyncRun
from tests.support.command_schema import checked
from tests.support.commands import command, command_apart
from tests.support.registry import compound
from tests.support.worlds import World, looked_up

pytestmark = pytest.mark.once

ROWS = (SyncRun, Change, EntityError, LedgerEntry, PreviewNote)


def told(*words: str) -> tuple[int, dict[str, Any], dict[str, dict[str, Any]]]:
    """Explain a record: the exit status, the whole, and its steps by name."""
    status, out, err = command_apart(*words, "--json", name="explain")
    assert out, err
    said = checked("explain", out)
    return status, said, {step["step"]: step for step in said["steps"]}


def stopping(steps: dict[str, dict[str, Any]]) -> list[str]:
    return [name for name, step in steps.items() if step["outcome"] in ("stopped", "failed")]


@pytest.fixture
def synced(world) -> World:
    """A registry with details whose six records are in Benchling."""
    records = [compound(n) for n in range(6)]
    w = world(records, config={"Connector Settings": looked_up()})
    w.sync()
    return w


def test_each_step_is_told_and_nothing_is_written(synced) -> None:
    w = synced
    more = [compound(7, note="key"), compound(8, kind="Rock"), compound(9, name="Compound 1")]
    w.registry.records += more
    w.registry.edit("C-000002", smiles="OCC")
    before = dict(w.tenant.writes), [model.objects.count() for model in ROWS]

    status, said, steps = told("C-000000")
    assert status == 0 and "write nothing" in steps["writing"]["text"] and not said["changes"]

    status, said, steps = told("C-000007")
    assert status == 0 and "would create it" in steps["writing"]["text"]
    assert said["record"]["note"] == "(hidden: a secret)" and said["record"]["smiles"]
    assert next(f for f in said["fields"] if f["field"] == "SMILES")["path"] == "smiles"

    status, said, steps = told("C-000002")
    changed = {"field": "SMILES", "before": "CCC", "after": "OCC"}
    assert status == 0 and said["changes"] == [changed]

    status, said, steps = told("C-000008")
    assert status == 2 and stopping(steps) == ["mapping"] and "Rock" in steps["mapping"]["text"]
    assert steps["writing"]["outcome"] == "skipped"

    status, said, steps = told("C-000009")
    assert status == 2 and stopping(steps) == ["name, id and links"]
    assert "Who must act: " in steps["name, id and links"]["text"]

    status, said, steps = told("C-999999")
    assert status == 2 and stopping(steps) == ["record"]

    status, text = command("Compound 2", name="explain")
    assert status == 0 and "7. writing: ok. A run would change 1 value" in text
    assert "SMILES: CCC → OCC" in text

    w.registry.token = "other"
    status, said, steps = told("C-000000")
    assert status == 1 and stopping(steps) == ["connection"]
    assert steps["Benchling"]["outcome"] == "ok"
    assert (dict(w.tenant.writes), [model.objects.count() for model in ROWS]) == before


def test_a_list_without_details_is_searched_and_an_archived_entity_stays(world) -> None:
    w = world([compound(n) for n in range(3)])
    w.sync()
    w.registry.edit("C-000001", smiles="OCC")
    entity = next(e for e in w.tenant.entities.values() if e.entity_registry_id == "C-000001")
    entity.archived = "Retired"
    status, _, steps = told("C-000001")
    assert status == 2 and stopping(steps) == ["writing"]
    assert "rchived" in steps["Benchling"]["text"]


def test_an_id_of_two_lanes_is_asked_for(world) -> None:
    w = world([compound(n) for n in range(2)])
    lot = compound(0, id="C-000001", name="Lot 1", parent=None)
    w.add_lane("Lot", [lot], config={"Connector Settings": {"registry_id_template": "L-{id}"}})
    assert command()[0] == 0
    status, said = command("C-000001", name="explain")
    assert status == 64 and "Name one with --lane" in said
    status, said = command("C-5", name="explain")
    assert status == 64 and "needs --lane" in said
    status, said, _ = told("C-000001", "--lane", "Lot")
    assert status == 0 and said["lane"] == "Lot" and said["record"]["name"] == "Lot 1"


def test_an_empty_id_is_wrong_usage(synced) -> None:
    status, said = command(" ", name="explain")
    assert status == 64 and "ID is empty" in said
    synced.registry.edit("C-000001", name="New\nname")
    _, said = command("C-000001", name="explain")
    assert "name: Compound 1 → New\\nname" in said
