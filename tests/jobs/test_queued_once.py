"""A job waits in its queue once, however many processes queue it at one moment."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from redis import Redis
from rq import Queue, Worker
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer
from rq.utils import utcformat

from registry_sync.core.dotted_paths import WORK_DELIVERY
from registry_sync.models import WebhookDelivery
from registry_sync.runs.queue import push_once
from registry_sync.runs.workers import read_queues
from registry_sync.webhooks import handlers
from registry_sync.webhooks.enqueue import enqueue_deliveries
from tests.support.deployment import until
from tests.support.factories import WebhookDeliveryFactory
from tests.support.starting import run_python, start_python

pytestmark = pytest.mark.once
BOTH = """
import sys, time, django; django.setup()
from registry_sync import runs
from registry_sync.models import SyncRun, WebhookDelivery
from registry_sync.runs.queue import enqueue
from registry_sync.webhooks.enqueue import enqueue_deliveries
from registry_sync.jobs.reconciler import reconcile
run, rows = SyncRun.objects.get(), list(WebhookDelivery.objects.all())
print("ready", flush=True); sys.stdin.readline()
what = sys.argv[1]
if what == "press":
    enqueue(run.pk); enqueue_deliveries(rows)
else:
    reconcile(alert=False)
"""
SEED = """
import django; django.setup()
from datetime import timedelta
from django.utils import timezone
from registry_sync import runs
from registry_sync.models import SyncRun
from tests.support.factories import WebhookDeliveryFactory
run, _ = runs.request_run(kind="incremental", trigger="canvas")
old = timezone.now() - timedelta(minutes=5)
SyncRun.objects.update(heartbeat=old, created_at=old)
for n in range(20):
    WebhookDeliveryFactory(webhook_id=f"m{n}", type="t", message={}, received_at=old)
"""


@pytest.mark.invariant(2, 4)
def test_reconcilers_and_a_press_at_one_moment_queue_each_job_once(deploy, redis):
    d = deploy(1, env={"REDIS_URL": redis.url})
    run_python("-c", SEED, env=d.env).check_returncode()
    children = [
        start_python("-c", BOTH, what, env=d.env, text=True, stdin=-1, stdout=-1)
        for what in ("press", "reconciler", "reconciler", "press")
    ]
    for child in children:
        assert child.stdout is not None and child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    assert [child.communicate(timeout=300) and child.returncode for child in children] == [0] * 4
    connection = Redis.from_url(redis.url, decode_responses=True)
    assert connection.lrange("rq:queue:sync", 0, -1) == ["sync-run-1-0"]
    waiting = connection.lrange("rq:queue:interactive", 0, -1)
    assert 1 <= len(waiting) <= 4 and len(set(waiting)) == len(waiting)  # one works on all twenty


@pytest.fixture
def queue(redis_server):
    connection = Redis.from_url(redis_server.url)
    connection.flushall()
    yield Queue("interactive", connection=connection, serializer=JSONSerializer)
    connection.flushall()
    connection.close()


def _push(queue: Queue) -> bool:
    return push_once(queue, WORK_DELIVERY, 7, job_id="delivery-7-0", result_ttl=600)


def test_a_job_is_queued_again_once_it_was_lost(queue):
    assert [_push(queue), _push(queue)] == [True, False]
    queue.connection.delete(queue.key)  # Redis lost the list, and kept the job
    assert _push(queue) and queue.job_ids == ["delivery-7-0"]
    queue.connection.delete("rq:job:delivery-7-0")  # and the other way round
    assert _push(queue) and queue.job_ids == ["delivery-7-0"]


@pytest.mark.parametrize(
    ("status", "silent", "again"),
    [
        (JobStatus.STARTED, timedelta(seconds=5), False),
        (JobStatus.STARTED, timedelta(minutes=5), True),
        (JobStatus.FINISHED, timedelta(seconds=5), True),
        (JobStatus.FAILED, timedelta(seconds=5), True),
    ],
)
def test_a_job_that_a_live_worker_has_is_not_queued_again(queue, status, silent, again):
    _push(queue)
    queue.connection.delete(queue.key)
    job = Job.fetch("delivery-7-0", connection=queue.connection, serializer=JSONSerializer)
    job.set_status(status)
    job.heartbeat(timezone.now() - silent, ttl=600)
    assert _push(queue) is again


def test_a_live_worker_is_known_whatever_the_clock_of_its_host_says(queue, redis_server, settings):
    settings.REDIS_URL = redis_server.url
    for minutes in (-10, 0, 10):
        live = Redis.from_url(redis_server.url, single_connection_client=True)
        worker = Worker([queue], connection=live, serializer=JSONSerializer)
        worker.register_birth()
        live.client_setname(worker.name)
        heard = timezone.now() + timedelta(minutes=minutes)
        live.hset(worker.key, "last_heartbeat", utcformat(heard))
        assert read_queues(queue.connection).serves("interactive"), minutes
        _push(queue)
        queue.connection.delete(queue.key)
        job = Job.fetch("delivery-7-0", connection=queue.connection, serializer=JSONSerializer)
        job.prepare_for_execution(worker.name, queue.connection)
        job.heartbeat(heard, ttl=600)
        assert not _push(queue), minutes  # it is being worked on
        live.close()
        until(
            lambda: not read_queues(queue.connection).serves("interactive"),
            seconds=30,
            what="the worker's end",
        )
        assert _push(queue), minutes  # its row is still there, with a heartbeat of any time
        queue.connection.flushall()


@pytest.fixture
def deliveries(queue, redis_server, settings, db):
    """Three deliveries that wait for their first attempt, and a Redis for their jobs."""
    settings.REDIS_URL = redis_server.url
    return [WebhookDeliveryFactory(type="no handler") for _ in range(3)]


def test_one_job_is_queued_for_all_deliveries_that_wait(queue, deliveries):
    first, second, third = deliveries
    assert enqueue_deliveries([first]) == 1 and enqueue_deliveries([second, third]) == 2
    assert queue.job_ids == [f"delivery-{first.pk}-0"]
    second.attempts = 1  # a job looks for first attempts only
    assert enqueue_deliveries([second]) == 1
    assert queue.job_ids[1:] == [f"delivery-{second.pk}-1"]
    for id_ in queue.job_ids:
        queue.connection.delete(f"rq:job:{id_}")  # the queue has ids without jobs
    assert enqueue_deliveries([third]) == 1
    assert queue.job_ids[-1:] == [f"delivery-{third.pk}-0"]


@pytest.mark.invariant(4)
def test_a_job_with_others_behind_it_queues_its_successor_first(queue, deliveries, monkeypatch):
    first, second, third = (row.pk for row in deliveries)
    seen = []

    def work(pk, client):
        seen.append((pk, queue.job_ids))
        WebhookDelivery.objects.filter(pk=pk).update(state="done")

    monkeypatch.setattr(handlers, "work_delivery", work)
    handlers.work_deliveries(first)
    assert seen == [(pk, [f"delivery-{second}-0"]) for pk in (first, second, third)]
    queue.empty()
    handlers.work_deliveries(second)
    assert queue.job_ids == []  # none waits any more


def test_a_job_whose_time_is_up_leaves_the_others_to_its_successor(queue, deliveries, monkeypatch):
    monkeypatch.setattr(handlers, "WORK_FOR", -1)
    monkeypatch.setattr(handlers, "work_delivery", lambda pk, client: queue.empty())
    handlers.work_deliveries(deliveries[0].pk)
    assert queue.job_ids == [f"delivery-{deliveries[0].pk}-0"]
