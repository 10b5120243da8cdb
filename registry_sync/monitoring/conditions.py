"""The conditions that alerts report: one function for each, asked for each lane."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from django.db.models import Count
from django.utils import timezone

from registry_sync import runs
from registry_sync.core.text import number_of, were
from registry_sync.models import Alert, AlertSettings, Lane, SyncRun
from registry_sync.monitoring import freshness
from registry_sync.monitoring.common_causes import SCHEDULE, shared_system
from registry_sync.reporting.catalogue import ACTORS, Actor, record_actor, run_actor

What = Alert.What
FEWEST = 10
"""Refused records below which no share is worth a message."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that holds: what, since when, who must act and how, and the page to open.

    `path` is the name of a URL of the admin, `pk` its argument. `shared` names the system whose
    failure it is for every lane that uses it, "" where it is the lane's own.
    """

    text: str
    since: datetime
    who: str
    remedy: str
    path: str = "admin:index"
    pk: int | None = None
    shared: str = ""


Answer = Condition | bool | None
"""A condition that holds, False where it does not, None where that is not known."""


@dataclass(frozen=True, slots=True)
class Question:
    """How to ask for one condition, and what is said when it is over."""

    ask: Callable[[Lane | None, AlertSettings], Answer]
    over: str


def check_failing(lane: Lane | None, limits: AlertSettings) -> Answer:
    """Return whether runs fail. Transient failures count only several times in a row."""
    ended = freshness.counted_runs(lane).exclude(status__in=SyncRun.ACTIVE)
    newest = ended.values_list("status", flat=True).first()
    if newest != SyncRun.Status.FAILED:  # as a rule; the rest of a run's row is long
        return None if newest is None else False
    tried = ended[: max(1, limits.transient_runs)]
    streak = [*takewhile(lambda run: run.status == SyncRun.Status.FAILED, tried)]
    if not streak:
        return False  # one has just ended well
    lasting = [run for run in streak if run.error_kind != "transient"]
    if not lasting and len(streak) < limits.transient_runs:
        return None
    last = lasting[0] if lasting else streak[0]
    first = lasting[-1] if lasting else streak[-1]
    often = f" It is the last of {len(streak)} runs in a row that failed." if streak[1:] else ""
    return Condition(
        f"Run {last.pk} failed: {last.error}{often}",
        since=first.finished_at or first.created_at,
        who=_sentence(run_actor(last.error_code, last.error_kind)),
        remedy=last.remedy,
        path="admin:registry_sync_syncrun_change",
        pk=last.pk,
        shared=shared_system(last),
    )


def check_stale(lane: Lane | None, limits: AlertSettings) -> Answer:
    """Return whether the last good run is too old, and no active one makes progress."""
    found = freshness.check_freshness(lane, limits)
    if found.state == "busy":
        return None
    if found.state != "stale" or found.since is None:
        return False
    return Condition(
        f"No run has succeeded for more than {number_of(limits.no_good_run_hours, 'hour')}.",
        since=found.since,
        who=_sentence(ACTORS["operator"]),
        remedy="Check that the schedule (cron) still starts manage.py sync_registry and that it "
        "can reach the database. manage.py doctor checks every part and says what to do.",
        shared=SCHEDULE,
    )


def check_refused(lane: Lane | None, limits: AlertSettings) -> Answer:
    """Return whether a run refused too many new records that are still not in Benchling.

    Records that were refused before do not count, however often they come again; nor do those
    that were dismissed. So a later run neither repeats the alert nor ends it.
    """
    if lane is None:
        return None
    for run, count in large_refusals(lane, limits):
        return _refused(run, count, limits)
    return False if lane.runs.exclude(status__in=SyncRun.ACTIVE).exists() else None


def large_refusals(lane: Lane, limits: AlertSettings) -> Iterator[tuple[SyncRun, int]]:
    """Yield runs that refused too many new records, and how many of these are still refused."""
    opened = runs.open_errors(lane).exclude(opened_by=None).order_by().values("opened_by")
    many = opened.annotate(count=Count("pk")).filter(count__gte=FEWEST)
    counts = dict(many.values_list("opened_by", "count"))
    for run in SyncRun.objects.filter(pk__in=counts).exclude(status__in=SyncRun.ACTIVE):
        if run.moves_watermark and _is_large_share(counts[run.pk], run, limits):
            yield run, counts[run.pk]


def _is_large_share(count: int, run: SyncRun, limits: AlertSettings) -> bool:
    return bool(run.read) and 100 * count > limits.refused_percent * run.read


def _refused(run: SyncRun, count: int, limits: AlertSettings) -> Condition:
    return Condition(
        f"Run {run.pk} refused {count:,} of {number_of(run.read, 'record')} that "
        f"{were(run.read)} not refused before, more than {limits.refused_percent} %.",
        since=run.finished_at or run.created_at,
        who="The integration owner, who can see the causes.",
        remedy="Open Errors in the admin: each cause says who must act. A change to the "
        "mapping or to a Benchling field may have caused all of them.",
        path="admin:registry_sync_syncrun_change",
        pk=run.pk,
    )


def check_old_error(lane: Lane | None, limits: AlertSettings) -> Answer:
    """Return whether an error has been open for too long without being dismissed."""
    if lane is None:
        return None
    before = timezone.now() - timedelta(days=limits.error_days)
    old = runs.open_errors(lane).filter(first_seen__lt=before).order_by("first_seen")
    oldest = old.first()
    if oldest is None:
        return False
    count = old.order_by()[:1000].count()
    others = f" {count:,} records have been waiting longer than that." if count > 1 else ""
    return Condition(
        f"{oldest.external_id} has not been in Benchling for more than {limits.error_days} days: "
        f"{oldest.message}{others}",
        since=oldest.first_seen,
        who=_sentence(record_actor(oldest.code, oldest.kind, oldest.assigned)),
        remedy=oldest.remedy,
        path="admin:registry_sync_entityerror_change",
        pk=oldest.pk,
    )


def _sentence(actor: Actor) -> str:
    label = actor.label[0].upper() + actor.label[1:]
    return f"{label}. {actor.escalation}".strip()


SUCCEEDED = "A run has succeeded again."
QUESTIONS: dict[Alert.What, Question] = {
    What.FAILING: Question(check_failing, SUCCEEDED),
    What.STALE: Question(check_stale, SUCCEEDED),
    What.REFUSED: Question(
        check_refused, "The refused records are in Benchling, dismissed, or no longer many."
    ),
    What.OLD_ERROR: Question(check_old_error, "No error has been open for that long any more."),
}
"""To add a condition, name it in `Alert.What` and add its question here."""
