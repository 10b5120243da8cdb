"""Alerts report what is new since the last message, and one cause of several lanes once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from registry_sync.models import Alert, AlertMessage, EntityError, Lane, SyncRun
from registry_sync.monitoring import alerts
from registry_sync.monitoring.channels.webhook import content_of
from tests.support.factories import (
    AlertSettingsFactory,
    EntityErrorFactory,
    LaneFactory,
    SyncRunFactory,
)

pytestmark = pytest.mark.once
DAY = timedelta(days=1)


@pytest.fixture
def lanes(db) -> list[Lane]:
    AlertSettingsFactory(emails="ann@example.com")
    return [
        LaneFactory(schema_id=f"ts_{n}", schema_name=name, position=n, collection=address)
        for n, (name, address) in enumerate(
            [
                ("Compounds", "https://chem.example.com/compounds"),
                ("Lots", "https://chem.example.com/lots"),
                ("Plasmids", "https://bio.example.com/plasmids"),
            ]
        )
    ]


@pytest.fixture
def lane(lanes) -> Lane:
    """The only lane, which had a good run."""
    Lane.objects.exclude(pk=lanes[0].pk).delete()
    SyncRunFactory(lane=lanes[0], kind="full", finished_at=timezone.now())
    return lanes[0]


def age(days: float) -> None:
    """Let time pass for errors and messages."""
    EntityError.objects.update(first_seen=F("first_seen") - days * DAY)
    AlertMessage.objects.update(created_at=F("created_at") - days * DAY)


def told() -> list[AlertMessage]:
    """Look for alerts twice, and return the new messages."""
    last = AlertMessage.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    alerts.record_changes()
    alerts.record_changes()
    return list(AlertMessage.objects.filter(pk__gt=last).order_by("pk"))


def refuse(lane: Lane, *ids: str, days: float = 0, **values) -> None:
    for id_ in ids:
        seen = timezone.now() - days * DAY
        EntityErrorFactory(lane=lane, external_id=id_, first_seen=seen, **values)


def test_an_open_alert_tells_only_what_is_new_and_nothing_without_news(lane):
    refuse(lane, "C-1", "C-2", days=8, code="name_taken")
    (first,) = told()
    assert "Records: 2 records." in first.body and "C-1, C-2. Who must act:" in first.body
    age(2)
    assert told() == [], "nothing is new"
    refuse(lane, "C-3", "C-4", days=8, code="name_taken")
    refuse(lane, "C-9", days=1)
    (second,) = told()
    assert "New since the last message: 2 records." in second.body
    assert "C-3, C-4. Who must act:" in second.body
    assert "C-1" not in second.body and "C-9" not in second.body
    assert content_of(first)["event"] == "began" and content_of(second)["event"] == "more"
    refuse(lane, "C-5", days=6.5)
    age(0.6)
    assert told() == [], "one a day"
    age(0.5)
    (third,) = told()
    assert "1 record." in third.body and "C-5" in third.body and "C-3" not in third.body
    EntityError.objects.all().delete()
    (over,) = told()
    assert over.subject.startswith("Registry Sync: over: ")


def test_each_recipient_is_told_what_is_new_to_them(lane):
    refuse(lane, "C-1", days=8)
    told()
    AlertSettingsFactory._meta.model.objects.update(emails="ann@example.com\nbob@example.com")
    age(2)
    refuse(lane, "C-3", days=8)
    by = {message.receiver: message.body for message in told()}
    assert "C-3" in by["ann@example.com"] and "C-1" not in by["ann@example.com"]
    assert "Records: 2 records." in by["bob@example.com"] and "C-1" in by["bob@example.com"]


def test_many_refusals_of_a_later_run_are_news(lane):
    def refusing(first: int) -> None:
        at = timezone.now()
        run = SyncRunFactory(lane=lane, kind="full", read=40, failed=20, finished_at=at)
        ids = [f"C-{n}" for n in range(first, first + 20)]
        refuse(lane, *ids, opened_by=run, code="no_name")

    refusing(0)
    (began,) = told()
    assert "20 records." in began.body
    age(2)
    SyncRun.objects.update(finished_at=F("finished_at") - 2 * DAY)
    assert told() == []
    refusing(100)
    (more,) = told()
    assert "20 records." in more.body and "C-100" in more.body and "C-1," not in more.body


def fail(lane: Lane, code: str) -> SyncRun:
    return SyncRunFactory(
        lane=lane, status="FAILED", error=f"It broke ({code}).", error_code=code,
        error_kind="benchling", remedy="Wait.", finished_at=timezone.now(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("code", "named", "count"),
    [
        ("benchling_unreachable", "Compounds, Lots, Plasmids", 1),
        ("registry_unreachable", "Compounds, Lots", 2),
        ("mapping", "Compounds", 3),
    ],
)
def test_a_cause_of_several_lanes_is_one_message_that_names_them(lanes, code, named, count):
    fail(lanes[0], code)
    (first,) = told()
    assert f"({named}, " in first.subject and first.body.startswith(f"{named}: Run ")
    assert ("that use " in first.body) == (count < 3)
    for lane in lanes[1:]:
        fail(lane, code)
        told()
    assert AlertMessage.objects.count() == count
    assert Alert.objects.filter(ended_at=None).count() == 3
    SyncRunFactory(lane=lanes[0], finished_at=timezone.now())
    assert bool(told()) == (code == "mapping"), "Lots still fails"
    for lane in lanes[1:]:
        SyncRunFactory(lane=lane, finished_at=timezone.now())
    told()
    over = AlertMessage.objects.filter(subject__contains="over: ")
    assert over.count() == count and f"({named}, " in over.order_by("pk")[0].subject


def test_a_schedule_that_stopped_is_one_message_for_the_lanes_that_had_a_run(lanes):
    for lane in lanes[:2]:
        SyncRunFactory(lane=lane, kind="full", finished_at=timezone.now() - 2 * DAY)
    (only,) = told()
    assert only.subject.startswith("Registry Sync: no good run (Compounds, Lots, ")
    assert "2 lanes that use the same schedule" in only.body
