"""How the lane stands and what became of one record are told apart; no session outlives its run."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F

from registry_sync import runs
from registry_sync.benchling.client import Client
from registry_sync.jobs.reconciler import reconcile
from registry_sync.models import Canvas, Lane, SyncRun
from sandbox.tenant.state import Fault
from tests.support.canvas import Page, work
from tests.support.factories import LaneFactory, SyncRunFactory
from tests.support.registry import compound
from tests.support.worlds import forget

pytestmark = pytest.mark.once


def part(page: Page, name: str) -> str:
    """Return the text of a block; "" if there is none."""
    return next((b["value"] for b in page.canvas["blocks"] if b["id"] == name), "")


@pytest.fixture
def ada(w) -> Page:
    w.sync()
    page = Page(w)
    page.press("refresh")
    return page


def test_one_record_is_told_to_who_asked_and_the_standing_to_all(w, ada):
    other = Page(w, "etr_2", "ent_max")
    standing = part(ada, "state")
    assert standing.startswith("**Up to date** as of") and part(other, "state") == standing
    w.registry.edit("C-000003", approval=2020)
    seen = []
    w.registry.on_detail = lambda _: seen.append((other.text, other.canvas["sessionId"]))
    ada.press("sync_one", record="C-000003")
    assert "**C-000003** is queued to be synced." in part(ada, "standing")
    other.press("refresh")
    run = work()
    assert seen and all(
        standing in text and "Syncing C-000003 only" in text and session is None
        for text, session in seen
    )
    assert part(ada, "state") == part(other, "state") == standing
    assert "- Approval: 1953 → 2020" in part(ada, "standing") and ada.chips == ["C-000003"]
    assert f"by sync {run.pk}" in part(ada, "standing") and not part(other, "standing")
    ada.press("refresh")
    assert "1953 → 2020" in part(ada, "standing")
    Canvas.objects.update(wanted_at=F("wanted_at") - timedelta(days=2))
    ada.press("refresh")
    assert not part(ada, "standing")


def test_a_record_that_is_refused_says_what_it_waits_for_and_a_failed_run_why(w, ada):
    w.registry.edit("C-000004", name="Compound 3")
    ada.press("sync_one", record="C-000004")
    work()
    said = part(ada, "standing")
    assert said.startswith("**Its newest version is not in Benchling.**")
    assert "It waits until" in said and "Compound 3" in said
    assert part(ada, "state").startswith("**Up to date**"), "one record is not the lane"
    w.registry.token = "another"
    ada.press("sync_one", record="C-000005")
    work()
    assert part(ada, "standing").startswith("**C-000005** was not synced. **The last sync failed**")
    ada.press("sync_one", record="C-999999")
    assert SyncRun.objects.latest("pk").only == ["C-999999"]


def test_a_retry_since_stands_beside_and_says_that_nothing_is_refused_any_more(w):
    w.tenant.refuse["C-000003"] = "Not this one."
    w.sync()
    page = Page(w)
    del w.tenant.refuse["C-000003"]
    page.press("retry_failed")
    work()
    first, second = part(page, "state").split("\n\n")
    assert first.startswith("**Synced, with warnings,**")
    assert first.endswith("1 refused. None of them is refused any more.")
    assert second.startswith("**Retried failed records**")


@pytest.mark.invariant(7)
def test_no_machine_line_is_drawn_and_app_status_still_restores_the_watermark(w, monkeypatch):
    page, drawn = Page(w), []
    update = Client.update_session

    def see(client, session_id, body):
        attached = page.canvas["sessionId"] == session_id
        drawn.append((attached, any("State:" in m["content"] for m in body["messages"])))
        return update(client, session_id, body)

    monkeypatch.setattr(Client, "update_session", see)
    attached = []
    w.registry.on_page = lambda _: attached.append(page.canvas["sessionId"])
    page.press("manual_sync")
    run = work()
    assert drawn[-1] == (False, True) and (True, True) not in drawn
    assert page.canvas["sessionId"] is None and "20 new" in part(page, "state")

    forget()
    assert page.press("refresh") and "never been synced" in page.text
    w.registry.edit("C-000003", approval=2020)
    page.press("manual_sync")
    again = work()
    assert not again.reads_all and again.since == run.watermark and again.created == 0
    assert w.values()["C-000003"]["Approval"] == 2020


def test_a_canvas_of_an_earlier_version_leaves_its_ended_session(w, ada):
    ada.canvas["sessionId"] = SyncRun.objects.latest("pk").session_id
    Canvas.objects.update(drawn_at=None, used_at=F("used_at") - timedelta(minutes=1))
    reconcile()
    assert ada.canvas["sessionId"] is None


def test_a_look_up_says_at_once_that_it_looks_and_then_shows_the_values(w, ada):
    seen = []
    w.registry.on_detail = lambda _: seen.append((part(ada, "standing"), ada.canvas["enabled"]))
    ada.press("look_up", record="compound 3")
    looking = "Looking up “compound 3” in Benchling and in the registry …"
    assert seen[0] == (looking, False)
    assert ada.canvas["enabled"] and looking not in ada.text
    assert "- Kind: Protein\n- Approval: 1953" in part(ada, "standing")
    w.registry.edit("C-000003", approval=2020)
    w.tenant.faults.append(Fault("PATCH /api/v2/app-canvases", "status", times=1, status=403))
    ada.press("look_up", record="C-000003")
    assert "newer version" in ada.text and "Approval: 1953 → 2020" in ada.text


def test_a_part_of_a_name_and_an_alias_are_found(w, ada):
    entity = next(e for e in w.tenant.entities.values() if e.entity_registry_id == "C-000007")
    entity.aliases.append("Wonder-X 7")
    w.registry.records.append(compound(60, name="Compound 3"))
    w.sync()
    ada.press("look_up", record="wonder")
    assert part(ada, "standing").startswith("**C-000007** is in Benchling")
    ada.press("look_up", record="pound 1")
    said = part(ada, "standing").splitlines()
    assert said[0].startswith("Several records match “pound 1”.")
    assert "- **C-000010** Compound 10" in said and said[-1].startswith("- And more.")
    ada.press("look_up", record="0060")
    assert part(ada, "standing").startswith("**C-000060 is not in Benchling.**")
    ada.press("look_up", record="C-00006")
    assert part(ada, "standing").startswith("**C-000060 is not in Benchling.**")
    before = SyncRun.objects.count()
    ada.press("sync_one", record="pound 1")
    assert SyncRun.objects.count() == before and "Several records match" in ada.text
    ada.press("sync_one", record="wonder")
    assert SyncRun.objects.latest("pk").only == ["C-000007"]


def test_a_preview_names_the_first_refused_records(w, ada):
    w.registry.records += [compound(n, kind="Rock") for n in range(40, 47)]
    w.registry.records.append(compound(50, name="Compound 3"))
    ada.press("preview")
    work()
    *_, counts, first, _, _, _, last, more = part(ada, "state").split("\n")
    assert "8 refused. Nothing was written." in counts
    assert first.startswith("- **C-000040** would be refused: ") and "Rock" in first
    assert last.startswith("- **C-000050** would be refused: ")
    assert more == "- And 3 more, which your integration owner can list."


def test_a_request_says_its_place_in_the_queue_and_who_is_at_work(w, ada):
    lots = LaneFactory(schema_id="ts_l", schema_name="Lots", position=1)
    busy = SyncRunFactory(lane=lots, status="RUNNING", trigger="schedule", actor="")
    SyncRun.objects.filter(pk=busy.pk).update(started_at=busy.created_at)
    ada.press("manual_sync", lane="Compound")
    said = next(line for line in part(ada, "state").split("\n\n") if "Compound" in line[:14])
    assert runs.active(Lane.objects.get(position=0)).started_at is None
    assert "number 2 in the queue; at work: the sync of Lots, started by the schedule." in (
        part(ada, "state")
    ), said
