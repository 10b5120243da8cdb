"""`/healthz`: an outside monitor reads in words whether runs are good often enough."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from redis import Connection, Redis

from registry_sync.models import Pulse, SyncRun
from registry_sync.monitoring import freshness
from tests.support.deployment import until
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
    w.sync(kind=SyncRun.Kind.DRY_RUN)
    assert told(client) == (200, "never synced")
    assert client.get("/healthz").json()["last_good_run"] is None
    w.sync()
    assert told(client) == (200, "ok")
    age(26.5)
    good = client.get("/healthz").json()["last_good_run"]
    assert told(client) == (503, "stale: no good run for 26 hours (limit 24)")
    assert client.get("/healthz?live").status_code == 200
    w.sync(kind=SyncRun.Kind.DRY_RUN)
    w.sync(only=["C-000001"])
    assert told(client)[0] == 503, "neither a dry run nor a pilot is the schedule's"
    assert client.get("/healthz").json()["last_good_run"] == good
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


@pytest.mark.once
def test_a_queue_without_a_worker_is_named_after_two_minutes(db, client, settings, redis):
    settings.REDIS_URL = redis.url
    answer = client.get("/healthz")
    assert answer.status_code == 200 and answer.json()["workers"] == {"sync": WAITS}
    server = Redis.from_url(redis.url)
    server.set("registry_sync:without_worker:sync", str(time.time() - 190))
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["workers"] == {
        "sync": "no worker for 3 minutes: start manage.py rqworker sync"
    }
    assert client.get("/healthz?live").status_code == 200
    settings.REDIS_URL = ""
    answer = client.get("/healthz")
    assert answer.status_code == 200 and "workers" not in answer.json()


@pytest.mark.once
def test_it_opens_one_connection_to_redis(db, client, settings, redis, monkeypatch):
    settings.REDIS_URL = redis.url
    opened: list[Connection] = []
    monkeypatch.setattr(Connection, "_connect", _counting(opened))
    assert client.get("/healthz").json()["redis"] == "ok"
    assert len(opened) == 1


def _counting(opened):
    connect = Connection._connect

    def counting(connection):
        opened.append(connection)
        return connect(connection)

    return counting


@pytest.mark.once
def test_a_worker_that_is_back_ends_it(db, deploy, redis, settings, client):
    d = deploy(1, env={"REDIS_URL": redis.url})
    settings.REDIS_URL = redis.url
    server = Redis.from_url(redis.url)
    server.set("registry_sync:without_worker:sync", str(time.time() - 600))
    assert client.get("/healthz").status_code == 503
    d.start("rqworker", "sync", log="worker")
    until(lambda: client.get("/healthz").json()["workers"] == {"sync": "ok"}, seconds=40,
          what="the worker")  # fmt: skip
    assert client.get("/healthz").status_code == 200
    assert not server.exists("registry_sync:without_worker:sync")


WAITS = "waiting for a worker"


@pytest.mark.once
def test_a_probe_asks_at_whatever_address_it_has(client, settings):
    """A container asks itself at 127.0.0.1, and Kubernetes at the pod's address."""
    settings.ALLOWED_HOSTS, settings.SECURE_SSL_REDIRECT = ["sync.example.com"], True
    for address in ("127.0.0.1:8000", "10.1.2.3:8000"):
        answer = client.get("/healthz?live", headers={"host": address})
        assert (answer.status_code, answer.json()) == (200, {"live": True})
        for page in ("/healthz", "/admin/?live", "/benchling/webhooks?live"):
            assert client.get(page, headers={"host": address}).status_code == 400, page
