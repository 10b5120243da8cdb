"""Alerts: a condition that begins or ends, with one message for each to every recipient.

Lanes that fail for one cause share the message, and where many records raise an alert, further
messages tell what is new.

Checked after each slice, every half minute by every worker, and by the cron command, so that a
dead worker or a dead Redis is noticed as well. Messages are rows first; `outbox` sends them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from registry_sync import runs
from registry_sync.models import Alert, AlertMessage, AlertSettings, Lane
from registry_sync.monitoring import freshness, news
from registry_sync.monitoring.channels import CHANNELS
from registry_sync.monitoring.common_causes import (
    MOST,
    SCHEDULE,
    concerned,
    lanes_using,
    listed_lane_names,
)
from registry_sync.monitoring.conditions import QUESTIONS, Answer, Condition
from registry_sync.monitoring.lane_runs import lanes_or_none
from registry_sync.monitoring.notice import Notice

What = Alert.What
NO_LONGER = "This schema is no longer synced."


@dataclass(frozen=True, slots=True)
class Turn:
    """A condition of a lane that began, ended, or has news; `alert` is its row if it had begun.

    Without an answer, its lane is no longer configured.
    """

    what: Alert.What
    lane: Lane | None
    alert: Alert | None = None
    answer: Answer = None

    @property
    def has_ended(self) -> bool:
        """Return whether it held before and does not any more."""
        return self.alert is not None and not isinstance(self.answer, Condition)


def record_changes() -> int:
    """Record which alerts began or ended; return how many messages that makes."""
    freshness.record_pulse()
    return _record_changes() if _changes(freshness.limits()) else 0


def _record_changes() -> int:
    """Check again under a lock, for two processes may have seen the same change."""
    count, names = 0, runs.LaneNames()
    with transaction.atomic():
        limits = AlertSettings.objects.select_for_update().get(pk=settings_row().pk)
        turns = _changes(limits)
        for of_cause in _by_cause(turn for turn in turns if turn.alert is None):
            count += _begin(of_cause, limits, names)
        for turn in turns:
            if turn.alert is not None and isinstance(turn.answer, Condition):
                count += _tell_news(turn.alert, turn, turn.answer, limits, names)
        count += _end([turn for turn in turns if turn.has_ended], limits, names)
    return count


def _changes(limits: AlertSettings) -> list[Turn]:
    """Return the alerts that began (no row yet), ended, or have news (their row) since the last."""
    lanes = lanes_or_none()
    open_alerts = {
        (alert.what, alert.lane or lanes[0]): alert
        for alert in Alert.objects.of_app().filter(ended_at__isnull=True).select_related("lane")
    }
    found: list[Turn] = []
    for lane in lanes:
        for what, question in QUESTIONS.items():
            answer, alert = question.ask(lane, limits), open_alerts.pop((str(what), lane), None)
            holds = isinstance(answer, Condition)
            if alert is None:
                is_turn = holds
            else:
                is_turn = answer is False or (holds and news.is_due(alert, lane, limits))
            if is_turn:
                found.append(Turn(what, lane, alert, answer))
    ended = [Turn(What(alert.what), lane, alert) for (_, lane), alert in open_alerts.items()]
    return found + ended


def _by_cause(turns: Iterable[Turn]) -> Iterable[list[Turn]]:
    """Group what began: by the system that failed for several lanes, else each lane alone."""
    groups: dict[tuple[str, object], list[Turn]] = {}
    for turn in turns:
        assert isinstance(turn.answer, Condition)
        groups.setdefault((turn.what, turn.answer.shared or turn.lane), []).append(turn)
    return groups.values()


def _begin(turns: list[Turn], limits: AlertSettings, names: runs.LaneNames) -> int:
    """Record what began, and notify people of it once for all lanes that it concerns."""
    found = turns[0].answer
    assert isinstance(found, Condition)
    shared = found.shared if names.several else ""
    lead = _open_lead(turns[0].what, shared) if shared else None
    is_notified, first = lead is not None, lead
    for turn in turns:
        assert isinstance(turn.answer, Condition)
        name, text = names.label(turn.lane), turn.answer.text
        alert = Alert.objects.create(
            tenant=limits.tenant, app_id=limits.app_id, what=turn.what, shared=shared,
            text=f"{name}: {text}" if name else text, began_at=turn.answer.since,
            lane=turn.lane if name else None, together=first,
        )  # fmt: skip
        first = first or alert
    if is_notified or first is None:
        return 0
    lanes = _concerned(turns, shared, names)
    records = news.news_of(turns[0].what, turns[0].lane, limits, None)
    concerns = (("Concerns", concerned(shared, lanes)),) if len(lanes) > 1 else ()
    notice = Notice(
        found.text,
        (("Since", f"{found.since:%Y-%m-%d %H:%M} UTC"), *concerns, *_to_do(found), *records),
        lane=listed_lane_names(lanes, names), link=address(found.path, found.pk),
        closing="You will get one more message when this is over.",
    )  # fmt: skip
    return _notify(first, _subject(turns[0].what, lanes, names, limits), notice, recipients(limits))


def _open_lead(what: Alert.What, shared: str) -> Alert | None:
    """Return the open alert whose message named every lane that uses a system."""
    if shared == SCHEDULE:  # its messages name only the lanes that were without a good run then
        return None
    open_alerts = Alert.objects.of_app().filter(what=what, shared=shared, ended_at=None)
    row = open_alerts.select_related("together").order_by("pk").first()
    return row and (row.together or row)


def _concerned(turns: list[Turn], shared: str, names: runs.LaneNames) -> list[Lane]:
    lanes = [turn.lane for turn in turns if turn.lane is not None]
    if not shared or shared == SCHEDULE:
        return lanes
    return list(dict.fromkeys([*lanes, *lanes_using(shared, names)]))


def _to_do(found: Condition) -> tuple[tuple[str, str], ...]:
    return ("Who must act", found.who), ("What to do", found.remedy)


def _tell_news(
    alert: Alert, turn: Turn, found: Condition, limits: AlertSettings, names: runs.LaneNames
) -> int:
    """Notify each recipient of the records that are new since the last message to them."""
    count, last, name = 0, news.last_messages(alert), names.label(turn.lane)
    lanes = [turn.lane] if turn.lane is not None else []
    subject = f"new: {_subject(turn.what, lanes, names, limits)}"
    for recipient in recipients(limits):
        if records := news.news_of(turn.what, turn.lane, limits, last.get(recipient)):
            notice = Notice(
                f"There is more of this: {turn.what.label}.", records, lane=name,
                link=address("admin:registry_sync_entityerror_changelist"),
                closing="You get at most one such message a day, and none without news.",
            )  # fmt: skip
            count += _notify(alert, subject, notice, [recipient])
    return count


def _end(turns: list[Turn], limits: AlertSettings, names: runs.LaneNames) -> int:
    """Record what ended, and say so once for the lanes that were reported together."""
    leads: dict[int, Turn] = {}
    for turn in turns:
        alert = turn.alert
        assert alert is not None
        over = NO_LONGER if turn.answer is None else QUESTIONS[turn.what].over
        alert.ended_at, alert.ended_text = timezone.now(), over
        alert.save(update_fields=["ended_at", "ended_text"])
        leads[alert.together_id or alert.pk] = turn
    return sum(_tell_end(pk, turn, limits, names) for pk, turn in leads.items())


def _tell_end(lead: int, turn: Turn, limits: AlertSettings, names: runs.LaneNames) -> int:
    rows = Alert.objects.filter(Q(pk=lead) | Q(together=lead)).select_related("lane")
    alerts = list(rows.order_by("pk"))
    if turn.alert is None or any(alert.ended_at is None for alert in alerts):
        return 0
    first = alerts[0]
    began = f"It began at {first.began_at:%Y-%m-%d %H:%M} UTC: {first.text}"
    notice = Notice(
        f"This is over: {turn.what.label}. {turn.alert.ended_text}",
        (("", began), ("", "No one needs to act.")),
        link=address(),
    )
    lanes = [alert.lane for alert in alerts if alert.lane is not None]
    if not lanes and turn.lane is not None:
        lanes = [turn.lane]
    subject = f"over: {_subject(turn.what, lanes, names, limits)}"
    return _notify(first, subject, notice, recipients(limits))


def _subject(
    what: Alert.What, lanes: list[Lane], names: runs.LaneNames, limits: AlertSettings
) -> str:
    name = listed_lane_names(lanes, names, most=MOST)
    return f"{what.label} ({name}, {limits.tenant})" if name else f"{what.label} ({limits.tenant})"


def _notify(alert: Alert, subject: str, notice: Notice, found: Sequence[tuple[str, str]]) -> int:
    now = timezone.now()
    subject = " ".join(f"Registry Sync: {subject}".split())  # no mail has one of two lines
    AlertMessage.objects.bulk_create(
        AlertMessage(
            alert=alert, channel=channel, receiver=recipient, body=notice.body(), created_at=now,
            subject=subject[:200], next_try_at=now, notice=notice.as_json(),
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
