"""Whatever dies, crashes or hangs: the canvas is enabled again and says what is true."""

from __future__ import annotations

import time
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db.models import F
from django.utils import timezone
from rq.timeouts import JobTimeoutException

from registry_sync import runs
from registry_sync.canvas import watch as watch_module
from registry_sync.canvas.watch import CanvasWatch
from registry_sync.jobs import runner as jobs
from registry_sync.jobs.control import cancel_run
from registry_sync.jobs.reconciler import reconcile
from registry_sync.models import Canvas, Installation, SyncRun, WebhookDelivery
from registry_sync.sync import clients
from registry_sync.sync.clients import impatient_client
from registry_sync.sync.listener import NullListener
from registry_sync.webhooks import buttons
from registry_sync.webhooks import handlers as deliveries
from registry_sync.webhooks.inbox import ATTEMPTS
from sandbox.tenant.state import Fault
from tests.support.canvas import Page, work
from tests.support.factories import WebhookDeliveryFactory
from tests.support.registry import compound
from tests.support.worlds import DEFINITION, INCREMENTAL, World, looked_up

pytestmark = pytest.mark.once

Status = SyncRun.Status
DRAWING = "PATCH /api/v2/app-canvases"


@pytest.fixture
def w(world, settings, monkeypatch) -> World:
    made = world([compound(n) for n in range(20)], config={"Connector Settings": looked_up()})
    settings.BENCHLING_APP_DEFINITION_ID = DEFINITION
    settings.BENCHLING_JWKS_URL = f"{made.server.url}/sandbox/jwks"
    monkeypatch.setattr(clients, "LONGEST_PAUSE", 0.1)
    return made


def later() -> None:
    """Let a minute pass for what the service wrote down."""
    minute = timedelta(minutes=1, seconds=1)
    Canvas.objects.update(used_at=F("used_at") - minute, drawn_at=F("drawn_at") - minute)
    WebhookDelivery.objects.update(received_at=F("received_at") - minute)
    WebhookDelivery.objects.exclude(taken_at=None).update(taken_at=F("taken_at") - minute)


def away(w: World, times: int = 100) -> None:
    w.tenant.faults.append(Fault(DRAWING, "status", times=times, status=503))


@pytest.mark.parametrize("death", [RuntimeError("boom"), JobTimeoutException("too long")])
@pytest.mark.invariant(4)
def test_a_run_that_crashes_or_takes_too_long_is_told(w, monkeypatch, death):
    page = Page(w)

    def die(pacer, open_source) -> bool:
        raise death

    monkeypatch.setattr(jobs, "work_run", die)
    page.press("manual_sync")
    assert work().status == Status.FAILED
    assert page.canvas["enabled"] and "because of an internal error" in page.text
    assert "boom" not in page.text and "Exception" not in page.text
    monkeypatch.undo()
    page.press("manual_sync")
    assert work().status == Status.SUCCEEDED and "Up to date" in page.text


@pytest.mark.parametrize("death", [RuntimeError("boom"), JobTimeoutException("too long")])
def test_a_press_that_crashes_or_takes_too_long_is_told(w, monkeypatch, death):
    page = Page(w)

    def die(*args) -> None:
        raise death

    monkeypatch.setitem(buttons.BUTTONS, "preview", die)
    row = page.press("preview")
    if isinstance(death, JobTimeoutException):  # another press may have taken the time
        assert (row.state, row.attempts) == ("received", 1)
        for _ in range(ATTEMPTS - 1):
            deliveries.work_delivery(row.pk)
        row.refresh_from_db()
    assert row.state == "failed" and page.canvas["enabled"]
    assert "Something went wrong in Registry Sync" in page.text and "boom" not in page.text
    assert "Something went wrong" not in (page.press("refresh") and page.text)


