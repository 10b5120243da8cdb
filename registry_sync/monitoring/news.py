"""What is new since the last message to a recipient, for alerts that many records can raise.

An open alert sends a further message only if there is news, and at most one a day: the records of
one run pass a limit within minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from registry_sync import runs
from registry_sync.core.text import number_of
from registry_sync.models import Alert, AlertMessage, AlertSettings, EntityError, Lane
from registry_sync.monitoring.conditions import large_refusals
from registry_sync.reporting.error_groups import error_groups

EVERY = timedelta(days=1)
GROUPS, IDS = 5, 5
"""Causes that a message lists, and records of each."""
Lines = tuple[tuple[str, str], ...]
"""Labels and texts of a notice."""
Finder = Callable[[Lane, AlertSettings, datetime | None], QuerySet[EntityError]]


def old_errors(lane: Lane, limits: AlertSettings, since: datetime | None) -> QuerySet[EntityError]:
    """Return errors that are open for too long; with `since`, those that were not yet then."""
    age = timedelta(days=limits.error_days)
    rows = runs.open_errors(lane).filter(first_seen__lt=timezone.now() - age)
    return rows if since is None else rows.filter(first_seen__gte=since - age)


def mass_refusals(
    lane: Lane, limits: AlertSettings, since: datetime | None
) -> QuerySet[EntityError]:
    """Return errors of runs that refused many new records; with `since`, of runs since then."""
    found = [
        run.pk
        for run, _ in large_refusals(lane, limits)
        if since is None or (run.finished_at is not None and run.finished_at >= since)
    ]
    return runs.open_errors(lane).filter(opened_by__in=found)


FINDERS: dict[str, Finder] = {Alert.What.OLD_ERROR: old_errors, Alert.What.REFUSED: mass_refusals}


def is_due(alert: Alert, lane: Lane | None, limits: AlertSettings) -> bool:
    """Return whether an open alert has news for which a message may be sent now."""
    finder = FINDERS.get(alert.what)
    if finder is None or lane is None:
        return False
    last = alert.messages.aggregate(last=Max("created_at"))["last"]
    if last is None or timezone.now() - last < EVERY:
        return False
    return finder(lane, limits, last).exists()


def news_of(what: str, lane: Lane | None, limits: AlertSettings, since: datetime | None) -> Lines:
    """Return how many records are new since a message, and which, by cause; () if none."""
    finder = FINDERS.get(what)
    if finder is None or lane is None:
        return ()
    rows = finder(lane, limits, since)
    groups = error_groups(rows)
    if not groups:
        return ()
    total = number_of(sum(group.count for group in groups), "record")
    label = "Records" if since is None else "New since the last message"
    lines = [(label, f"{total}.")]
    for group in groups[:GROUPS]:
        of_cause = rows.filter(code=group.code).order_by("first_seen", "pk")
        ids = list(of_cause.values_list("external_id", flat=True)[:IDS])
        more = f" and {group.count - len(ids):,} more" if group.count > len(ids) else ""
        title = f"{group.title[0].upper()}{group.title[1:]}"
        lines.append((title, f"{', '.join(ids)}{more}. Who must act: {'; '.join(group.who)}."))
    return tuple(lines)


def last_messages(alert: Alert) -> dict[tuple[str, str], datetime]:
    """Return when each recipient got the last message on this kind of alert of the lane.

    Keys are the channel and the address.
    """
    same = Q(alert__what=alert.what, alert__tenant=alert.tenant, alert__app_id=alert.app_id)
    rows = AlertMessage.objects.filter(same, alert__lane=alert.lane_id).order_by()
    found = rows.values_list("channel", "receiver").annotate(last=Max("created_at"))
    return {(channel, receiver): last for channel, receiver, last in found}
