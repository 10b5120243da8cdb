"""The runs that users can start at the desk, and a preview of what each would do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from registry_sync import runs
from registry_sync.core.dates import stamp
from registry_sync.core.text import number_of
from registry_sync.core.types import Json
from registry_sync.desk import next_run
from registry_sync.desk import run_records as handled
from registry_sync.models import EntityError, Lane, SyncRun
from registry_sync.runs.workers import Queues
from registry_sync.sync.retry_choice import UNSENDABLE

Kind = SyncRun.Kind
MOST_IDS = 10_000
"""Records that a limited retry names at most."""


@dataclass(frozen=True, slots=True)
class RunOrder:
    """A run to start: its button, the arguments of `runs.request_run`, and an explanation.

    What a schedule would do, and what writes nothing, needs no reason.
    """

    title: str
    values: Json
    explanation: str
    needs_reason: bool = True


ORDERS = {
    "sync": RunOrder(
        "Sync now",
        {"kind": Kind.INCREMENTAL},
        "Syncs what changed in the registry to Benchling, as the schedule does.",
        needs_reason=False,
    ),
    "full": RunOrder(
        "Full check",
        {"kind": Kind.FULL, "reads_all": True},
        "Reads the whole registry, checks for drift in Benchling, and writes what differs.",
    ),
    "dry-run": RunOrder(
        "Dry run",
        {"kind": Kind.DRY_RUN},
        "Does everything that a sync does, but writes nothing to Benchling.",
        needs_reason=False,
    ),
    "retry": RunOrder(
        "Retry failed",
        {"kind": Kind.RETRY},
        "Retries what is not up to date in Benchling, from the stored copies of the records.",
    ),
}


def order_facts(action: str, lanes: Sequence[Lane], queues: Queues) -> list[str]:
    """Return what an order would do, as far as is known without a request to the tenant."""
    names = runs.LaneNames()
    sentences: list[str] = []
    for lane in lanes:
        found = {"sync": _changes, "full": _whole, "dry-run": _changes, "retry": _errors}[action]
        sentences += [_of_lane(names.label(lane), text) for text in found(lane)]
    if not lanes:
        sentences = ["Nothing has been synced yet, so the whole registry is read."]
        if action == "retry":
            sentences = ["No record has failed yet. There is nothing to retry."]
    if action == "dry-run":
        sentences.append("Nothing is written, neither to Benchling nor to the ledger.")
    return [*sentences, *in_the_way(queues, lanes)]


def _of_lane(name: str, text: str) -> str:
    return f"{name}: {text}" if name else text


def in_the_way(queues: Queues, lanes: Sequence[Lane]) -> list[str]:
    """Return what prevents or delays new runs of these lanes."""
    names = runs.LaneNames()
    found = active_of(lanes)
    if not found:
        return [] if queues.listening else [waits(queues)]
    return [_busy(run, names.label(run.lane)) for run in found]


def active_of(lanes: Sequence[Lane]) -> list[SyncRun]:
    """Return the active runs of these lanes; without a lane, any that is active."""
    active = map(runs.active, lanes) if lanes else [runs.active()]
    return list({run.pk: run for run in active if run is not None}.values())


def _busy(active: SyncRun, name: str) -> str:
    by = runs.started_by(active)
    if name:
        return (
            f"{name}: run {active.pk} is active (started by {by}). No other run of {name} can "
            "start until it ends."
        )
    return (
        f"Run {active.pk} is active (started by {by}). No other run can start until it ends; you "
        "will be redirected to it."
    )


def waits(queues: Queues) -> str:
    """Return when a run starts if no worker is listening now."""
    why = (
        "No worker is listening"
        if queues.is_used and not queues.trouble
        else queues.sentence().rstrip(".")
    )
    return f"{why}: the run starts when a worker polls or at the next manage.py sync_registry."


def _changes(lane: Lane) -> list[str]:
    last = runs.good_runs(lane).first()
    if last is None:
        since = "No run has succeeded yet, so the whole registry is read."
        return [since, *next_run.describe_writes(lane), *_due(lane)]
    days = settings.FULL_SYNC_EVERY_DAYS
    if last.last_full_at is None or timezone.now() - last.last_full_at > timedelta(days=days):
        since = f"The last full run is more than {days} days old, so the whole registry is read."
    elif last.watermark is None:
        since = "The registry has no usable modification times, so the whole registry is read."
    else:
        since = (
            f"Requests what changed in the registry since shortly before {stamp(last.watermark)} "
            "(the lag in Connector Settings), or everything if the mapping has changed since."
        )
    return [since, *next_run.describe_writes(lane), *_due(lane)]


def _due(lane: Lane) -> list[str]:
    count = runs.open_errors(lane).count()
    retries = [f"Retries those of {_errors_said(count)} whose cause is resolved."] if count else []
    return [*retries, *next_run.decided(lane)]


def _whole(lane: Lane) -> list[str]:
    last = runs.good_runs(lane).filter(reads_all=True).first()
    number = f"all ~{last.source_total or last.read:,}" if last else "all"
    comparison = (
        f"lists the ~{number_of(last.read - last.failed, 'entity', 'entities')}"
        if last
        else "lists the entities"
    )
    since = f" that were modified since {stamp(lane.looked_at)}" if lane.looked_at else ""
    return [
        f"Reads {number} records of the registry and compares each with the ledger.",
        *next_run.describe_writes(lane),
        f"{comparison.capitalize()} in Benchling{since}: values changed there are reported, or "
        "restored if the lane's drift policy says so.",
        *_due(lane),
    ]


def _errors(lane: Lane) -> list[str]:
    count = runs.open_errors(lane).count()
    if not count:
        return ["No errors are open. There is nothing to retry."]
    sentences = [f"Retries {_errors_said(count)}. The registry is not read again."]
    if lane.plans_for == Lane.PlansFor.EVERYTHING:
        sentences.append(f"{next_run.NO_WRITES} What passes is in the lane's next plan.")
    dead = runs.open_errors(lane).filter(code__in=UNSENDABLE).count()
    if dead:
        sentences.append(
            f"{dead:,} of them have no usable id and can only be fixed in the registry."
        )
    return sentences


def _errors_said(count: int) -> str:
    return "1 open error" if count == 1 else f"{count:,} open errors"


# -- from one run's page -----------------------------------------------------------------------


def again(run: SyncRun) -> tuple[RunOrder | None, list[str]]:
    """Return the order that repeats a run, and what it would do; None if its lane is gone."""
    if reason := lane_gone(run):
        return None, [reason]
    request = {
        "kind": run.kind,
        "reads_all": run.reads_all and run.kind != Kind.RETRY,
        "only": run.only,
        "since": run.since_asked,
        "rerun_of": run,
        "lane": lane_again(run),
    }
    sentences = [f"A new run of the kind “{run.kind}” that refers to run {run.pk}."]
    if run.only:
        sentences.append(f"It reads only the {number_of(len(run.only), 'record')} of run {run.pk}.")
    elif run.since_asked:
        sentences.append(
            f"It requests what changed in the registry since {stamp(run.since_asked)}."
        )
    elif run.kind == Kind.RETRY:
        sentences += _errors(run.lane) if run.lane else []
    elif run.reads_all:
        sentences.append("It reads the whole registry.")
    else:
        sentences += _changes(run.lane) if run.lane else []
    text = "Starts the same run again. Values that are already in Benchling are not written again."
    return RunOrder("Rerun", request, text), sentences


def lane_gone(run: SyncRun) -> str:
    """Return why a run cannot be repeated: it would feed another of several lanes; else ""."""
    lanes = runs.current_lanes()
    if run.lane is None or run.lane in lanes or len(lanes) < 2:
        return ""
    name = run.lane.schema_name or run.lane.schema_id
    return (
        f"Run {run.pk} cannot be repeated: its lane, {name}, is no longer in the app's "
        "configuration. Start a run of a lane that is."
    )


def lane_again(run: SyncRun) -> Lane | None:
    """Return the lane that a run like this one is of now; None: it finds its lane itself."""
    return run.lane if run.lane in runs.current_lanes() else None


def failures_again(run: SyncRun) -> tuple[RunOrder | None, list[str]]:
    """Return the order that retries a run's open errors, and what it would do.

    The order is None if no error is open or the run's lane is gone.
    """
    if reason := lane_gone(run):
        return None, [reason]
    ids = list(still_open(run).values_list("external_id", flat=True)[: MOST_IDS + 1])
    order = RunOrder(
        "Retry its failures",
        {"kind": Kind.RETRY, "only": ids, "rerun_of": run, "lane": lane_again(run)},
        "Retries the records that this run refused and that are still not up to date in Benchling.",
    )
    if not ids:
        return None, ["No errors of this run are open any more. There is nothing to retry."]
    if len(ids) > MOST_IDS:
        order.values["only"] = []
        return order, [f"More than {MOST_IDS:,} are open, so all open errors are retried."]
    return order, [f"Retries {_errors_said(len(ids))} from the stored copies of the records."]


def still_open(run: SyncRun) -> QuerySet[EntityError]:
    """Return the errors of a run that a retry could resolve."""
    return handled.open_now(run).exclude(code__in=UNSENDABLE).order_by("pk")
