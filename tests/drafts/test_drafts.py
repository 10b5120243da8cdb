"""Mapping drafts, by POSTing the pages they are on, against a tenant and a registry over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from registry_sync import runs
from registry_sync.drafts import preview, preview_queue
from registry_sync.jobs.tasks import run_preview
from registry_sync.models import LedgerEntry, MappingDraft, MappingVersion, SyncRun
from sandbox.tenant.state import Fault
from tests.support.drafting import as_posted, page
from tests.support.registry import compound
from tests.support.worlds import World

Status = SyncRun.Status
LIST = reverse("admin:registry_sync_mappingdraft_changelist")


@pytest.fixture
def bare(world) -> World:
    """A tenant whose app has no row yet, and a registry of 30 compounds."""
    w = world([compound(n) for n in range(30)])
    w.configure(**{"Field Configurations": []})
    return w


def rows_in(w: World) -> dict[str, str]:
    """Give the rows of the tenant's configuration: the path by the field's name."""
    held: dict[str, dict[str, Any]] = {}
    for item in w.tenant.config.values():
        if item["path"][0] == "Field Configurations" and len(item["path"]) > 2:
            held.setdefault(item["path"][1], {})[item["path"][-1]] = item["value"]
    names = {f["id"]: f["name"] for f in w.tenant.schemas[w.schema]["fieldDefinitions"]}
    filled = [row for row in held.values() if row.get("Benchling Field")]
    return {names[row["Benchling Field"]]: row["External API Field Name"] for row in filled}


FED = {"SMILES": "smiles", "Kind": "kind", "Approval": "approval"}


def test_from_nothing_to_a_published_mapping(bare, desk):
    draft = desk.start()
    assert draft.rows == [] and len(draft.sample) == 30
    found = {s["field"]: s for s in draft.suggestions}
    assert {name: s["path"] for name, s in found.items()} == FED
    assert "30 of 30 values are options of its dropdown" in found["Kind"]["why"]
    assert found["SMILES"]["examples"] == ["C", "CC", "CCC"] and rows_in(bare) == {}
    said = desk.do(draft, "take_all")
    assert len(draft.rows) == 3 and "This mapping is valid" in said
    desk.do(draft, "sample", at="preview")
    assert draft.preview["new"] == 30
    assert "Small molecule" in str(draft.preview["rows"][0]["cells"])
    said = desk.publish(draft, "Go live")
    assert (
        "Published as version 1. If the mapping has changed, the next run reads the whole registry"
        in said
    )
    assert rows_in(bare) == FED and draft.state == "published"
    version = MappingVersion.objects.get()
    assert (version.actor, version.reason, version.draft) == ("Olivia", "Go live", draft)
    assert {row["field"]: row["path"] for row in version.rows} == FED
    assert LogEntry.objects.filter(change_message__contains="Go live").exists()
    assert bare.sync().status == Status.SUCCEEDED
    assert bare.values()["C-000003"]["Kind"] == "Protein"


def test_what_a_new_rule_would_change_is_shown_then_written_in_a_full_run(world, desk):
    w = world([compound(n) for n in range(12)])
    w.sync()
    draft = desk.start("live")
    approval = next(row for row in draft.rows if row["path"] == "approval")
    sent = as_posted(draft)
    n = draft.rows.index(approval) + 1
    desk.do(draft, "save", **sent | {f"row-{n}-rule": "unit", f"row-{n}-unit.factor": "2"})
    rule = {"rule": "unit", "factor": 2}
    assert next(row for row in draft.rows if row["path"] == "approval")["rule"] == rule
    desk.do(draft, "sample", at="preview")
    found = draft.preview
    assert (found["new"], found["changed"], found["unchanged"]) == (0, 12, 0)
    field = next(f for f in found["fields"] if f["name"] == "Approval")
    assert field["changed"] == 12 and field["examples"][0] == ["C-000000", "1950", "3900"]
    before = len(w.tenant.config)
    said = desk.publish(draft)
    assert "Published as version 2" in said  # the first is what was found
    assert len(w.tenant.config) == before + 1  # Mapping Rules, which was not there
    assert [v.reason[:8] for v in MappingVersion.objects.all()] == ["New mapp", "As found"]
    run = w.sync()
    assert run.kind == SyncRun.Kind.FULL and run.updated == 12
    assert w.values()["C-000001"]["Approval"] == 3902


@pytest.mark.once
def test_unseen_or_under_a_run_nothing_is_published(bare, desk):
    draft = desk.ready()
    desk.do(draft, "save", **as_posted(draft))
    assert draft.preview_version < draft.version
    assert "This version of the draft has not been previewed" in desk.publish(draft)
    desk.do(draft, "sample", at="preview")
    run, _ = runs.request_run(kind=SyncRun.Kind.FULL, trigger=SyncRun.Trigger.SCHEDULE)
    assert "is active and would read a half-written configuration" in desk.publish(draft)
    assert rows_in(bare) == {} and not MappingVersion.objects.exists()
    runs.cancel(run, actor="Olivia", reason="-")
    assert "Published as version 1" in desk.publish(draft)


@pytest.mark.once
def test_a_draft_that_the_sync_would_refuse_is_told_why(bare, desk):
    draft = desk.start()
    field = bare.tenant.field_id(bare.schema, "Approval")
    row = {"row-1-path": "a[", "row-1-field": field, "row-1-rule": "date", "row-1-date.format": "x",
           "row-2-path": "kind", "row-2-field": field, "row-2-rule": "as_is"}  # fmt: skip
    said = desk.do(draft, "save", **row)
    assert "another row already maps to “Approval”" in said
    assert "rule date needs a `format`" in desk.do(draft, "save", **{**row, "row-2-remove": "on"})
    assert "rule date needs" in desk.do(draft, "sample", at="preview")
    assert draft.preview_state == "none"


@pytest.mark.once
def test_somebody_changed_the_configuration_meanwhile(world, desk):
    w = world([compound(n) for n in range(8)])
    draft = desk.ready("live")
    w.configure(**{"Field Configurations": [("SMILES", "name"), ("Kind", "kind")]})
    said = desk.publish(draft)
    assert "has changed since the draft was started" in said and "Cannot publish" in said
    assert '<td class="desk-mono">smiles</td><td class="desk-mono">name</td>' in said
    assert rows_in(w) == {"SMILES": "name", "Kind": "kind"}
    desk.do(draft, "theirs", at="publish")
    assert "has not been previewed" in desk.publish(draft)
    desk.do(draft, "sample", at="preview")
    assert "Published as version 2" in desk.publish(draft)
    assert rows_in(w) == {**FED, "Parent": "parent"}
    assert MappingVersion.objects.first().before["rows"][0]["path"] == "name"


@pytest.mark.parametrize("switch", ["no_rows", "read_only"])
@pytest.mark.once
def test_what_the_tenant_refuses_is_typed_by_hand_and_compared(bare, desk, switch):
    bare.tenant.switches.app_config = switch
    draft = desk.ready()
    said = desk.publish(draft)
    assert "does not let the app make new rows in its configuration" in said
    assert "Nothing was written" in said and draft.state == "waiting" and rows_in(bare) == {}
    for words in ("Row 1 › External API Field Name", "<td class=\"desk-mono\">smiles</td>",
                  "<td class=\"desk-mono\">SMILES</td>"):  # fmt: skip
        assert words in said
    said = desk.do(draft, "compare", at="publish")
    assert "items are not as in the draft: " in said and draft.state == "waiting"
    bare.configure(**{"Field Configurations": list(FED.items())})
    said = desk.do(draft, "compare", at="publish")
    assert "Published as version 1" in said and draft.state == "published"
    assert MappingVersion.objects.get().reason == "New mapping"


def test_a_publication_that_breaks_half_way_is_finished_by_another(world, desk):
    w = world([compound(n) for n in range(8)], rows=[("SMILES", "name"), ("Parent", "x")])
    draft = desk.start("live")
    taken = [s["field_id"] for s in draft.suggestions]
    desk.do(draft, "take", take=taken)
    desk.do(draft, "sample", at="preview")
    w.tenant.faults.append(Fault("PATCH .*configuration-items", "status", status=400, body={
        "error": {"type": "invalid_request_error", "message": "Not today"}}))  # fmt: skip
    said = desk.publish(draft)
    assert "Not today" in said and "Written: " in said and "Row 3 › Entity Schema" in said
    assert not MappingVersion.objects.exists() and rows_in(w)["Kind"] == "kind"
    assert "Published as version 2" in desk.publish(draft)
    assert rows_in(w) == {**FED, "Parent": "x"}


@pytest.mark.once
def test_a_row_that_was_removed_is_emptied_and_a_roll_back_fills_it_again(world, desk):
    w = world([compound(n) for n in range(8)])
    draft = desk.start("live")
    desk.do(draft, "save", **as_posted(draft), **{"row-2-remove": "on"})
    desk.do(draft, "sample", at="preview")
    assert "No longer mapped: Kind" in desk.client.get(page("publish", draft)).content.decode()
    desk.publish(draft)
    assert "Kind" not in rows_in(w)
    first = MappingVersion.objects.get(number=1)
    url = reverse("admin:registry_sync_mappingversion_roll_back", args=[first.pk])
    said = desk.client.post(url, follow=True).content.decode()
    back = MappingDraft.objects.latest("pk")
    assert back.back_to == 1 and "Roll back to version 1" in said and "Kind" not in rows_in(w)
    assert "Published as version 3" in desk.publish(back, "It was wrong")
    assert rows_in(w)["Kind"] == "kind" and MappingVersion.objects.first().back_to == 1


def test_two_people_edit_one_draft(bare, desk):
    draft = desk.ready()
    sent = as_posted(draft)
    version = draft.version
    desk.do(draft, "save", **{**sent, "row-1-path": "theirs"})
    mine = {**sent, "row-1-path": "mine", "do": "save", "version": version}
    said = desk.client.post(page("change", draft), mine).content.decode()
    assert "Not saved" in said and ">mine</td>" in said and ">theirs</td>" in said
    draft.refresh_from_db()
    assert draft.rows[0]["path"] == "theirs"
    desk.client.post(page("change", draft), mine | {"version": draft.version})
    draft.refresh_from_db()
    assert draft.rows[0]["path"] == "mine"


@pytest.mark.once
def test_a_draft_is_a_file_for_review(world, desk):
    w = world([compound(n) for n in range(8)])
    w.configure(**{"Mapping Rules": {w.tenant.field_id(w.schema, "SMILES"): "trim"}})
    draft = desk.start("live")
    text = desk.client.get(page("yaml", draft)).content.decode()
    document = yaml.safe_load(text)
    assert {"field": "SMILES", "path": "smiles", "rule": "trim"} in document["fields"]
    assert w.registry.token not in text.split() and "tsf_" not in text
    document["fields"] = document["fields"][:1]
    other = desk.start()
    sent = SimpleUploadedFile("m.yaml", yaml.safe_dump(document).encode())
    assert "1 row was imported" in desk.do(other, "import", file=sent)
    assert other.rows == draft.rows[:1]
    document["fields"] = [{"field": "Nowhere", "path": "x"}]
    bad = SimpleUploadedFile("m.yaml", yaml.safe_dump(document).encode())
    assert "“Nowhere”: there is none with this name" in desk.do(other, "import", file=bad)
    assert other.rows == draft.rows[:1]


def test_all_records_in_slices_and_taken_over(world, desk, settings):
    w = world([compound(n) for n in range(450)])
    w.sync()
    w.registry.edit("C-000440", kind="Antibody")
    draft = desk.start("live")
    said = desk.do(draft, "all", at="preview")
    assert "manage.py mapping preview" in said and draft.preview_state == "queued"
    assert "What it would do to the 0 records previewed so far" in said
    settings.SLICE_SECONDS = 0
    beat = preview.claim_preview(draft.pk)
    assert preview.claim_preview(draft.pk) is None
    MappingDraft.objects.update(preview_heartbeat=timezone.now() - 2 * runs.lease_time())
    assert list(preview_queue.stranded_previews()) == [draft] and preview_queue.release_stranded(
        draft
    )
    run_preview(draft.pk)  # a page: the time is up
    draft.refresh_from_db()
    assert (draft.preview_state, draft.preview_done, draft.preview["read"]) == ("queued", 200, 200)
    with pytest.raises(preview.Lost):
        beat.save(preview_done=7)
    call_command("mapping", "preview", str(draft.pk))
    draft.refresh_from_db()
    found = draft.preview
    assert (found["read"], found["unchanged"], found["refused"]) == (450, 449, 1)
    assert found["causes"][0]["ids"] == ["C-000440"] and draft.preview_state == "done"
    desk.do(draft, "ids", at="preview", ids="C-000440, C-000002 NOWHERE")
    call_command("mapping", "preview", str(draft.pk))
    draft.refresh_from_db()
    assert draft.preview["read"] == 2 and draft.preview_error == "Not in the registry: NOWHERE."
    assert LedgerEntry.objects.count() == 450 and w.written() == 450


@pytest.mark.once
def test_who_may(bare, desk, viewer):
    draft = desk.ready()
    before = MappingDraft.objects.values().get()
    posts = [(page("change", draft), "take_all"), (page("change", draft), "discard"),
             (page("preview", draft), "all"), (page("publish", draft), "publish"),
             (reverse("admin:registry_sync_mappingdraft_add"), "nothing")]  # fmt: skip
    for url, do in posts:
        sent = {"do": do, "version": draft.version, "reason": "x"}
        assert viewer.post(url, sent).status_code == 403
        assert Client().post(url, sent).url.startswith(reverse("admin:login"))
    for url in (LIST, page("change", draft), page("preview", draft), page("yaml", draft)):
        assert viewer.get(url).status_code == 200
    assert "Take all" not in viewer.get(page("change", draft)).content.decode()
    assert MappingDraft.objects.values().get() == before and rows_in(bare) == {}
