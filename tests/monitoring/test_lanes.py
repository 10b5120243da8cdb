"""Monitoring of several lanes: each one is judged by its own runs, and by those without a lane."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from registry_sync import runs
from registry_sync.models import Alert, AlertMessage, Lane, SyncRun
from registry_sync.monitoring import alerts, freshness, health
from registry_sync.monitoring.channels import CHANNELS
from registry_sync.monitoring.conditions import QUESTIONS
from registry_sync.monitoring.doctor import checkup as doctor
from registry_sync.monitoring.lane_runs import lanes_or_none, runs_of
from tests.support.factories import (
    AlertFactory,
    AlertSettingsFactory,
    EntityErrorFactory,
    LaneFactory,
    SyncRunFactory,
)
from tests.support.registry import compound

pytestmark = pytest.mark.once


@pytest.fixture
def two_lanes(world) -> Any:
    """One lane that has synced, and another one whose only run failed."""
    w = world([compound(n) for n in range(3)])
    good = w.sync()
    first = good.lane
    second = LaneFactory(
        registry_id=first.registry_id, collection=first.collection, schema_name="Other", position=1
    )
    failed = SyncRunFactory(
        lane=second, status=SyncRun.Status.FAILED, error="It broke.", error_kind="mapping",
        error_code="mapping", started_at=good.started_at, finished_at=good.finished_at,
    )  # fmt: skip
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
    around = health.assess_service()
    assert [health.assess_lane(lane, around).word for lane in (first, second)] == ["good", "bad"]
    checks = {result.name: result.state for result in doctor.examine()}
    assert checks["Last run (Compound)"] == "ok" and checks["Last run (Other)"] == "bad"


def test_one_failing_lane_is_alerted_and_its_recovery_ends_it(two_lanes):
    _, second, _, failed = two_lanes
    AlertSettingsFactory(emails="ann@example.com")
    alerts.record_changes()
    alert = Alert.objects.get()
    assert (alert.what, alert.lane) == (Alert.What.FAILING, second)
    assert alert.text.startswith(f"Other: Run {failed.pk} failed")
    subject = AlertMessage.objects.get().subject
    assert subject == f"Registry Sync: runs fail (Other, {alert.tenant})"
    SyncRun.objects.filter(pk=failed.pk).update(status=SyncRun.Status.SUCCEEDED)
    alerts.record_changes()
    assert Alert.objects.get().ended_at is not None


def test_a_subject_has_one_line_whatever_a_lane_is_called(two_lanes):
    second = two_lanes[1]
    Lane.objects.filter(pk=second.pk).update(schema_name="Other\nBcc: eve@example.com")
    AlertSettingsFactory(emails="ann@example.com")
    alerts.record_changes()
    subject = AlertMessage.objects.get().subject
    assert subject.startswith("Registry Sync: runs fail (Other Bcc: eve@example.com, ")


def test_each_lane_has_its_alert_and_the_one_that_was_open_before_is_the_first_ones(two_lanes):
    first, second, *_ = two_lanes
    before = AlertFactory()
    SyncRunFactory(
        lane=first, status="FAILED", error="It broke.", error_kind="mapping",
        finished_at=timezone.now(),
    )  # fmt: skip
    alerts.record_changes()
    lanes = Alert.objects.filter(ended_at=None).values_list("pk", "lane")
    assert dict(lanes) == {before.pk: None, Alert.objects.latest("pk").pk: second.pk}
    SyncRunFactory(lane=first, finished_at=timezone.now())
    alerts.record_changes()
    before.refresh_from_db()
    assert before.ended_at is not None
    assert Alert.objects.filter(ended_at=None).get().lane == second


def test_an_alert_of_a_lane_that_is_no_longer_synced_ends(two_lanes):
    second = two_lanes[1]
    alerts.record_changes()
    Lane.objects.filter(pk=second.pk).update(position=None)
    alerts.record_changes()
    alert = Alert.objects.get()
    assert alert.ended_at and alert.ended_text == "This schema is no longer synced."


def test_one_stale_lane_makes_the_health_page_answer_503(two_lanes):
    *_, failed = two_lanes
    assert Client().get("/healthz").status_code == 200
    old = timezone.now() - timedelta(hours=30)
    SyncRun.objects.filter(pk=failed.pk).update(created_at=old, finished_at=old)
    answer = Client().get("/healthz")
    assert answer.status_code == 503 and answer.json()["runs"].startswith("Other: stale")
    lanes = answer.json()["lanes"]
    assert lanes["Compound"] == "ok" and lanes["Other"].startswith("stale")


def test_metrics_name_the_lane(two_lanes, settings):
    first, second, good, _ = two_lanes
    settings.METRICS_TOKEN = "t"
    SyncRunFactory(lane=second, status="RUNNING")
    for lane in (first, second):
        EntityErrorFactory(lane=lane, run=good)
    Lane.objects.filter(pk=second.pk).update(schema_name='The "other"')
    text = Client().get("/metrics", headers={"Authorization": "Bearer t"}).text
    other = r'lane="The \"other\""'
    assert 'registry_sync_open_errors{kind="source",lane="Compound"} 1' in text
    assert f'registry_sync_open_errors{{kind="source",{other}}} 1' in text
    assert text.count("# TYPE registry_sync_open_errors gauge") == 1
    ended = [line for line in text.splitlines() if line.startswith("registry_sync_last_good")]
    assert len(ended) == 1 and 'lane="Compound"' in ended[0]
    assert f'registry_sync_runs_total{{{other},status="FAILED"}} 1' in text
    assert 'registry_sync_objects_written_total{lane="Compound"} 3' in text
    assert 'registry_sync_run_active{lane="Compound"} 0' in text
    assert f"registry_sync_run_active{{{other}}} 1" in text


def test_a_stopped_lane_excuses_no_other(two_lanes):
    first, second, good, failed = two_lanes
    old = timezone.now() - timedelta(hours=30)
    SyncRun.objects.filter(pk__in=[good.pk, failed.pk]).update(created_at=old, finished_at=old)
    SyncRunFactory(
        lane=second, status="RUNNING", started_at=timezone.now(), heartbeat=timezone.now()
    )
    assert freshness.check_freshness(first).state == "stale"
    assert freshness.check_freshness(second).state == "busy"


def test_doctor_looks_at_each_sync_and_says_which(world):
    w = world([compound(1)])
    lots = w.add_lane("Lots", [compound(9)], config={"API Key": "another"})
    found = {result.name: result for result in doctor.examine()}
    for name in ("Schema", "Connector Settings", "Fields", "Registry", "Keys left out"):
        assert f"{name} (Compound)" in found and f"{name} (Lots)" in found, name
    assert found["Registry (Compound)"].state == "ok"
    assert found["Registry (Lots)"].state == "bad"
    assert "Credentials and installation" in found and "Benchling registry" in found
    assert [lane.schema_name for lane in runs.current_lanes()] == ["Compound", "Lots"]
    w.tenant.schemas[lots.schema]["archiveRecord"] = {"reason": "Retired"}
    found = {result.name: result for result in doctor.examine()}
    assert found["Schema (Lots)"].state == "bad" and found["Schema (Compound)"].state == "ok"


def test_every_channel_and_every_condition_is_registered():
    assert set(CHANNELS) == set(AlertMessage.Channel.values)
    assert set(QUESTIONS) == set(Alert.What)
