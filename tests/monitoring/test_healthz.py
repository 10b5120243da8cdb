"""`/healthz`: an outside monitor reads in words whether runs are good often enough."""

from __future__ import annotations

from datetime import timedelta

from django.test import Client
from django.utils import timezone

from registry_sync.models import Pulse, SyncRun
from registry_sync.monitoring import freshness
from tests.support.factories import SyncRunFactory
from tests.support.registry import compound


def told(client: Client) -> tuple[int, str]:
    answer = client.get("/healthz")
    return answer.status_code, answer.json()["runs"]


def age(hours: float) -> None:
    """Let every run be so much older."""
    SyncRun.objects.update(
        finished_at=timezone.now() - timedelta(hours=hours),
        created_at=timezone.now() - timedelta(hours=hours),
    )


def test_a_dead_cron_shows_and_the_next_good_run_mends_it(world, client):
    w = world([compound(i) for i in range(3)])
    assert told(client) == (200, "never synced")
    w.sync()
    assert told(client) == (200, "ok")
    age(26.5)
    assert told(client) == (503, "stale: no good run for 26 hours (limit 24)")
    assert client.get("/healthz?live").status_code == 200
    w.sync(kind=SyncRun.Kind.DRY_RUN)
    w.sync(only=["C-000001"])
    assert told(client)[0] == 503, "neither a dry run nor a pilot is the schedule's"
    w.sync()
    assert told(client) == (200, "ok")


def test_runs_that_never_were_good_are_stale_in_the_end(world, client):
    w = world([compound(1)])
    w.registry.token = "another"
    w.sync()
    assert told(client) == (200, "never synced")
    age(25)
    assert told(client)[0] == 503


def test_waiting_and_progress_excuse_and_standing_still_does_not(world, client):
    w = world([compound(1)])
    w.sync()
    age(30)
    now = timezone.now()
    run = SyncRunFactory(
        status="RUNNING", started_at=now - timedelta(hours=6),
        waiting_until=now + timedelta(hours=1),
        waiting_for="a task of an earlier run", heartbeat=now,
    )  # fmt: skip
    status, said = told(client)
    assert status == 200 and said.startswith("waiting for a task of an earlier run until")
    SyncRun.objects.filter(pk=run.pk).update(waiting_until=None)
    assert told(client)[0] == 503, "it has a heartbeat, and nobody ever saw it move"
    SyncRun.objects.filter(pk=run.pk).update(read=500)
    freshness.record_pulse()
    assert told(client) == (200, f"run {run.pk} is making progress: 500 records read")
    Pulse.objects.update(moved_at=now - timedelta(hours=2))
    freshness.record_pulse()
    assert told(client)[0] == 503, "its counts stand still"
    SyncRun.objects.filter(pk=run.pk).update(read=501)
    freshness.record_pulse()
    assert told(client)[0] == 200
    SyncRun.objects.filter(pk=run.pk).update(heartbeat=now - timedelta(hours=1))
    assert told(client)[0] == 503, "its holder is silent"


def test_its_questions_are_few(world, client, django_assert_max_num_queries):
    w = world([compound(1)])
    w.sync()
    age(30)
    with django_assert_max_num_queries(6):
        client.get("/healthz")
