"""Alerts: a condition that begins or ends, with one message for each to every recipient.

Checked after each slice, every half minute by every worker, and by the cron command, so that a
dead worker or a dead Redis is noticed as well. Messages are rows first; `outbox` sends them.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from registry_sync import runs
from registry_sync.models import Alert, AlertMessage, AlertSettings, Lane
from registry_sync.monitoring import freshness
from registry_sync.monitoring.channels import CHANNELS
from registry_sync.monitoring.conditions import QUESTIONS, Answer, Condition
from registry_sync.monitoring.lane_runs import lanes_or_none
from registry_sync.monitoring.notice import Notice

What = Alert.What
NO_LONGER = "This schema is no longer synced."


@dataclass(frozen=True, slots=True)
class Turn:
    """A condition of a lane that began or ended; `alert` is the row of one that ended.

    Without an answer, its lane is no longer configured.
    """

    what: Alert.What
    lane: Lane | None
    alert: Alert | None = None
    answer: Answer = None


def record_changes() -> int:
    """Record which alerts began or ended; return how many messages that makes."""
    freshness.record_pulse()
    return _record_changes() if _changes(freshness.limits()) else 0


def _record_changes() -> int:
    """Check again under a lock, for two processes may have seen the same change."""
    count, names = 0, runs.LaneNames()
    with transaction.atomic():
        limits = AlertSettings.objects.select_for_update().get(pk=settings_row().pk)
        for turn in _changes(limits):
            if turn.alert is not None:
                count += _end(turn, limits, names)
            elif isinstance(turn.answer, Condition):
                count += _begin(turn, turn.answer, limits, names)
    return count


def _changes(limits: AlertSettings) -> list[Turn]:
    """List the alerts that began (no row yet) or ended (their row) since the last check."""
    lanes = lanes_or_none()
    open_alerts = {
        (alert.what, alert.lane or lanes[0]): alert
        for alert in Alert.objects.of_app().filter(ended_at__isnull=True).select_related("lane")
    }
    found: list[Turn] = []
    for lane in lanes:
        for what, question in QUESTIONS.items():
            answer, alert = question.ask(lane, limits), open_alerts.pop((str(what), lane), None)
            if (isinstance(answer, Condition) and alert is None) or (answer is False and alert):
                found.append(Turn(what, lane, alert, answer))
    gone = [Turn(What(alert.what), lane, alert) for (_, lane), alert in open_alerts.items()]
    return found + gone


def _begin(turn: Turn, found: Condition, limits: AlertSettings, names: runs.LaneNames) -> int:
    name = names.beside(turn.lane)
    text = f"{name}: {found.text}" if name else found.text
    alert = Alert.objects.create(
        tenant=limits.tenant, app_id=limits.app_id, what=turn.what, text=text,
        began_at=found.since, lane=turn.lane if name else None,
    )  # fmt: skip
    lines = (
        ("Since", f"{found.since:%Y-%m-%d %H:%M} UTC"),
        ("Who must act", found.who),
        ("What to do", found.remedy),
    )
    notice = Notice(
        found.text, lines, lane=name, link=address(found.path, found.pk),
        closing="You will get one more message when this is over.",
    )  # fmt: skip
    return _notify(alert, _subject(turn, name, limits), notice, limits)


def _end(turn: Turn, limits: AlertSettings, names: runs.LaneNames) -> int:
    alert = turn.alert
    assert alert is not None
    over = NO_LONGER if turn.answer is None else QUESTIONS[turn.what].over
    alert.ended_at, alert.ended_text = timezone.now(), over
    alert.save(update_fields=["ended_at", "ended_text"])
    began = f"It began at {alert.began_at:%Y-%m-%d %H:%M} UTC: {alert.text}"
    notice = Notice(
        f"This is over: {turn.what.label}. {alert.ended_text}",
        (("", began), ("", "No one needs to act.")),
        link=address(),
    )
    subject = _subject(turn, names.beside(turn.lane), limits)
    return _notify(alert, f"over: {subject}", notice, limits)


def _subject(turn: Turn, name: str, limits: AlertSettings) -> str:
    where = f"{name}, {limits.tenant}" if name else limits.tenant
    return f"{turn.what.label} ({where})"


def _notify(alert: Alert, subject: str, notice: Notice, limits: AlertSettings) -> int:
    now, found = timezone.now(), recipients(limits)
    AlertMessage.objects.bulk_create(
        AlertMessage(
            alert=alert, channel=channel, receiver=recipient, body=notice.body(), created_at=now,
            subject=f"Registry Sync: {subject}"[:200], next_try_at=now, notice=notice.as_json(),
        )
        for channel, recipient in found
    )  # fmt: skip
    return len(found)


def make_test_messages(limits: AlertSettings, *, actor: str) -> list[AlertMessage]:
    """Return a new test message for each recipient; the caller sends them, and none is retried."""
    text = f"{actor} pressed Test on the alert settings of {limits.tenant}. No one needs to act."
    notice = Notice(text, link=address())
    now = timezone.now()
    return [
        AlertMessage.objects.create(
            channel=channel, receiver=recipient, subject="Registry Sync: a test",
            body=notice.body(), notice=notice.as_json(), created_at=now,
        )
        for channel, recipient in recipients(limits)
    ]  # fmt: skip


def settings_row() -> AlertSettings:
    """Return this app's alert settings, created with the defaults if there are none."""
    row, _ = AlertSettings.objects.get_or_create(**runs.app_key())
    return row


def recipients(limits: AlertSettings) -> list[tuple[str, str]]:
    """Return who is notified: pairs of channel (`AlertMessage.Channel`) and address."""
    return [
        (name, address)
        for name, channel in CHANNELS.items()
        for address in channel.recipients(limits)
    ]


def base_url() -> str:
    """Return the address of the admin's host, such as https://sync.example.com; "" if unknown."""
    for origin in settings.CSRF_TRUSTED_ORIGINS:
        if "*" not in origin and urlsplit(origin).hostname:
            return str(origin).rstrip("/")
    for host in settings.ALLOWED_HOSTS:
        if host and "*" not in host and not host.startswith("."):
            return f"https://{host}"
    return ""


def address(name: str = "admin:index", pk: int | None = None) -> str:
    """Return the address of a page of the admin; "" if the host is unknown."""
    base = base_url()
    return base + reverse(name, args=[] if pk is None else [pk]) if base else ""