def test_a_press_while_benchling_is_away_is_drawn_when_it_is_back(w):
    page = Page(w)
    away(w)
    row = page.press("manual_sync")
    assert row.state == "done" and not page.canvas["enabled"] and SyncRun.objects.count() == 1
    w.tenant.faults.clear()
    reconcile()
    assert not page.canvas["enabled"]  # ten seconds: it might still be in the works
    later()
    reconcile()
    assert page.canvas["enabled"] and "Your sync has started" in page.text


def test_a_question_while_benchling_is_away_is_asked_again(w):
    page = Page(w)
    page.press("manual_sync")
    work()
    fault = Fault("GET /api/v2/app-canvases", "status", times=100, status=503)
    w.tenant.faults.append(fault)
    row = page.press("look_up", record="C-000003")
    assert (row.state, row.attempts) == ("received", 1) and not page.canvas["enabled"]
    w.tenant.faults.clear()
    deliveries.work_delivery(row.pk)
    assert page.canvas["enabled"] and "“Compound 3”" in page.text
    WebhookDelivery.objects.filter(pk=row.pk).update(state="received", attempts=4)
    w.tenant.faults.append(fault)
    deliveries.work_delivery(row.pk)
    row.refresh_from_db()
    assert row.state == "failed" and page.canvas["enabled"]  # not for ever


@pytest.mark.invariant(4)
def test_a_press_that_kills_every_worker_is_given_up_and_the_canvas_comes_back(w):
    page = Page(w)
    page.canvas["enabled"] = False
    row = WebhookDeliveryFactory(
        message={"canvasId": page.id}, state="working", attempts=5, taken_at=timezone.now()
    )
    reconcile()
    row.refresh_from_db()
    assert row.state == "working" and not page.canvas["enabled"]  # its worker may yet live
    later()
    reconcile()
    row.refresh_from_db()
    assert row.state == "failed" and "5 times" in row.error
    later()
    reconcile()
    assert page.canvas["enabled"] and "Something went wrong in Registry Sync" in page.text


def test_a_session_that_somebody_closed_does_not_keep_the_canvas(w, monkeypatch):
    page = Page(w)
    page.press("manual_sync")
    run, kept = runs.active(), jobs.work_run
    monkeypatch.setattr(jobs, "work_run", lambda *args: (_close(w), kept(*args))[1])
    run = jobs.work_to_end(run.pk)
    assert run.status == Status.SUCCEEDED and page.canvas["enabled"] and "20 new" in page.text


def _close(w: World) -> None:
    w.session()["status"] = "FAILED"


def test_the_canvas_of_a_page_that_is_gone_is_made_anew(w):
    message = {"type": "v2.canvas.initialized", "resourceId": "asr_1"}
    page = Page(w)
    page.tell(message)
    (first,) = [c for c in w.tenant.canvases.values() if c["resourceId"] == "asr_1"]
    first["archiveRecord"] = {"reason": "Other"}
    page.tell(message)
    made = [c for c in w.tenant.canvases.values() if c["resourceId"] == "asr_1"]
    assert len(made) == 2 and made[1]["enabled"] and "never been synced" in str(made[1]["blocks"])


def test_many_canvases_stay_a_small_part_of_the_requests(w, monkeypatch):
    pages = [Page(w, f"etr_{n}") for n in range(10)]
    pages[0].press("manual_sync")
    run = runs.active()
    watch = CanvasWatch(run, impatient_client(), NullListener())
    now = 1000.0
    monkeypatch.setattr(
        watch_module, "time", SimpleNamespace(monotonic=lambda: now, sleep=time.sleep)
    )

    def drawn() -> int:
        return sum(
            n for name, n in w.tenant.endpoints.items() if "PATCH" in name and "canv" in name
        )

    before = drawn()
    for second in range(60):
        now = 1000.0 + second
        watch.progress(run)
    assert 30 <= drawn() - before <= 40  # of the 600 requests that a minute has
    cancel_run(run, actor="Jo", reason="Enough")


# -- what the app is told ------------------------------------------------------------------------


