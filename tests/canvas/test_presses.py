"""Presses while a run is active: joined by a run that reads later, or followed by one."""

from __future__ import annotations

import random
import time
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from registry_sync import runs
from registry_sync.canvas import text
from registry_sync.jobs import control, presses
from registry_sync.jobs import runner as jobs
from registry_sync.jobs.reconciler import reconcile
from registry_sync.models import Canvas, SyncRun, WebhookDelivery
from registry_sync.webhooks import handlers as deliveries
from tests.support.canvas import Page
from tests.support.environment import FULL, SEED

pytestmark = pytest.mark.once
Kind, Status = SyncRun.Kind, SyncRun.Status
HOUR = timedelta(hours=1)


def working(w, act):
    """Work a run, and act once while its first page is read."""
    acts = [act]
    w.registry.on_page = lambda page: acts.pop()() if acts else None
    run, _ = runs.request_run(kind=Kind.FULL, trigger=SyncRun.Trigger.SCHEDULE)
    jobs.work_to_end(run.pk)
    w.registry.on_page = lambda page: None
    return run


def all_runs():
    return list(SyncRun.objects.order_by("pk"))


@pytest.mark.invariant(1)
def test_a_record_corrected_after_its_page_was_read_arrives_without_another_press(w):
    pages = [Page(w, f"etr_{n}") for n in range(3)]

    def correct_and_press():
        w.registry.edit("C-000005", approval=1777)
        for page in pages:
            page.press("manual_sync")
            assert "queued after the one under way" in page.text

    working(w, correct_and_press)
    first, following = all_runs()
    assert (first.status, following.status) == (Status.SUCCEEDED, Status.QUEUED)
    assert all("Your sync has started" in page.text for page in pages)
    jobs.work_to_end(following.pk)
    assert w.values()["C-000005"]["Approval"] == 1777
    assert all("Up to date" in page.text for page in pages) and len(all_runs()) == 2


