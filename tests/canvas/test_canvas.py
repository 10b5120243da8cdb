"""What scientists see and press: every state is true, and no button stays dead."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from registry_sync import runs
from registry_sync.jobs import runner as jobs
from registry_sync.jobs.control import cancel_run
from registry_sync.jobs.reconciler import reconcile
from registry_sync.models import Canvas, SyncRun, WebhookDelivery
from registry_sync.webhooks import handlers as deliveries
from registry_sync.webhooks.inbox import left_over
from sandbox.tenant.state import Fault
from tests.support.canvas import Page, work
from tests.support.registry import compound
from tests.support.webhooks import Sender
from tests.support.worlds import looked_up

pytestmark = pytest.mark.once  # a canvas looks the same over every database

Status, Kind = SyncRun.Status, SyncRun.Kind
Json = dict[str, Any]


def test_a_fresh_canvas_says_never_synced_and_is_enabled(w):
    page = Page(w)
    assert page.canvas["enabled"] and "never been synced" in page.text
    assert page.buttons == {"manual_sync", "preview", "refresh", "look_up", "sync_one"}


def test_manual_sync_from_the_press_to_the_outcome(w):
    page = Page(w)
    page.press("manual_sync")
    assert page.canvas["enabled"] and "Your sync has started" in page.text
    assert "started by Ada Byron" in page.text
    run = work()
    assert run.status == Status.SUCCEEDED and (run.trigger, run.actor) == ("canvas", "Ada Byron")
    assert page.canvas["enabled"] and page.canvas["sessionId"] is None and run.session_id
    assert "Up to date" in page.text and "20 new" in page.text and "UTC" in page.text
    page.press("manual_sync")
    work()
    assert "Nothing had changed" in page.text


def test_two_scientists_see_the_same_run(w):
    ada, max_ = Page(w), Page(w, "etr_2", "ent_max")
    ada.press("manual_sync")
    max_.press("manual_sync")
    assert SyncRun.objects.count() == 1
    assert "already running, started by Ada Byron" in max_.text
    work()
    assert "Up to date" in ada.text and "Up to date" in max_.text
    assert ada.canvas["sessionId"] == max_.canvas["sessionId"]


def test_warnings_name_their_causes_and_offer_a_retry(w):
    w.tenant.refuse["C-000003"] = "The SMILES is not valid."
    page = Page(w)
    page.press("manual_sync")
    work()
    assert "with warnings" in page.text and "1 refused" in page.text
    assert "The SMILES is not valid" in page.text and "retry_failed" in page.buttons
    assert "**1 record: refused by Benchling.**" in page.text
    assert "Ask the registry's owner to look at it." in page.text
    del w.tenant.refuse["C-000003"]
    page.press("retry_failed")
    assert "being retried" in page.text
    assert work().kind == Kind.RETRY
    assert "**Retried failed records** on" in page.text and "1 new." in page.text
    assert "The registry was not asked for newer versions" in page.text
    assert "Up to date" not in page.text and "retry_failed" not in page.buttons


def test_a_failure_says_what_to_do(w):
    w.registry.token = "other"
    page = Page(w)
    page.press("manual_sync")
    assert work().status == Status.FAILED
    assert "The last sync failed" in page.text and "did not accept the API key" in page.text
    assert "Ask your integration owner" in page.text and "401" not in page.text
    assert page.canvas["enabled"] and "Traceback" not in page.text


@pytest.mark.invariant(8)
def test_a_preview_writes_nothing_and_says_what_would_happen(w):
    page = Page(w)
    page.press("preview")
    run = work()
    assert run.kind == Kind.DRY_RUN and w.written() == 0
    assert "20 would be created, 0 changed, 0 refused" in page.text


def test_refresh_and_unknown_buttons_leave_the_canvas_enabled(w):
    page = Page(w)
    page.press("refresh")
    assert page.canvas["enabled"]
    page.press("no_such_button")
    assert page.canvas["enabled"] and "no longer available" in page.text


@pytest.mark.parametrize("asked", ["C-000003", "compound 3 "])
def test_a_record_is_looked_up_by_id_or_name(w, asked):
    page = Page(w)
    page.press("manual_sync")
    work()
    page.press("look_up", record=asked)
    assert "“Compound 3”" in page.text and "nothing newer" in page.text
    assert page.chips == ["C-000003"]
    assert "by sync" in page.text and "started by Ada Byron" in page.text
    w.registry.edit("C-000003", approval=2020)
    page.press("look_up", record=asked)
    assert "newer version" in page.text
    page.press("sync_one", record=asked)
    assert work().only == ["C-000003"] and w.values()["C-000003"]["Approval"] == 2020


def test_a_record_nobody_knows_and_a_refused_one(w):
    w.tenant.refuse["C-000004"] = "The SMILES is not valid."
    page = Page(w)
    page.press("manual_sync")
    work()
    page.press("look_up", record="C-999999")
    assert "has no record “C-999999”" in page.text
    page.press("look_up", record="C-000004")
    assert "C-000004 is not in Benchling" in page.text and "SMILES is not valid" in page.text
    w.registry.records.append(compound(40))
    page.press("look_up", record="C-000040")
    assert "in the registry, but not in Benchling yet" in page.text and page.chips == []
    page.press("look_up", record="  ")
    assert "Enter the id or the name" in page.text


def test_a_page_that_opens_gets_one_canvas(w):
    sender = Sender(w)
    message = {"type": "v2.canvas.initialized", "featureId": "manual_sync", "resourceId": "asr_1",
               "userId": "ent_ada"}  # fmt: skip
    for id_ in ("a", "b"):
        sender.send(message, id=id_)
        deliveries.work_delivery(WebhookDelivery.objects.get(webhook_id=id_).pk)
    (made,) = w.tenant.canvases.values()
    assert made["resourceId"] == "asr_1" and made["enabled"] and made["blocks"]


def test_a_configuration_that_breaks_is_shown_before_the_next_run(w):
    page = Page(w)
    w.configure(**{"External Name Field": "{name"})
    page.tell({"type": "v2-beta.app.configuration.updated"})
    assert "cannot run until its configuration is corrected" in page.text
    assert "External Name Field" in page.text
    w.configure(**{"External Name Field": "name", "Connector Settings": looked_up()})
    page.tell({"type": "v2-beta.app.configuration.updated"})
    assert "is corrected" not in page.text


def test_a_deactivated_app_says_so(w):
    page = Page(w)
    page.tell({"type": "v2.app.deactivated"})
    assert "switched off" in page.text and page.canvas["enabled"]
    assert "never been synced" in page.text and "Manual Sync" not in page.text
    page.press("manual_sync")
    assert work().status == Status.FAILED and "switched off" in page.text
    page.tell({"type": "v2.app.activateRequested"})
    page.press("manual_sync")
    assert work().status == Status.SUCCEEDED and "switched off" not in page.text


def test_a_run_cancelled_by_the_owner_is_told(w):
    page = Page(w)
    page.press("manual_sync")
    run = runs.active()
    cancel_run(run, actor="Jo", reason="Not now")
    assert "was cancelled" in page.text and "Not now" in page.text and page.canvas["enabled"]


def test_a_canvas_that_could_not_be_drawn_is_drawn_by_the_reconciler(w):
    page = Page(w)
    page.press("manual_sync")
    w.tenant.faults.append(Fault("PATCH /api/v2/app-canvases", "status", times=50, status=403))
    work()
    w.tenant.faults.clear()
    assert "Syncing" in page.text
    Canvas.objects.filter(refusals__gt=0).update(rests_until=timezone.now())
    reconcile()
    assert "Up to date" in page.text and page.canvas["enabled"]


def test_a_press_whose_drawing_fails_is_not_lost(w):
    page = Page(w)
    w.tenant.faults.append(Fault("PATCH /api/v2/app-canvases", "status", times=1, status=403))
    row = page.press("manual_sync")
    assert row.state == "failed" and page.canvas["enabled"]
    assert SyncRun.objects.count() == 1


@pytest.mark.invariant(4)
def test_a_worker_that_dies_with_a_press_is_replaced(w):
    page = Page(w)
    page.canvas["enabled"] = False
    message = {"type": "v2.canvas.userInteracted", "buttonId": "refresh", "canvasId": page.id,
               "featureId": "manual_sync", "userId": "ent_ada"}  # fmt: skip
    page.sender.send(message, id="dead")
    WebhookDelivery.objects.filter(webhook_id="dead").update(
        state="working", taken_at=timezone.now() - timedelta(seconds=61), attempts=1
    )

    (row,) = left_over()
    deliveries.work_delivery(row.pk)
    row.refresh_from_db()
    assert row.state == "done" and page.canvas["enabled"]


def test_a_canvas_that_is_gone_is_forgotten(w):
    page = Page(w)
    page.press("manual_sync")
    del w.tenant.canvases[page.id]
    assert work().status == Status.SUCCEEDED
    assert not Canvas.objects.exists()


def test_a_waiting_run_says_until_when(w, settings):
    settings.OBJECTS_PER_HOUR = 10
    page = Page(w)
    page.press("manual_sync")
    run = runs.active()
    while jobs.work_slice(run.pk) is not jobs.SliceEnd.WAITING:
        pass
    assert "waiting for this app's own hourly limit" in page.text
    assert "resumes automatically on " in page.text and "UTC" in page.text
    assert page.canvas["enabled"]
    SyncRun.objects.filter(pk=run.pk).update(waiting_code="new_api_key")
    page.press("refresh")
    assert "waiting for the new API key" in page.text and "limit" not in page.text
    cancel_run(run, actor="Jo", reason="Enough")


def test_a_name_that_several_records_want_tells_of_each(w):
    w.registry.records += [compound(n, name="Compound 3") for n in range(50, 55)]
    page = Page(w)
    page.press("manual_sync")
    assert work().failed == 5
    page.press("look_up", record="compound 3")
    assert "**C-000003** is in Benchling" in page.text
    for number in range(50, 53):
        told = f"Another record has the same name. **C-0000{number} is not in Benchling.**"
        assert told in page.text
    assert "2 more records have the same name." in page.text and "C-000054" not in page.text
    page.press("look_up", record="C-000003")
    assert "has the same name" not in page.text
    page.press("look_up", record="C-000054")
    assert "**C-000054 is not in Benchling.**" in page.text and "Another" not in page.text
