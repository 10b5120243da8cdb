"""Monitoring of several lanes: each one is judged by its own runs, and by those without a lane."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from registry_sync import runs
from registry_sync.models import Alert, AlertMessage, SyncRun
from registry_sync.monitoring import alerts, freshness, health
from registry_sync.monitoring.channels import CHANNELS
from registry_sync.monitoring.conditions import QUESTIONS
from registry_sync.monitoring.doctor import checkup as doctor
from registry_sync.monitoring.lane_runs import lanes_or_none, runs_of
from tests.support.factories import EntityErrorFactory, LaneFactory, SyncRunFactory
from tests.support.registry import compound


@pytest.fixture
def two_lanes(world, monkeypatch) -> Any:
    """One lane that has synced, and another one whose only run failed."""
    w = world([compound(n) for n in range(3)])
    good = w.sync()
    first = good.lane
    second = LaneFactory(
        registry_id=first.registry_id, collection=first.collection, schema_name="Other"
    )
    failed = SyncRunFactory(
        lane=second, status=SyncRun.Status.FAILED, error="It broke.", error_kind="mapping",
        error_code="mapping", started_at=good.started_at, finished_at=good.finished_at,
    )  # fmt: skip
    monkeypatch.setattr(runs, "current_lanes", lambda: [first, second])
    return first, second, good, failed


def test_before_the_first_run_there_is_one_none(world):
    world([])
    assert lanes_or_none() == [None] and not runs_of(None).exists()


def test_runs_count_for_their_lane_and_those_without_one_for_all(two_lanes):
    first, second, good, failed = two_lanes
    SyncRun.objects.filter(pk=failed.pk).update(status=SyncRun.Status.FAILED)
    lost = SyncRunFactory(status=SyncRun.Status.FAILED)
    assert set(runs_of(first)) == {good, lost} and set(runs_of(second)) == {failed, lost}
    assert set(runs_of(None)) == {good, failed, lost}


def test_each_lane_has_its_freshness_health_and_checks(two_lanes):
    first, second, *_ = two_lanes
    assert freshness.check_freshness(first).state == "ok"
    assert freshness.check_freshness(second).state == "never"
    assert health.assess(first).word == "good" and health.assess(second).word == "bad"
    checks = {result.name: result.state for result in doctor.examine()}
    assert checks[f"Last run ({first})"] == "ok" and checks[f"Last run ({second})"] == "bad"


def test_one_failing_lane_is_alerted_and_its_recovery_ends_it(two_lanes):
    *_, failed = two_lanes
    alerts.record_changes()
    alert = Alert.objects.get()
    assert alert.what == Alert.What.FAILING and f"Run {failed.pk} failed" in alert.text
    SyncRun.objects.filter(pk=failed.pk).update(status=SyncRun.Status.SUCCEEDED)
    alerts.record_changes()
    assert Alert.objects.get().ended_at is not None


def test_one_stale_lane_makes_the_health_page_answer_503(two_lanes):
    *_, failed = two_lanes
    assert Client().get("/healthz").status_code == 200
    old = timezone.now() - timedelta(hours=30)
    SyncRun.objects.filter(pk=failed.pk).update(created_at=old, finished_at=old)
    answer = Client().get("/healthz")
    assert answer.status_code == 503 and "stale" in answer.json()["runs"]


def test_metrics_add_up_the_lanes(two_lanes, settings):
    first, second, good, _ = two_lanes
    settings.METRICS_TOKEN = "t"
    for lane in (first, second):
        EntityErrorFactory(lane=lane, run=good)
    text = Client().get("/metrics", headers={"Authorization": "Bearer t"}).text
    assert 'registry_sync_open_errors{kind="source"} 2' in text
    assert text.count("# TYPE registry_sync_open_errors gauge") == 1
    assert text.count("registry_sync_last_good_run_timestamp_seconds ") == 3


@pytest.mark.once
def test_every_channel_and_every_condition_is_registered():
    assert set(CHANNELS) == set(AlertMessage.Channel.values)
    assert set(QUESTIONS) == set(Alert.What)
