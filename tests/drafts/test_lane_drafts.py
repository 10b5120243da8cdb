"""Drafts, versions and files of an app with several lanes: each writes its own lane's items."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.urls import reverse

from registry_sync import runs
from registry_sync.models import Lane, MappingDraft, MappingVersion, SyncRun
from tests.support.drafting import Desk
from tests.support.registry import compound
from tests.support.worlds import AddedLane, World

pytestmark = pytest.mark.once

Setting = dict[tuple[str, ...], Any]


@pytest.fixture
def two(world) -> tuple[World, AddedLane]:
    """Compounds and lots, both synced once."""
    w = world([compound(n) for n in range(4)])
    lots = w.add_lane("Lots", [compound(900 + n) for n in range(3)], rows=[("SMILES", "smiles")])
    w.sync()
    for lane in runs.current_lanes():
        SyncRun.objects.filter(lane=lane, status="QUEUED").update(status="CANCELLED")
        w.sync(lane=lane)
    return w, lots


def items(w: World) -> Setting:
    return {tuple(item["path"]): item["value"] for item in w.tenant.config.values()}


def start(desk: Desk, lane: AddedLane, do: str = "live") -> MappingDraft:
    add = reverse("admin:registry_sync_mappingdraft_add")
    sent = {"title": "Mine", "do": do, "schema": lane.schema}
    desk.told = desk.client.post(add, sent, follow=True)
    return MappingDraft.objects.latest("pk")


def with_approval(desk: Desk, w: World, lane: AddedLane) -> MappingDraft:
    """Make a draft that maps one more field, and preview it."""
    draft = start(desk, lane)
    field = w.tenant.field_id(lane.schema, "Approval")
    rows = [*draft.rows, {"path": "approval", "field_id": field, "rule": None}]
    MappingDraft.objects.filter(pk=draft.pk).update(rows=rows, name_field="{id} {name}")
    desk.do(draft, "sample", at="preview")
    return draft


def test_a_draft_writes_only_its_lanes_items(two, desk):
    w, lots = two
    draft = with_approval(desk, w, lots)
    assert draft.schema_id == lots.schema and len(draft.rows) == 2
    assert "Mine (Lots)" in desk.told.content.decode()
    before = items(w)
    assert "Published as version" in desk.publish(draft)
    now = items(w)
    changed = {path for path in now if now[path] != before.get(path)}
    rows = {path[1] for path in changed if path[0] == "Field Configurations"}
    assert len(rows) == 1 and now["Field Configurations", *rows, "Entity Schema"] == lots.schema
    others = {path for path in changed if path[0] != "Field Configurations"}
    assert {(path[0], path[2]) for path in others} == {("Additional Syncs", "External Name Field")}
    run = w.sync(lane=Lane.objects.get(schema_id=lots.schema))
    assert run.kind == "full" and run.updated == 3
    assert w.sync(lane=Lane.objects.get(schema_id=w.schema)).kind == "incremental"


def test_changes_and_runs_of_another_lane_do_not_hinder(two, desk):
    w, lots = two
    draft = with_approval(desk, w, lots)
    w.configure(**{"Mapping Rules": json.dumps({w.tenant.field_id(w.schema, "Kind"): "trim"})})
    other, _ = runs.request_run(
        kind="full", trigger="schedule", lane=Lane.objects.get(schema_id=w.schema)
    )
    assert "Published as version" in desk.publish(draft)
    assert other.status == "QUEUED"


def test_a_run_of_its_own_lane_hinders(two, desk):
    w, lots = two
    draft = with_approval(desk, w, lots)
    runs.request_run(kind="full", trigger="schedule", lane=Lane.objects.get(schema_id=lots.schema))
    assert "would read a half-written configuration" in desk.publish(draft)


def test_versions_and_roll_backs_are_a_lanes(two, desk):
    w, lots = two
    draft = with_approval(desk, w, lots)
    desk.publish(draft)
    assert list(MappingVersion.objects.values_list("schema_id", flat=True)) == [lots.schema] * 2
    first = desk.ready("live", name_field="{name}!")
    assert first.schema_id == w.schema
    desk.publish(first)
    listed = [(version.number, version.schema_id) for version in MappingVersion.objects.all()]
    assert listed == [(4, w.schema), (3, w.schema), (2, lots.schema), (1, lots.schema)]
    left = {lane.schema_name: runs.outstanding(lane) for lane in runs.current_lanes()}
    assert all(left.values()) and left["Lots"].version.number == 2
    found = MappingVersion.objects.get(number=1)
    url = reverse("admin:registry_sync_mappingversion_roll_back", args=[found.pk])
    desk.client.post(url)
    back = MappingDraft.objects.latest("pk")
    assert (back.schema_id, back.back_to, len(back.rows)) == (lots.schema, 1, 1)
    before = items(w)
    assert "Published as version 5" in desk.publish(back)
    now = items(w)
    emptied = [path for path in now if before[path] and not now[path]]
    assert {path[-1] for path in emptied} == {"Benchling Field", "External API Field Name"}


def test_the_desk_names_the_lane_of_drafts_and_versions(two, desk):
    w, lots = two
    desk.publish(with_approval(desk, w, lots))
    for name in ("mappingdraft", "mappingversion"):
        url = reverse(f"admin:registry_sync_{name}_changelist")
        whole = desk.client.get(url).content.decode()
        assert whole.count('class="field-lane_name">Lots<') >= 1
        one = desk.client.get(f"{url}?schema={w.schema}").content.decode()
        assert 'class="field-lane_name' not in one
    page = desk.client.get(reverse("admin:registry_sync_mappingdraft_add")).content.decode()
    assert f'<option value="{lots.schema}">Lots</option>' in page


def test_an_inherited_client_is_read_and_not_written(two, desk):
    w, lots = two
    client = {"headers": {"X-Site": "A"}}
    settings = json.loads(items(w)["Connector Settings",])
    w.configure(**{"Connector Settings": json.dumps({**settings, "client": client})})
    element = next(path[1] for path in items(w) if path[0] == "Additional Syncs")
    for item in w.tenant.config.values():
        if item["path"] == ["Additional Syncs", element, "API URL"]:
            item["value"] = w.registry.url
    draft = start(desk, lots)
    assert draft.base["client"] == client
    own = {"endpoint": {"params": {"a": "1"}}}
    desk.do(draft, "sample", at="preview")
    MappingDraft.objects.filter(pk=draft.pk).update(connector={**own, "client": client})
    desk.do(draft, "sample", at="preview")
    desk.publish(draft)
    assert json.loads(items(w)["Additional Syncs", element, "Connector Settings"]) == own


def test_a_file_has_a_section_for_each_lane_and_changes_nothing_where_it_came_from(
    two, tmp_path, capsys
):
    w = two[0]
    file = tmp_path / "mapping.yaml"
    call_command("mapping", "export", str(file))
    document = yaml.safe_load(file.read_text())
    assert (document["version"], len(document["lanes"])) == (2, 2)
    assert [lane["schema"] for lane in document["lanes"]] == ["Compound", "Lots"]
    call_command("mapping", "import", str(file))  # writes the default External Name Field
    before = items(w)
    call_command("mapping", "import", str(file))
    assert "0 items are changed" in capsys.readouterr().out and items(w) == before
    document["lanes"][1]["external_name_field"] = "{id}"
    file.write_text(yaml.safe_dump(document))
    call_command("mapping", "import", str(file))
    changed = {path for path, value in items(w).items() if value != before.get(path)}
    assert {path[-1] for path in changed} == {"External Name Field"}
    assert {path[0] for path in changed} == {"Additional Syncs"}


def test_the_old_form_is_read_as_the_first_lanes(two, tmp_path):
    w = two[0]
    file = tmp_path / "mapping.yaml"
    call_command("mapping", "export", str(file))
    document = yaml.safe_load(file.read_text())
    first = document["lanes"][0] | {"version": 1, "registry": document["registry"]}
    first["external_name_field"] = "{id}"
    file.write_text(yaml.safe_dump(first))
    before = items(w)
    call_command("mapping", "import", str(file))
    changed = {path for path, value in items(w).items() if value != before.get(path)}
    assert changed == {("External Name Field",)}
    first["schema"] = "Lots"
    file.write_text(yaml.safe_dump(first))
    with pytest.raises(CommandError, match="already feeds the schema Lots"):
        call_command("mapping", "import", str(file))


def test_a_file_fills_a_tenant_that_has_no_second_lane_yet(two, tmp_path):
    w, lots = two
    file = tmp_path / "mapping.yaml"
    call_command("mapping", "export", str(file))
    before = items(w)
    w.tenant.config = {
        id_: item for id_, item in w.tenant.config.items() if item["path"][0] != "Additional Syncs"
    }
    call_command("mapping", "import", str(file))
    now = items(w)
    assert now["Additional Syncs", "Lots", "Entity Schema"] == lots.schema
    assert now["Additional Syncs", "Lots", "API URL"] == lots.registry.url
    same = {path for path in before if path[0] == "Field Configurations"}
    assert {path: now[path] for path in same} == {path: before[path] for path in same}
