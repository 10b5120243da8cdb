"""`GET /metrics`: who may read it, that it tells the truth, and what it costs."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from registry_sync import runs
from registry_sync.models import EntityError, SyncRun
from tests.support.registry import compound

TOKEN = "metrics-t0ken"
SAMPLE = re.compile(r'registry_sync_(\w+)(?:\{\w+="(\w+)"\})? (-?[\d.]+)')


def read(client: Client) -> dict[str, float]:
    """Read every sample; a line that Prometheus could not read fails."""
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200 and answer["Content-Type"].startswith("text/plain; version=")
    found = {}
    for line in answer.content.decode().splitlines():
        if not line.startswith("# "):
            name, label, number = SAMPLE.fullmatch(line).groups()
            found[f"{name} {label}" if label else name] = float(number)
    return found


@pytest.fixture
def token(settings) -> None:
    settings.METRICS_TOKEN = TOKEN


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
    asked, _ = runs.request(kind=SyncRun.Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
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
    run, _ = runs.request(kind=SyncRun.Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
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
    with django_assert_max_num_queries(5):
        read(client)
