"""A canvas says at once that no one works, who is missing, and when what was asked for begins."""

from __future__ import annotations

import json
import time
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from registry_sync import runs
from registry_sync.jobs import runner as jobs
from registry_sync.jobs.presses import work_presses
from registry_sync.jobs.reconciler import reconcile
from registry_sync.models import Canvas, SyncRun, WebhookDelivery
from registry_sync.reporting.log_lines import JsonFormatter
from registry_sync.webhooks import notices
from registry_sync.webhooks.handlers import work_delivery
from registry_sync.webhooks.notices import Noticer
from sandbox.tenant.state import Fault
from tests.support.canvas import Page, at_work
from tests.support.deployment import until
from tests.support.desk import old_runs

pytestmark = pytest.mark.once
MISSING = "Your request is kept, but no one is working on it at the moment."
CRON_ONLY = {"is_used": False, "workers": {}}
REDIS_GONE = {"trouble": "ConnectionError", "workers": {}}
NO_WORKER = {"workers": {"sync": 0, "interactive": 0}}


def pressed(page: Page, button: str = "manual_sync", **inputs: str) -> WebhookDelivery:
    """Press a button whose webhook is stored and answered, and worked by no one."""
    for block in page.canvas["blocks"]:
        if block.get("id") in inputs:
            block["value"] = inputs[block["id"]]
    page.canvas["enabled"] = False
    id_ = f"press_{WebhookDelivery.objects.count()}"
    message = {"type": "v2.canvas.userInteracted", "canvasId": page.id, "buttonId": button,
               "featureId": "manual_sync", "userId": page.user}  # fmt: skip
    assert page.sender.send(message, id=id_) == 200
    return WebhookDelivery.objects.get(webhook_id=id_)


def look_at(row: WebhookDelivery) -> None:
    """Do what the web service's thread does, a moment after the answer."""
    Noticer().look_at(row.message)


@pytest.mark.invariant(4)
@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (REDIS_GONE, f"{MISSING} Tell your integration owner that Registry Sync is waiting: its "
         "queue (Redis) does not answer. It starts automatically when that is corrected."),
        (NO_WORKER, f"{MISSING} Tell your integration owner that Registry Sync is waiting: its "
         "worker is not running. It starts automatically when that is corrected."),
        (CRON_ONLY, "Your request is kept. It starts with the next scheduled sync."),
    ],
)  # fmt: skip
def test_a_press_that_no_one_works_on_is_told_at_once(w, monkeypatch, seen, said):
    page = Page(w)
    at_work(monkeypatch, **seen)
    look_at(pressed(page))
    assert page.canvas["enabled"] and said in page.text.replace("*", "")
    assert "has never been synced" in page.text
    assert SyncRun.objects.count() == 0


def test_a_press_that_a_worker_has_or_will_have_is_left_alone(w, monkeypatch):
    page = Page(w)
    row = pressed(page)
    look_at(row)
    assert not page.canvas["enabled"]  # a worker listens
    at_work(monkeypatch, **NO_WORKER)
    WebhookDelivery.objects.update(state="working")
    look_at(row)
    assert not page.canvas["enabled"]


def test_what_was_typed_for_a_press_outlives_the_notice(w, monkeypatch):
    page = Page(w)
    w.sync()
    page.press("refresh")
    at_work(monkeypatch, **REDIS_GONE)
    row = pressed(page, "look_up", record="C-000003")
    look_at(row)
    assert MISSING in page.text.replace("*", "")
    at_work(monkeypatch)
    work_delivery(row.pk)
    assert "“Compound 3”" in page.text and MISSING not in page.text.replace("*", "")


def test_a_new_canvas_is_drawn_although_no_one_works(w, monkeypatch):
    at_work(monkeypatch, **NO_WORKER)
    page = Page(w)
    WebhookDelivery.objects.update(state="received")
    Canvas.objects.all().delete()
    page.canvas.update(enabled=False, blocks=[])
    look_at(WebhookDelivery.objects.get())
    assert page.canvas["enabled"] and "has never been synced" in page.text
    assert MISSING not in page.text.replace("*", "")  # nothing was requested yet


@pytest.mark.parametrize("seen", [REDIS_GONE, NO_WORKER, CRON_ONLY])
def test_the_next_scheduled_sync_is_named_where_there_is_one(w, monkeypatch, seen):
    page = Page(w)
    old_runs(20, every=timedelta(minutes=15), last=timedelta(minutes=5))
    at_work(monkeypatch, **seen)
    look_at(pressed(page))
    expected = timezone.now() + timedelta(minutes=10)
    assert f"the next scheduled sync, expected on {expected.day} {expected:%B %Y} at " in page.text
    SyncRun.objects.update(created_at=F("created_at") - timedelta(hours=5))
    look_at(pressed(page))
    assert "expected on" not in page.text
    assert ("scheduled syncs of Registry Sync have stopped" in page.text) is (seen is CRON_ONLY)


@pytest.mark.invariant(4)
def test_a_run_that_no_worker_takes_up_is_told_and_its_beginning_too(w, monkeypatch):
    page = Page(w)
    at_work(monkeypatch, "interactive")
    page.press("manual_sync")
    text = page.text.replace("*", "")
    assert MISSING in text and "Syncing, started by Ada Byron, not begun yet." in text
    assert "Your sync has started" not in text
    jobs.work_to_end(runs.active().pk)
    assert MISSING not in page.text.replace("*", "") and "Up to date" in page.text


