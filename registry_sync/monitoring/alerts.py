"""Alerts: a condition that begins or ends, with one message for each to every recipient.

Checked after each slice, every half minute by every worker, and by the cron command, so that a
dead worker or a dead Redis is noticed as well. Messages are rows first; `outbox` sends them.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from registry_sync import runs
from registry_sync.models import Alert, AlertMessage, AlertSettings
from registry_sync.monitoring import freshness
from registry_sync.monitoring.channels import CHANNELS
from registry_sync.monitoring.conditions import QUESTIONS, Answer, Condition, answer_for
from registry_sync.monitoring.lane_runs import lanes_or_none

What = Alert.What


def record_changes() -> int:
    """Record which alerts began or ended; return how many messages that makes."""
    freshness.record_pulse()
    return _record_changes() if _changes(freshness.limits()) else 0


def _record_changes() -> int:
    """Check again under a lock, for two processes may have seen the same change."""
    count = 0
    with transaction.atomic():
        limits = AlertSettings.objects.select_for_update().get(pk=settings_row().pk)
        for what, alert, answer in _changes(limits):
            if alert is not None:
                count += _end(alert, limits)
            elif isinstance(answer, Condition):
                count += _begin(what, answer, limits)
    return count


def _changes(limits: AlertSettings) -> list[tuple[Alert.What, Alert | None, Answer]]:
    """List the alerts that began (no row yet) or ended (their row) since the last check."""
    open_alerts = {
        alert.what: alert for alert in Alert.objects.of_app().filter(ended_at__isnull=True)
    }
    found: list[tuple[Alert.What, Alert | None, Answer]] = []
    lanes = lanes_or_none()
    for what in QUESTIONS:
        answer, alert = answer_for(what, lanes, limits), open_alerts.get(what)
        if (isinstance(answer, Condition) and alert is None) or (answer is False and alert):
            found.append((what, alert, answer))
    return found


def _begin(what: Alert.What, found: Condition, limits: AlertSettings) -> int:
    alert = Alert.objects.create(
        tenant=limits.tenant, app_id=limits.app_id, what=what, text=found.text,
        began_at=found.since,
    )  # fmt: skip
    lines = [
        found.text,
        f"Since: {found.since:%Y-%m-%d %H:%M} UTC",
        f"Who must act: {found.who}",
        f"What to do: {found.remedy}",
    ]
    if link := address(found.path, found.pk):
        lines.append(f"Open: {link}")
    lines.append("You will get one more message when this is over.")
    return _notify(alert, f"{what.label} ({limits.tenant})", "\n\n".join(lines), limits)


def _end(alert: Alert, limits: AlertSettings) -> int:
    what = What(alert.what)
    alert.ended_at, alert.ended_text = timezone.now(), QUESTIONS[what].over
    alert.save(update_fields=["ended_at", "ended_text"])
    lines = [
        f"This is over: {what.label}. {alert.ended_text}",
        f"It began at {alert.began_at:%Y-%m-%d %H:%M} UTC: {alert.text}",
        "No one needs to act.",
    ]
    if link := address():
        lines.append(f"Open: {link}")
    return _notify(alert, f"over: {what.label} ({limits.tenant})", "\n\n".join(lines), limits)


def _notify(alert: Alert, subject: str, body: str, limits: AlertSettings) -> int:
    now, found = timezone.now(), recipients(limits)
    AlertMessage.objects.bulk_create(
        AlertMessage(
            alert=alert, channel=channel, receiver=recipient, body=body, created_at=now,
            subject=f"Registry Sync: {subject}"[:200], next_try_at=now,
        )
        for channel, recipient in found
    )  # fmt: skip
    return len(found)


def make_test_messages(limits: AlertSettings, *, actor: str) -> list[AlertMessage]:
    """Return a new test message for each recipient; the caller sends them, and none is retried."""
    body = f"{actor} pressed Test on the alert settings of {limits.tenant}. No one needs to act."
    body += f"\n\nOpen: {link}" if (link := address()) else ""
    now = timezone.now()
    return [
        AlertMessage.objects.create(
            channel=channel, receiver=recipient, subject="Registry Sync: a test", body=body,
            created_at=now,
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
