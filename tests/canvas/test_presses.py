"""Presses while a run is active: joined by a run that reads later, or followed by one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from registry_sync import runs
from registry_sync.jobs import control
from registry_sync.jobs import runner as jobs
from registry_sync.jobs.reconciler import reconcile
from registry_sync.models import SyncRun, WebhookDelivery
from tests.support.canvas import Page

pytestmark = pytest.mark.once
Kind, Status = SyncRun.Kind, SyncRun.Status


def working(w, act):
    """Work a run, and act once while its first page is read."""
    acts = [act]
    w.registry.on_page = lambda page: acts.pop()() if acts else None
    run, _ = runs.request(kind=Kind.FULL, trigger=SyncRun.Trigger.SCHEDULE)
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
    run, _ = runs.request(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    jobs.work_to_end(run.pk)
    SyncRun.objects.update(started_at=timezone.now() + timedelta(minutes=1))
    page.press("manual_sync")
    assert all_runs() == [run] and "Up to date" in page.text


def test_presses_during_a_run_that_are_worked_after_its_end_become_one_run(w):
    pages = [Page(w, f"etr_{n}") for n in range(4)]
    run, _ = runs.request(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
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
    run, _ = runs.request(kind=Kind.FULL, trigger=SyncRun.Trigger.SCHEDULE)
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
    reconcile()
    assert all_runs()[-1].status == Status.QUEUED and len(all_runs()) == 2


def test_a_thousand_presses_of_fifty_canvases_become_two_runs_at_most(w):
    pages = [Page(w, f"etr_{n}") for n in range(50)]

    def press():
        for _ in range(2):  # each press is the same to the database, so two rounds stand for twenty
            for page in pages:
                page.press("manual_sync")

    working(w, press)
    assert len(all_runs()) == 2
    assert WebhookDelivery.objects.filter(type="v2.canvas.userInteracted").count() == 100
    jobs.work_to_end(all_runs()[-1].pk)
    reconcile()
    assert len(all_runs()) == 2 and all(page.canvas["enabled"] for page in pages)