@pytest.mark.invariant(4)
def test_the_reconciler_repeats_the_notice_and_takes_it_back(w, monkeypatch):
    page, other = Page(w, "etr_1"), Page(w, "etr_2")
    run, _ = runs.request_run(kind=SyncRun.Kind.FULL, trigger=SyncRun.Trigger.ADMIN, actor="Jo")
    for one in (page, other):
        one.press("refresh")
    row = pressed(page)
    WebhookDelivery.objects.update(received_at=timezone.now() - timedelta(minutes=1))
    reconcile()
    assert not page.canvas["enabled"]  # a worker listens, and has it in its queue
    at_work(monkeypatch, **NO_WORKER)
    reconcile()
    assert MISSING in page.text.replace("*", "") and MISSING in other.text.replace("*", "")
    drawn = sum(w.tenant.endpoints.values())
    reconcile()
    assert sum(w.tenant.endpoints.values()) == drawn  # it says so already
    at_work(monkeypatch)
    reconcile()
    assert MISSING not in page.text.replace("*", "") and MISSING not in other.text
    assert page.canvas["enabled"] and "started by Jo, about to start" in other.text
    work_delivery(row.pk)
    assert SyncRun.objects.get() == run and page.canvas["enabled"]


def test_a_run_that_was_interrupted_says_so(w, monkeypatch):
    page = Page(w)
    page.press("manual_sync")
    assert runs.claim(runs.active().pk)
    past = timezone.now() - timedelta(minutes=5)
    SyncRun.objects.update(lease_until=past, heartbeat=past)
    at_work(monkeypatch, **NO_WORKER)
    reconcile()
    text = page.text.replace("*", "")
    assert MISSING in text and " and interrupted." in text


@pytest.mark.invariant(4)
def test_without_redis_cron_works_on_presses(w, monkeypatch, settings):
    settings.REDIS_URL = ""
    at_work(monkeypatch, **CRON_ONLY)
    page = Page(w)
    rows = [pressed(page, "preview"), pressed(page)]
    assert work_presses() == 2
    assert [WebhookDelivery.objects.get(pk=row.pk).state for row in rows] == ["done", "done"]
    assert page.canvas["enabled"] and SyncRun.objects.get().trigger == "canvas"


def test_a_workers_presses_are_left_to_it(w, monkeypatch):
    from registry_sync.jobs import presses
    from registry_sync.runs.workers import Queues

    seen = Queues(is_used=True, workers={"interactive": 1, "sync": 1})
    monkeypatch.setattr(presses, "read_queues", lambda: seen)
    row = pressed(Page(w))
    assert work_presses() == 0
    row.refresh_from_db()
    assert row.state == "received"


# -- the thread ------------------------------------------------------------------------------------


class Looks(Noticer):
    """A noticer that notes what it would look at, and takes its time."""

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__()
        self.is_on, self.seconds, self.seen, self.at_once = True, seconds, [], 0

    def look_at(self, message):
        self.at_once += 1
        assert self.at_once == 1, "two at once"
        time.sleep(self.seconds)
        self.seen.append(message["n"])
        self.at_once -= 1
        if message["n"] == 3:
            raise ValueError("whatever")


def delivery(n: int, type: str = "v2.canvas.userInteracted") -> WebhookDelivery:
    return WebhookDelivery(webhook_id=f"wh_{n}", type=type, message={"n": n})


def test_a_redis_that_is_gone_since_a_moment_is_noticed(monkeypatch):
    at_work(monkeypatch, **NO_WORKER)
    looks = Looks()
    looks._see(redis_failed=False)
    seen = looks._attendance
    assert not seen.queues.trouble
    at_work(monkeypatch, **REDIS_GONE)
    looks._see(redis_failed=False)
    assert looks._attendance is seen  # a moment ago
    looks._see(redis_failed=True)
    assert looks._attendance.queues.trouble
    gone = looks._attendance
    looks._see(redis_failed=True)
    assert looks._attendance is gone


def test_one_thread_looks_at_few_canvases_and_ends(monkeypatch, caplog):
    monkeypatch.setattr(notices, "IDLE", 0.3)
    monkeypatch.setattr(caplog.handler, "formatter", JsonFormatter())
    looks = Looks(0.002)
    began = time.monotonic()
    looks.look_after(delivery(0), queued=False)
    thread = looks._thread
    for n in range(1, 5000):
        looks.look_after(delivery(n), queued=False)
    assert time.monotonic() - began < 40  # the webhooks were not held up
    thread.join(60)
    assert not thread.is_alive() and looks._thread is None  # no other one was started
    assert looks.seen[:5] == [0, 1, 2, 3, 4]  # also behind one that failed
    assert [json.loads(line)["delivery"] for line in caplog.text.splitlines()] == ["wh_3"]
    assert len(looks.seen) < 5000
    looks.look_after(delivery(9000), queued=False)
    # The thread is not asked for here: it may have ended again.
    until(lambda: looks.seen[-1] == 9000, seconds=30, what="the look of another thread")


def test_other_webhooks_start_no_thread():
    looks = Looks()
    looks.look_after(delivery(1, "v2.app.installed"), queued=False)
    looks.is_on = False
    looks.look_after(delivery(1), queued=False)
    assert looks._thread is None


def test_a_benchling_that_hangs_is_given_up(w, monkeypatch):
    monkeypatch.setattr(notices, "LONGEST", 1.0)
    page = Page(w)
    at_work(monkeypatch, **NO_WORKER)
    row = pressed(page)
    w.tenant.faults.append(Fault("app-canvases", "stall", times=10, seconds=20))
    began = time.monotonic()
    with pytest.raises(Exception, match="Benchling"):
        look_at(row)
    assert time.monotonic() - began < 15
