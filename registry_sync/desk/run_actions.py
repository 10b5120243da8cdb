"""What a person may ask of the desk, and what each would touch, said before it is begun."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from registry_sync import runs
from registry_sync.core.dates import stamp
from registry_sync.core.types import Json
from registry_sync.desk import run_records as handled
from registry_sync.models import EntityError, Lane, SyncRun
from registry_sync.monitoring.queues import Queues
from registry_sync.sync.retry import UNSENDABLE

Kind = SyncRun.Kind
MOST_IDS = 10_000
"""Records that a limited retry names at most."""


@dataclass(frozen=True, slots=True)
class Order:
    """One thing to ask for: its button, what `runs.request` gets, and what it is."""

    title: str
    wanted: Json
    explanation: str


ORDERS = {
    "sync": Order(
        "Sync now",
        {"kind": Kind.INCREMENTAL},
        "Brings what changed at the registry into Benchling, as the schedule does.",
    ),
    "full": Order(
        "Full check",
        {"kind": Kind.FULL, "reads_all": True},
        "Reads the whole registry, looks what people changed in Benchling, writes what differs.",
    ),
    "dry-run": Order(
        "Dry run",
        {"kind": Kind.DRY_RUN},
        "Does all that a sync does up to the writing, and writes nothing to Benchling.",
    ),
    "retry": Order(
        "Retry failed",
        {"kind": Kind.RETRY},
        "Tries what is not in Benchling again, from the records that are kept here.",
    ),
}


def facts(what: str, lane: Lane | None, queues: Queues) -> list[str]:
    """Say what an order would touch, as far as that is known before the tenant is asked."""
    if lane is None:
        said = ["Nothing was synced yet, so the whole registry is read."]
        if what == "retry":
            said = ["No record has failed yet: there is nothing to try again."]
    else:
        said = {"sync": _changes, "full": _whole, "dry-run": _changes, "retry": _errors}[what](lane)
    if what == "dry-run":
        said.append("Nothing is written: neither to Benchling, nor to the ledger here.")
    return [*said, *in_the_way(queues)]


def in_the_way(queues: Queues) -> list[str]:
    """Say who would do the work, and what is in the way."""
    active = runs.active()
    if active is not None:
        return [
            f"Run {active.pk} is going on (started by {who(active)}): while it is, no second one "
            "starts, and you are led to that one."
        ]
    return [] if queues.listening else [waits(queues)]


def waits(queues: Queues) -> str:
    """Say when a run begins that no worker takes up now."""
    why = "No worker listens" if queues.wanted and not queues.trouble else queues.said().rstrip(".")
    return f"{why}: the run waits for a worker, or for the next manage.py sync_registry."


def who(run: SyncRun) -> str:
    """Name who started a run."""
    return run.actor or "the schedule"


def _changes(lane: Lane) -> list[str]:
    last = runs.good_runs(lane).first()
    if last is None:
        return ["No run was good yet, so the whole registry is read.", *_due(lane)]
    days = settings.FULL_SYNC_EVERY_DAYS
    if last.last_full_at is None or timezone.now() - last.last_full_at > timedelta(days=days):
        since = f"The last full run is more than {days} days old, so the whole registry is read."
    elif last.watermark is None:
        since = "The registry gives no times to ask by, so the whole registry is read."
    else:
        since = (
            f"Asks the registry for what changed since shortly before {stamp(last.watermark)} (by "
            "the lag in Connector Settings; or for everything, where the mapping was changed "
            "meanwhile), and writes what differs from the ledger."
        )
    return [since, *_due(lane)]


def _due(lane: Lane) -> list[str]:
    count = runs.open_errors(lane).count()
    return [f"Of {_errors_said(count)}, tries those again whose cause is gone."] if count else []


def _whole(lane: Lane) -> list[str]:
    last = runs.good_runs(lane).filter(reads_all=True).first()
    number = f"all ~{last.source_total or last.read:,}" if last else "all"
    held = f"lists the ~{last.read - last.failed:,} entities" if last else "lists the entities"
    since = f" as far as they were modified since {stamp(lane.looked_at)}" if lane.looked_at else ""
    return [
        f"Reads {number} records of the registry and compares each with the ledger; only what "
        "differs is written.",
        f"{held.capitalize()} in Benchling{since}: what people changed there is reported, or put "
        "right where the lane's policy says so.",
        *_due(lane),
    ]


def _errors(lane: Lane) -> list[str]:
    count = runs.open_errors(lane).count()
    if not count:
        return ["No error is open: there is nothing to try again."]
    said = [f"Tries {_errors_said(count)} again. The registry is not asked anew."]
    dead = runs.open_errors(lane).filter(code__in=UNSENDABLE).count()
    if dead:
        said.append(f"{dead:,} of them have no id that could be sent, and only the registry helps.")
    return said


def _errors_said(count: int) -> str:
    return "1 open error" if count == 1 else f"{count:,} open errors"


# -- from one run's page -----------------------------------------------------------------------


def again(run: SyncRun) -> tuple[Order | None, list[str]]:
    """Ask for what a run was asked for, once more."""
    wanted = {
        "kind": run.kind,
        "reads_all": run.reads_all and run.kind != Kind.RETRY,
        "only": run.only,
        "since": run.since_asked,
        "rerun_of": run,
    }
    said = [f"A new run of the kind “{run.kind}” that remembers run {run.pk}."]
    if run.only:
        said.append(f"It touches the {len(run.only):,} records that run {run.pk} was asked for.")
    elif run.since_asked:
        said.append(f"It asks the registry for what changed since {stamp(run.since_asked)}.")
    elif run.kind == Kind.RETRY:
        said += _errors(run.lane) if run.lane else []
    elif run.reads_all:
        said.append("It reads the whole registry.")
    else:
        said += _changes(run.lane) if run.lane else []
    text = "Asks for the same once more. What was written stays; what is the same is not written."
    return Order("Rerun", wanted, text), said


def failures_again(run: SyncRun) -> tuple[Order | None, list[str]]:
    """Ask to try the errors of one run again that are still open, and no others; None: none is."""
    ids = list(still_open(run).values_list("external_id", flat=True)[: MOST_IDS + 1])
    order = Order(
        "Retry its failures",
        {"kind": Kind.RETRY, "only": ids, "rerun_of": run},
        "Tries the records again that this run refused and that are not in Benchling since.",
    )
    if not ids:
        return None, ["No error of this run is open any more: there is nothing to try again."]
    if len(ids) > MOST_IDS:
        order.wanted["only"] = []
        return order, [f"More than {MOST_IDS:,} are open, so all open errors are tried again."]
    return order, [f"Tries {_errors_said(len(ids))} again, from the records that are kept here."]


def still_open(run: SyncRun) -> QuerySet[EntityError]:
    """List what a run refused and that a retry could bring in."""
    refused = handled.refused(run).filter(closed_at__isnull=True, dismissed_at__isnull=True)
    return refused.exclude(code__in=UNSENDABLE).order_by("pk")