def test_a_press_that_is_worked_late_joins_the_run_that_read_after_it(w):
    page = Page(w)
    run, _ = runs.request_run(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    jobs.work_to_end(run.pk)
    SyncRun.objects.update(started_at=timezone.now() + timedelta(minutes=1))
    page.press("manual_sync")
    assert all_runs() == [run] and "Up to date" in page.text


def test_presses_during_a_run_that_are_worked_after_its_end_become_one_run(w):
    pages = [Page(w, f"etr_{n}") for n in range(4)]
    run, _ = runs.request_run(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    jobs.work_to_end(run.pk)
    for page in pages:
        page.press("manual_sync")
    first, following = all_runs()
    assert first == run and following.status == Status.QUEUED


def test_retries_and_single_records_are_queued_behind_a_run_as_well(w):
    w.tenant.refuse["C-000003"] = "Not this one."
    retry, one = Page(w, "etr_1"), Page(w, "etr_2")
    w.sync()
    retry.press("refresh")

    def press():
        retry.press("retry_failed")
        one.press("sync_one", record="C-000007")

    working(w, press)
    following = all_runs()[-1]
    assert (following.kind, following.only, following.status) == (Kind.INCREMENTAL, [], "QUEUED")


def test_single_records_that_follow_are_synced_together(w):
    pages = [Page(w, f"etr_{n}") for n in range(3)]

    def press():
        for page, asked in zip(pages, ("C-000007", "C-000008", "C-000007"), strict=True):
            page.press("sync_one", record=asked)

    working(w, press)
    assert all_runs()[-1].only == ["C-000007", "C-000008"] and len(all_runs()) == 2


def test_nothing_follows_a_run_that_was_cancelled(w):
    page = Page(w)
    run, _ = runs.request_run(kind=Kind.FULL, trigger=SyncRun.Trigger.SCHEDULE)
    assert runs.claim(run.pk)
    page.press("manual_sync")
    assert "queued after" in page.text
    control.cancel_run(run, actor="Olivia", reason="a mistake")
    reconcile()
    assert len(all_runs()) == 1 and not runs.to_follow().exists()


@pytest.mark.invariant(4)
def test_a_run_that_follows_is_started_by_the_reconciler_where_the_worker_died(w, monkeypatch):
    page = Page(w)
    monkeypatch.setattr(jobs, "follow", lambda run: False)
    working(w, lambda: page.press("manual_sync"))
    assert len(all_runs()) == 1
    now = timezone.now()
    Canvas.objects.update(rests_until=now + HOUR, used_at=now - HOUR, drawn_at=now - HOUR)
    reconcile()
    assert all_runs()[-1].status == Status.QUEUED and len(all_runs()) == 2
    assert "Your sync has started" in page.text, "it rests no longer"


class Crowd:
    """Many people before their canvases, whose presses are stored, and worked when told to."""

    def __init__(self, w, canvases: int) -> None:
        self.w = w
        self.pages = [Page(w, f"etr_{n}") for n in range(canvases)]
        self.sender = self.pages[0].sender
        self.presses = 0

    def press(self, times: int, chance: random.Random, buttons=("manual_sync",)) -> None:
        """Let each press some buttons: webhooks arrive whether or not a canvas is enabled."""
        for page in self.pages * times:
            page.canvas["enabled"] = False
            for block in page.canvas["blocks"]:
                if block.get("id") == "record":
                    block["value"] = f"C-{chance.randrange(20):06d}"
            message = {"type": "v2.canvas.userInteracted", "canvasId": page.id, "userId": page.user,
                       "featureId": "manual_sync", "buttonId": chance.choice(buttons)}  # fmt: skip
            self.presses += 1
            assert self.sender.send(message, id=f"press_{self.presses}") == 200

    def settle(self) -> int:
        """Let the reconciler come until every canvas is enabled; give how often it had to."""
        rounds = 0
        while not all(page.canvas["enabled"] for page in self.pages):
            rounds += 1
            assert rounds < 5
            Canvas.objects.update(used_at=F("used_at") - timedelta(seconds=30))
            reconcile()
        return rounds


@pytest.mark.parametrize(
    "buttons",
    [
        ("manual_sync",),
        ("retry_failed",),
        ("sync_one",),
        ("manual_sync", "retry_failed", "sync_one"),
    ],
)
@pytest.mark.invariant(2, 4)
def test_a_thousand_presses_of_fifty_canvases_become_two_runs_at_most(w, monkeypatch, buttons):
    chance = random.Random(f"{SEED} {buttons}")
    monkeypatch.setattr(deliveries, "WORK_FOR", 0)  # one at a time, so that runs come between
    w.tenant.refuse["C-000003"] = "Not this one."
    w.sync()
    crowd = Crowd(w, 50 if FULL else 5)
    crowd.press(20 if FULL else 2, chance, buttons)
    waiting = list(WebhookDelivery.objects.filter(state="received").order_by("pk"))
    assert len(waiting) == crowd.presses
    begins, ends = sorted(chance.sample(range(1, len(waiting)), 2))
    for n, row in enumerate(waiting):
        deliveries.work_deliveries(row.pk)
        if n == begins:  # the run has read everything when the other presses are worked
            working = SyncRun.objects.get(pk=runs.active().pk)
            lease = runs.claim(working.pk)
            SyncRun.objects.filter(pk=working.pk).update(started_at=timezone.now() - HOUR)
        if n == ends:
            runs.release(lease)
            jobs.work_to_end(working.pk)
    while (run := runs.active()) is not None:
        jobs.work_to_end(run.pk)
    assert crowd.settle() <= 3  # which is 90 seconds
    assert len(all_runs()) <= 3, [(r.kind, r.only) for r in all_runs()]  # the first was before
    last = all_runs()[-1]
    assert {Canvas.objects.get(canvas_id=page.id).run for page in crowd.pages} <= {working, last}
    for page in crowd.pages:
        if last.only:  # that is no one else's business: each canvas tells of its own record
            assert "is in Benchling as" in page.text or "C-000003 is not in" in page.text
        else:
            assert text.ended(last) in page.text
    assert w.tenant.endpoints["GET /api/v2/users/{user_id}"] <= 2  # a name is asked for once


def test_one_job_works_on_all_presses_and_draws_each_canvas_once(w):
    w.sync()
    crowd = Crowd(w, 6)
    crowd.press(10, random.Random(1), ("manual_sync", "refresh"))
    before = dict(w.tenant.endpoints)
    deliveries.work_deliveries(WebhookDelivery.objects.filter(state="received").last().pk)
    assert not WebhookDelivery.objects.exclude(state="done").exists()
    spent = sum(n - before.get(name, 0) for name, n in w.tenant.endpoints.items())
    assert spent <= 6 + 2  # a drawing each; a token, a name
    assert all(page.canvas["enabled"] for page in crowd.pages) and len(all_runs()) == 2


def test_a_run_waits_for_the_presses_in_the_inbox(w, monkeypatch):
    page, other = Page(w, "etr_1"), Page(w, "etr_2")
    page.press("manual_sync")
    monkeypatch.setattr(presses, "BACKLOG", 30)
    run = runs.active()
    began = time.monotonic()
    presses.let_presses_join(run.pk)
    assert time.monotonic() - began < 20  # none waits
    monkeypatch.setattr(presses, "BACKLOG", 0.3)
    row = other.tell({"type": "v2.canvas.userInteracted", "buttonId": "manual_sync"})
    WebhookDelivery.objects.filter(pk=row.pk).update(state="received", attempts=0)
    began = time.monotonic()
    presses.let_presses_join(run.pk)
    assert time.monotonic() - began >= 0.3
    hour_ago = timezone.now() - HOUR
    WebhookDelivery.objects.update(received_at=hour_ago)  # no worker for presses is there
    monkeypatch.setattr(presses, "BACKLOG", 30)
    began = time.monotonic()
    presses.let_presses_join(run.pk)
    assert time.monotonic() - began < 20


def test_a_run_behind_another_waits_for_a_lull(w, monkeypatch):
    page = Page(w)
    monkeypatch.setattr(presses, "LULL", 1.0)
    monkeypatch.setattr(presses, "QUIET", HOUR)
    page.press("manual_sync")
    jobs.work_to_end(runs.active().pk)
    page.press("manual_sync")
    began = time.monotonic()
    presses.let_presses_join(runs.active().pk)
    assert time.monotonic() - began > 0.5
    SyncRun.objects.update(finished_at=timezone.now() - HOUR)
    monkeypatch.setattr(presses, "LULL", 30.0)
    began = time.monotonic()
    presses.let_presses_join(runs.active().pk)
    assert time.monotonic() - began < 20


def test_many_previews_are_one(w):
    pages = [Page(w, f"etr_{n}") for n in range(3)]
    for page in pages:
        page.press("preview")
    jobs.work_to_end(runs.active().pk)
    assert all("Preview" in page.text for page in pages) and len(all_runs()) == 1
    SyncRun.objects.update(started_at=timezone.now() + HOUR)
    pages[0].press("preview")
    assert len(all_runs()) == 1 and "A preview that began after your press" in pages[0].text


def test_a_retry_joins_a_sync_that_has_not_begun_and_is_done_by_it(w):
    w.tenant.refuse["C-000003"] = "Not this one."
    w.sync()
    page, other = Page(w, "etr_1"), Page(w, "etr_2")
    page.press("manual_sync")
    w.tenant.refuse.clear()
    other.press("retry_failed")
    run = runs.active()
    assert run.retries_all and len(all_runs()) == 2
    assert jobs.work_to_end(run.pk).status == Status.SUCCEEDED
    assert "C-000003" in w.values()


def test_a_retry_does_not_join_a_sync_that_does_not_retry(w):
    w.tenant.refuse["C-000003"] = "Not this one."
    w.sync()
    page = Page(w)
    SyncRun.objects.update(started_at=timezone.now() + HOUR)
    page.press("retry_failed")
    assert all_runs()[-1].kind == Kind.RETRY and len(all_runs()) == 2


def ask_for_a_sync(*, retries_all, trigger=SyncRun.Trigger.ADMIN):
    return runs.request_or_follow(
        kind=Kind.INCREMENTAL,
        trigger=trigger,
        actor="Ada",
        asked_at=timezone.now(),
        retries_all=retries_all,
    )


def test_a_wish_to_retry_every_error_widens_a_sync_that_has_not_begun(w):
    queued, _ = runs.request_run(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    for retries_all in (False, True, True):
        run, answer = ask_for_a_sync(retries_all=retries_all)
        assert (run, answer, run.retries_all) == (queued, runs.Answer.JOINED, retries_all)


def test_a_wish_to_retry_every_error_follows_a_sync_that_does_not(w):
    run, _ = runs.request_run(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    runs.claim(run.pk)
    SyncRun.objects.update(started_at=timezone.now() + HOUR)  # later than whatever is asked for
    assert ask_for_a_sync(retries_all=False) == (run, runs.Answer.JOINED)
    assert ask_for_a_sync(retries_all=True) == (run, runs.Answer.FOLLOWS)


def test_a_wish_to_retry_every_error_is_kept_by_the_run_that_follows(w):
    def ask():
        for retries_all in (False, True, False):
            assert ask_for_a_sync(retries_all=retries_all)[1] is runs.Answer.FOLLOWS

    working(w, ask)
    assert [run.retries_all for run in all_runs()] == [False, True]
