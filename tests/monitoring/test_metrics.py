"""`GET /metrics`: who may read it, that it tells the truth, and what it costs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from registry_sync import runs
from registry_sync.jobs.runner import SliceEnd, work_slice
from registry_sync.models import AlertMessage, EntityError, Lane, SyncRun, WebhookDelivery
from registry_sync.monitoring.metrics import tallies
from tests.support.factories import (
    AlertFactory,
    AlertMessageFactory,
    LaneFactory,
    SyncRunFactory,
    WebhookDeliveryFactory,
    WebhookRefusalFactory,
)
from tests.support.registry import compound

TOKEN = "metrics-t0ken"


def read(client: Client) -> dict[str, float]:
    """Read every sample by its name and labels; a line that Prometheus could not read fails."""
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200 and answer["Content-Type"].startswith("text/plain; version=")
    families = text_string_to_metric_families(answer.content.decode())
    samples = [sample for family in families for sample in family.samples]
    found = {" ".join([s.name, *s.labels.values()]): s.value for s in samples}
    assert len(found) == len(samples)
    return {name.removeprefix("registry_sync_"): value for name, value in found.items()}


@pytest.fixture
def token(settings) -> None:
    settings.METRICS_TOKEN = TOKEN


@pytest.mark.once
def test_only_the_bearer_of_the_token_reads_it(db, client, settings):
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404
    settings.METRICS_TOKEN = TOKEN
    for given in ({}, {"Authorization": "Bearer x"}, {"Authorization": TOKEN}):
        assert client.get("/metrics", headers=given).status_code == 401
    right = {"Authorization": f"Bearer {TOKEN}"}
    assert client.get("/metrics", headers=right).status_code == 200
    assert client.post("/metrics", headers=right).status_code == 405


def test_it_tells_what_happened(world, client, token):
    records = [compound(n) for n in range(20)]
    records[19]["name"], records[18]["approval"] = "Compound 1", "x"
    w = world(records)
    assert read(client)["run_active"] == 0
    w.sync(kind=SyncRun.Kind.DRY_RUN)
    good = w.sync()
    w.registry.token = "other"
    w.sync()
    asked, _ = runs.request_run(kind=SyncRun.Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    said = read(client)
    assert said["objects_written_total"] == w.written() == 18
    assert said["runs_total COMPLETED_WITH_WARNINGS"] == said["runs_total FAILED"] == 1
    assert said["runs_total SUCCEEDED"] == 0
    assert said["open_errors source"] == 2 and said["open_errors benchling"] == 0
    assert said["run_active"] == 1
    asked.refresh_from_db()
    assert said["run_heartbeat_timestamp_seconds"] == round(asked.heartbeat.timestamp(), 3)
    assert said["last_good_run_timestamp_seconds"] == round(good.finished_at.timestamp(), 3)
    EntityError.objects.filter(external_id="C-000019").update(dismissed_at=timezone.now())
    assert read(client)["open_errors source"] == 1


def test_a_waiting_run_shows_its_reason_and_its_end(world, client, token):
    w = world([compound(1)])
    w.sync()
    run, _ = runs.request_run(kind=SyncRun.Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    until = timezone.now() + timedelta(minutes=20)
    rows = SyncRun.objects.filter(pk=run.pk)
    rows.update(waiting_until=until, waiting_code="object_limit")
    name = "run_waiting_until_timestamp_seconds"
    assert read(client)[f"{name} object_limit"] == round(until.timestamp(), 3)
    rows.update(waiting_until=timezone.now() - timedelta(seconds=1))
    assert not [key for key in read(client) if key.startswith(name)]


def test_its_questions_are_few_whatever_the_history(
    world, client, token, django_assert_max_num_queries
):
    w = world([compound(n) for n in range(3)])
    for _ in range(4):
        w.sync()
    with django_assert_max_num_queries(18):
        read(client)


def test_before_the_first_good_run(db, client, token):
    said = read(client)
    assert said["no_good_run_yet"] == 1 and said["runs_total SUCCEEDED"] == 0
    assert "last_good_run_timestamp_seconds" not in said and "redis_up" not in said
    assert "object_budget_left" not in said and "oldest_error_timestamp_seconds" not in said


def test_durations_batches_budget_and_the_oldest_error(world, client, token, settings):
    records = [compound(n) for n in range(30)]
    records[29]["approval"] = "x"
    settings.BATCH_SIZE, settings.OBJECTS_PER_HOUR = 10, 1000
    w = world(records)
    run = w.sync()
    w.sync(kind=SyncRun.Kind.DRY_RUN)
    said = read(client)
    assert said["no_good_run_yet"] == 0 and said["batches_total"] == 3
    assert said["object_budget_left"] == 1000 - 29
    oldest = EntityError.objects.get().first_seen
    assert said["oldest_error_timestamp_seconds"] == round(oldest.timestamp(), 3)
    took = (run.finished_at - run.started_at).total_seconds()
    assert said["run_duration_seconds_sum full"] == pytest.approx(took, abs=0.002)
    assert said["run_duration_seconds_bucket full 86400.0"] == 1
    assert said["run_duration_seconds_bucket full +Inf"] == 1
    assert "run_duration_seconds_sum dry run" not in said
    assert said["phase_duration_seconds_count upsert"] == 1
    assert said["phase_duration_seconds_sum upsert"] == round(run.phase_seconds["upsert"], 3)


def test_waits_for_limits_are_counted_by_reason(world, client, token, settings):
    settings.OBJECTS_PER_HOUR, settings.BATCH_SIZE = 5, 5
    w = world([compound(n) for n in range(10)])
    run, _ = runs.request_run(kind=SyncRun.Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    assert work_slice(run.pk) is SliceEnd.WAITING
    said = read(client)
    assert said["waits_total own_limit"] == 1 and said["waits_total object_limit"] == 0
    assert 3500 < said["wait_seconds_total own_limit"] <= 3600
    assert said["objects_written_total"] == w.written() == 5
    runs.cancel(run, actor="mona", reason="enough")
    assert read(client)["waits_total own_limit"] == 1


def test_counters_stay_whatever_is_folded_and_deleted(world, client, token):
    w = world([compound(n) for n in range(3)])
    w.sync()
    w.sync(kind=SyncRun.Kind.DRY_RUN)
    lane = Lane.objects.get()
    for _ in range(3):
        SyncRunFactory(status="FAILED", lane=lane)
    WebhookDeliveryFactory(type=WebhookDelivery.PRESS, state=WebhookDelivery.State.DONE)
    alert, now = AlertFactory(), timezone.now()
    AlertMessageFactory(alert=alert, channel="slack", sent_at=now, next_try_at=None)
    AlertMessageFactory(alert=alert, channel="slack", sent_at=None, next_try_at=now)
    AlertMessageFactory(alert=None, channel="slack", sent_at=now, next_try_at=None)  # a test
    WebhookRefusalFactory(reason="stale", count=4)
    before = read(client)
    assert before["webhooks_refused_total stale"] == 4
    assert before["runs_total FAILED"] == 3
    assert before[f"webhooks_received_total {WebhookDelivery.PRESS}"] == 1
    assert before["alert_messages_total slack sent"] == before["alert_messages_waiting"] == 1
    assert not SyncRun.objects.filter(tallied=True, status="FAILED").exists()
    assert tallies.fold() == 5 and tallies.fold() == 0
    assert read(client) == before
    SyncRun.objects.filter(status="FAILED").delete()
    WebhookDelivery.objects.all().delete()
    AlertMessage.objects.filter(tallied=True).delete()
    assert read(client) == before


def test_a_fold_between_two_queries_counts_nothing_twice(world, client, token, monkeypatch):
    w = world([compound(1)])
    w.sync()
    SyncRunFactory(status="FAILED", lane=Lane.objects.get())
    stored, left = tallies._stored, [1]

    def stored_and_then_folded():
        found = stored()
        if left:
            left.pop()
            tallies.fold()
        return found

    monkeypatch.setattr(tallies, "_stored", stored_and_then_folded)
    said = read(client)
    assert said["runs_total FAILED"] == said["runs_total SUCCEEDED"] == 1


def test_folds_without_end_let_no_counter_jump(db, client, token, monkeypatch):
    """Who folds stands back while the tally is held; before that it folds between any queries."""
    lane = LaneFactory()
    SyncRunFactory.create_batch(12, status="FAILED", lane=lane)
    stored, lock, held = tallies._stored, tallies._lock, []

    def folded_and_stored():
        if not held:
            left = SyncRun.objects.filter(tallied=False).order_by("pk").values_list("pk", flat=True)
            tallies._fold(tallies.KINDS[0], list(left[:1]))
        return stored()

    def locked(*, skip=True):
        held.extend([] if skip else [1])
        return lock(skip=skip)

    monkeypatch.setattr(tallies, "_stored", folded_and_stored)
    monkeypatch.setattr(tallies, "_lock", locked)
    assert read(client)["runs_total FAILED"] == 12
    assert SyncRun.objects.filter(tallied=False).exists()


@pytest.mark.once
def test_queues_and_workers_come_from_redis(db, client, token, settings, redis):
    settings.REDIS_URL = redis.url
    said = read(client)
    assert said["redis_up"] == 1
    assert said["workers sync"] == said["queue_jobs interactive"] == 0
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    said = read(client)
    assert said["redis_up"] == 0 and "workers sync" not in said