def test_a_fault_of_the_configuration_is_forgotten_once_a_run_works(w, admin_client):
    page = Page(w)
    w.configure(**{"External Name Field": "{name"})
    page.tell({"type": "v2-beta.app.configuration.updated"})
    listed = admin_client.get("/admin/registry_sync/installation/").content.decode()
    assert "External Name Field" in listed
    w.configure(**{"External Name Field": "name"})  # and the webhook of it never comes
    assert w.sync().status == Status.SUCCEEDED
    assert Installation.objects.get().config_fault == ""
    page.press("refresh")
    assert "is corrected" not in page.text


def test_benchling_being_away_is_no_fault_of_the_configuration(w):
    page = Page(w)
    w.tenant.faults.append(Fault("GET /api/v2/app-configuration", "status", times=100, status=503))
    row = page.tell({"type": "v2-beta.app.configuration.updated"})
    assert row.state == "received" and not Installation.objects.exclude(config_fault="").exists()
    w.tenant.faults.clear()
    deliveries.work_delivery(row.pk)
    row.refresh_from_db()
    assert row.state == "done"


# -- one record ----------------------------------------------------------------------------------


def test_a_record_that_waits_says_for_what(w):
    w.registry.records.append(compound(50, parent="C-000099"))
    page = Page(w)
    page.press("manual_sync")
    work()
    page.press("look_up", record="C-000050")
    assert "C-000050 is not in Benchling" in page.text and "It waits for C-000099" in page.text


def test_an_archived_record_says_so(w):
    page = Page(w)
    page.press("manual_sync")
    work()
    entity = next(e for e in w.tenant.entities.values() if e.entity_registry_id == "C-000003")
    entity.archived = "Made in error"
    page.press("look_up", record="C-000003")
    assert "It is archived in Benchling" in page.text and page.chips == ["C-000003"]


def test_an_entity_that_waits_to_be_taken_over_says_so(w):
    page = Page(w)
    page.press("manual_sync")
    work()
    [lane] = runs.current_lanes()
    entity = next(e for e in w.tenant.entities.values() if e.entity_registry_id == "C-000003")
    lane.ledger.filter(external_id="C-000003").delete()
    lane.adoptions.create(
        external_id="C-000003", entity_id=entity.id, entity_registry_id="C-000003",
        name="Made by hand", how="same id", modified_at=timezone.now(), found_at=timezone.now(),
    )  # fmt: skip
    page.press("look_up", record="C-000003")
    assert "Your integration owner decides" in page.text and "Made by hand" in page.text
    assert page.chips == ["C-000003"]


def test_a_registry_that_gives_only_its_list_is_said_to_and_not_read(w):
    w.configure(**{"Connector Settings": INCREMENTAL})
    page = Page(w)
    page.press("manual_sync")
    work()
    served = w.registry.pages_served
    page.press("look_up", record="C-000003")
    assert "“Compound 3”" in page.text and "only be read as a whole" in page.text
    page.press("sync_one", record="C-000003")
    assert "only be read as a whole" in page.text and runs.active() is None
    assert w.registry.pages_served == served


def test_a_sync_that_a_preview_keeps_waiting_says_so(w):
    page = Page(w)
    page.press("preview")
    page.press("manual_sync")
    assert "A preview is already running" in page.text and "Your request is queued" in page.text
    work()


@pytest.mark.invariant(4)
def test_a_canvas_that_benchling_gives_hollow_is_read_again(w, monkeypatch):
    monkeypatch.setattr("random.uniform", lambda *_: 0.0)
    w.tenant.switches.contract = "off"
    page = Page(w)
    for blocks in ("null", '"x"', "[null]", '[{"id": "a", "children": [null]}]'):
        content = f'{{"id": "{page.id}", "blocks": {blocks}}}'.encode()
        w.tenant.faults.append(Fault("GET .*app-canvases", "garble", content=content))
        page.press("sync_one", record="no such record")
        row = WebhookDelivery.objects.order_by("pk").last()
        assert (row.state, row.error) == ("done", ""), blocks
        assert "no such record" in page.text and not w.tenant.faults, blocks
