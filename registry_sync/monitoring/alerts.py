"""What is worth telling a person: a state that begins or ends, told once each.

Looked at after each slice, each half minute by every worker, and by the cron command, so that a
dead worker or a dead Redis is told as well. Messages are rows first; `outbox` sends them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from registry_sync import runs
from registry_sync.models import Alert, AlertMessage, AlertSettings, EntityError, SyncRun
from registry_sync.monitoring import freshness

What = Alert.What
FEWEST = 10
"""Refused records below which no share is worth a message."""
WHO = {
    "source": "The registry's owner.",
    "mapping": "The integration owner.",
    "benchling": "A Benchling admin.",
    "transient": "Nobody if it passes; if it stays, the operator.",
}


@dataclass(frozen=True, slots=True)
class Condition:
    """A state that holds: what, since when, who must act and how, and where to look."""

    text: str
    since: datetime
    who: str
    remedy: str
    path: str = "admin:index"
    pk: int | None = None


Finding = Condition | bool | None
"""What a look came to: the state holds, False where it is over, None where that is not known."""


def look() -> int:
    """Note what began and what ended; returns how many messages that makes."""
    freshness.feel_pulse()
    return _note_changes() if _changes(freshness.limits()) else 0


def _note_changes() -> int:
    """Look again alone, for two may have seen the same change, and write it down."""
    count = 0
    with transaction.atomic():
        limits = AlertSettings.objects.select_for_update().get(pk=settings_row().pk)
        for what, alert, finding in _changes(limits):
            if alert is not None:
                count += _end(alert, limits)
            elif isinstance(finding, Condition):
                count += _begin(what, finding, limits)
    return count


def _changes(limits: AlertSettings) -> list[tuple[Alert.What, Alert | None, Finding]]:
    """List the states that began or ended since they were last looked at."""
    mine = Alert.objects.filter(tenant=runs.tenant_host(), app_id=settings.BENCHLING_APP_ID)
    standing = {alert.what: alert for alert in mine.filter(ended_at__isnull=True)}
    found: list[tuple[Alert.What, Alert | None, Finding]] = []
    for what, question in QUESTIONS.items():
        finding, alert = question(limits), standing.get(what)
        if (isinstance(finding, Condition) and alert is None) or (finding is False and alert):
            found.append((what, alert, finding))
    return found


# -- the four questions ---------------------------------------------------------------------


def _failing(limits: AlertSettings) -> Finding:
    """Do runs fail? What may pass counts only when it came several times in a row."""
    ended = freshness.counted().exclude(status__in=SyncRun.ACTIVE)
    streak: list[SyncRun] = []
    for run in ended[: max(1, limits.transient_runs)]:
        if run.status != SyncRun.Status.FAILED:
            break
        streak.append(run)
    if not streak:
        return False if ended.exists() else None
    lasting = [run for run in streak if run.error_kind != "transient"]
    if not lasting and len(streak) < limits.transient_runs:
        return None
    last = lasting[0] if lasting else streak[0]
    first = lasting[-1] if lasting else streak[-1]
    often = f" It is the last of {len(streak)} runs in a row that failed." if streak[1:] else ""
    return Condition(
        f"Run {last.pk} failed: {last.error}{often}",
        since=first.finished_at or first.created_at,
        who=WHO.get(last.error_kind, "The operator."),
        remedy=last.remedy,
        path="admin:registry_sync_syncrun_change",
        pk=last.pk,
    )


def _stale(limits: AlertSettings) -> Finding:
    """Is the last good run too long ago, and no active one on its way?"""
    found = freshness.judge(limits)
    if found.state == "busy":
        return None
    if found.state != "stale" or found.since is None:
        return False
    return Condition(
        f"No run was good for more than {limits.no_good_run_hours:,} hours.",
        since=found.since,
        who="The operator.",
        remedy="Check that the schedule (cron) still starts manage.py sync_registry and that it "
        "can reach the database; manage.py doctor looks at every part and says what to do.",
    )


def _refused(limits: AlertSettings) -> Finding:
    """Did the last run refuse too many of its records, and are they still not in Benchling?"""
    run = freshness.counted().filter(status__in=SyncRun.GOOD).select_related("lane").first()
    if run is None or run.lane is None:
        return None
    if runs.open_errors(run.lane)[:FEWEST].count() < FEWEST:
        return False
    share = 100 * run.failed / run.read if run.read else 0
    if run.failed < FEWEST or share <= limits.refused_percent:
        return False if run.reads_all else None
    dismissed = run.errors.filter(closed_at__isnull=True, dismissed_at__isnull=False).count()
    refused = run.failed - dismissed
    if refused < FEWEST or 100 * refused / run.read <= limits.refused_percent:
        return False
    return Condition(
        f"Run {run.pk} refused {refused:,} of {run.read:,} records, more than "
        f"{limits.refused_percent} %.",
        since=run.finished_at or run.created_at,
        who="The integration owner, who sees the causes.",
        remedy="Open Entity errors in the admin: each cause says who must act. A change of the "
        "mapping or of a Benchling field may have refused them all at once.",
        path="admin:registry_sync_syncrun_change",
        pk=run.pk,
    )


def _old_error(limits: AlertSettings) -> Finding:
    """Is an error open for too long, and nobody dismissed it?"""
    lane = runs.latest_lane()
    if lane is None:
        return None
    before = timezone.now() - timedelta(days=limits.error_days)
    old = runs.open_errors(lane).filter(first_seen__lt=before).order_by("first_seen")
    oldest = old.first()
    if oldest is None:
        return False
    count = old.order_by()[:1000].count()
    others = f" {count:,} records wait for longer than that." if count > 1 else ""
    return Condition(
        f"{oldest.external_id} is not in Benchling for more than {limits.error_days} days: "
        f"{oldest.message}{others}",
        since=oldest.first_seen,
        who=_who(oldest),
        remedy=oldest.remedy,
        path="admin:registry_sync_entityerror_change",
        pk=oldest.pk,
    )


def _who(error: EntityError) -> str:
    return WHO.get(error.assigned or error.kind, "The integration owner.")


QUESTIONS: dict[Alert.What, Callable[[AlertSettings], Finding]] = {
    What.FAILING: _failing,
    What.STALE: _stale,
    What.REFUSED: _refused,
    What.OLD_ERROR: _old_error,
}
OVER = {
    What.FAILING: "A run was good again.",
    What.STALE: "A run was good again.",
    What.REFUSED: "The records that were refused are in Benchling, dismissed, or no longer many.",
    What.OLD_ERROR: "No error is open for that long any more.",
}


# -- what is told ---------------------------------------------------------------------------


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
        lines.append(f"Look: {link}")
    lines.append("You get one more message when it is over.")
    return _tell(alert, f"{what.label} ({limits.tenant})", "\n\n".join(lines), limits)


def _end(alert: Alert, limits: AlertSettings) -> int:
    what = What(alert.what)
    alert.ended_at, alert.ended_text = timezone.now(), OVER[what]
    alert.save(update_fields=["ended_at", "ended_text"])
    lines = [
        f"It is over: {what.label}. {alert.ended_text}",
        f"It had begun at {alert.began_at:%Y-%m-%d %H:%M} UTC: {alert.text}",
        "Nobody needs to act.",
    ]
    if link := address():
        lines.append(f"Look: {link}")
    return _tell(alert, f"over: {what.label} ({limits.tenant})", "\n\n".join(lines), limits)


def _tell(alert: Alert | None, subject: str, body: str, limits: AlertSettings) -> int:
    now = timezone.now()
    AlertMessage.objects.bulk_create(
        AlertMessage(
            alert=alert, channel=channel, receiver=receiver, body=body, created_at=now,
            subject=f"Registry Sync: {subject}"[:200], next_try_at=now,
        )
        for channel, receiver in receivers(limits)
    )  # fmt: skip
    return len(receivers(limits))


def test_messages(limits: AlertSettings, *, actor: str) -> list[AlertMessage]:
    """Make a test message for each receiver; the caller sends them, and they are not repeated."""
    body = f"{actor} pressed Test on the alert settings of {limits.tenant}. Nobody needs to act."
    body += f"\n\nLook: {link}" if (link := address()) else ""
    now = timezone.now()
    return [
        AlertMessage.objects.create(
            channel=channel, receiver=receiver, subject="Registry Sync: a test", body=body,
            created_at=now,
        )
        for channel, receiver in receivers(limits)
    ]  # fmt: skip


def settings_row() -> AlertSettings:
    """Give this app's row of settings, made with the defaults where there is none."""
    row, _ = AlertSettings.objects.get_or_create(
        tenant=runs.tenant_host(), app_id=settings.BENCHLING_APP_ID
    )
    return row


def receivers(limits: AlertSettings) -> list[tuple[AlertMessage.Channel, str]]:
    """List who is told, and how."""
    found = [(AlertMessage.Channel.EMAIL, address) for address in emails(limits)]
    if limits.webhook_url:
        found.append((AlertMessage.Channel.WEBHOOK, limits.webhook_url))
    return found


def emails(limits: AlertSettings) -> list[str]:
    """List the addresses, each once."""
    return list(dict.fromkeys(filter(None, map(str.strip, limits.emails.splitlines()))))


def base_url() -> str:
    """Say where people reach the admin; "" where the settings do not tell."""
    for origin in settings.CSRF_TRUSTED_ORIGINS:
        if "*" not in origin and urlsplit(origin).hostname:
            return str(origin).rstrip("/")
    for host in settings.ALLOWED_HOSTS:
        if host and "*" not in host and not host.startswith("."):
            return f"https://{host}"
    return ""


def address(name: str = "admin:index", pk: int | None = None) -> str:
    """Give the address of a page of the desk; "" where the base is not known."""
    base = base_url()
    return base + reverse(name, args=[] if pk is None else [pk]) if base else ""
