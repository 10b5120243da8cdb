"""A comparison of both sides as rows: begun, worked on, and described."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from rq.timeouts import BaseTimeoutException

from registry_sync import __version__, runs
from registry_sync.benchling.client import Client
from registry_sync.benchling.errors import Refused, Wait
from registry_sync.core import stopping
from registry_sync.core.dates import stamp
from registry_sync.core.problems import ConfigError, SyncError
from registry_sync.core.text import LONGEST_ID, storable
from registry_sync.core.types import Json
from registry_sync.models import Lane, ReconciledRecord, Reconciliation
from registry_sync.source.client import Source
from registry_sync.sync import change_authors
from registry_sync.sync.reconcile.comparison import BOTH, IN_BENCHLING, Comparison, Mismatch
from registry_sync.sync.setup import Setup, configure, lane_key

logger = logging.getLogger(__name__)

State = ReconciledRecord.State
UNEQUAL = (State.DIFFERING, State.MISSING, State.EXTRA, State.ARCHIVED, State.REFUSED)
"""What is not as it should be; accepted differences are."""
COUNTED = ("registry", "benchling", "equal", *State.values, "left", "merged", "repeated")
"""The counts, in the order in which they are shown."""
OVERTAKEN = "Another comparison of this lane was begun before this one had ended."
ENDED = ("finished_at", "counts", "fingerprint", "trouble", "doubts", "active_run_id")
ROWS = 500
LOOKED_AT = 200
"""Differing records among which those are found whose authors Benchling is asked for."""
OpenSource = Callable[[Setup], Source]


class _Overtaken(Exception):
    """Another comparison of the lane was begun, or another process works on this one."""


def begin_comparison(lane: Lane, *, actor: str, by_worker: bool = False) -> Reconciliation:
    """Make the row of a comparison that will be worked on. It ends one that has not ended.

    `by_worker`: a job works on it, which the reconciler queues again if it is lost.
    """
    active = runs.active(lane)
    now = timezone.now()
    with transaction.atomic():
        Lane.objects.select_for_update().get(pk=lane.pk)  # one is begun at a time
        before = Reconciliation.objects.filter(lane=lane, finished_at=None)
        ReconciledRecord.objects.filter(reconciliation__in=before).delete()
        before.update(finished_at=now, trouble=OVERTAKEN)
        return Reconciliation.objects.create(
            lane=lane,
            actor=actor,
            started_at=now,
            service_version=__version__,
            active_run_id=active.pk if active else None,
            attempts=0 if by_worker else None,
        )


def work(row: Reconciliation, client: Client, open_source: OpenSource) -> None:
    """Compare both sides and keep what is not equal, in place of the lane's last comparison.

    What prevents it is kept as its trouble. Raise what says that the database is out of reach.
    """
    try:
        _take(row)
        _compare(row, client, open_source)
    except _Overtaken:
        row.refresh_from_db()
        return
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        row.trouble = _trouble_of(row, error)
    _end(row)


def is_equal(row: Reconciliation) -> bool:
    """Return whether all of both sides was read and is equal, accepted differences aside."""
    return not row.trouble and not row.doubts and not is_unequal(row)


def is_unequal(row: Reconciliation) -> bool:
    """Return whether a comparison found something that is not equal."""
    return any(row.counts.get(state) for state in UNEQUAL)


def statement(row: Reconciliation, *, csv: Json | None = None) -> Json:
    """Return what a comparison found, for a signed statement. `csv` names the list of differences.

    Times are in UTC, as ISO 8601.
    """
    lane = row.lane
    return {
        "statement": "Registry Sync: both sides of a lane compared field by field",
        "tenant": lane.tenant,
        "app": lane.app_id,
        "lane": runs.LaneNames().of(lane),
        "schema": lane.schema_id,
        "benchling_registry": lane.registry_id,
        "registry": lane.collection,
        "started_at": _utc(row.started_at),
        "finished_at": _utc(row.finished_at),
        "made_by": row.actor,
        "service_version": row.service_version,
        "mapping_fingerprint": row.fingerprint,
        "active_run": row.active_run_id,
        "counts": row.counts,
        "doubts": row.doubts,
        "equal": is_equal(row),
        "differences_csv": csv,
    }


def _take(row: Reconciliation) -> None:
    """Begin to work on a comparison, also where another process has begun. Raise _Overtaken."""
    began = timezone.now()
    unended = Reconciliation.objects.filter(pk=row.pk, finished_at=None)
    if not unended.update(started_at=began, attempts=F("attempts") + 1):  # that of a command: null
        raise _Overtaken
    row.started_at = began
    row.records.all().delete()


def _claimed(row: Reconciliation) -> QuerySet[Reconciliation]:
    """Return the row as long as this process is the one that works on it."""
    return Reconciliation.objects.filter(
        pk=row.pk, finished_at=None, started_at=row.started_at
    )  # fmt: skip


def _compare(row: Reconciliation, client: Client, open_source: OpenSource) -> None:
    key, lane = settings.BENCHLING_PRIVATE_KEY, row.lane
    setup = configure(client, private_key=key, element=lane.element)
    if any(getattr(lane, name) != value for name, value in lane_key(client, setup).items()):
        raise ConfigError(
            f"The app's configuration no longer describes the lane {runs.LaneNames().of(lane)}: "
            "API URL, the schema, the Benchling registry or the list has changed since its last "
            "run, or it is no longer configured.",
            remedy="Start a run, which makes the new lane known, and compare that one.",
        )
    row.fingerprint = setup.mapping.fingerprint
    with closing(open_source(setup)) as source:
        comparison = Comparison(client, setup, lane, source)
        _keep(row, comparison.findings())
    _name_people(row, client)
    row.counts = {name: comparison.counts[name] for name in COUNTED}
    row.doubts = comparison.doubts.sentences(comparison.counts["registry"])
    if comparison.doubts.total is not None:
        row.counts["registry_total"] = comparison.doubts.total


def _trouble_of(row: Reconciliation, error: Exception) -> str:
    """Return what prevented a comparison, and who must act."""
    if isinstance(error, SyncError):
        return error.with_remedy
    if isinstance(error, (Refused, Wait)):
        return str(error)
    if isinstance(error, stopping.Stopping):
        return "The worker was asked to stop. Start the comparison again."
    if isinstance(error, BaseTimeoutException):
        return "It takes longer than a worker's job may. The operator runs manage.py reconcile."
    logger.exception("Comparison %s failed", row.pk)
    return (
        f"An internal error ({type(error).__name__}). The operator finds it in the service's log "
        "and reports it to the maintainers of Registry Sync."
    )


def _end(row: Reconciliation) -> None:
    """Keep how a comparison ended, and drop the records of the one that it replaces."""
    row.finished_at = timezone.now()
    row.active_run_id = row.active_run_id or _run_since(row)
    ended = {name: getattr(row, name) for name in ENDED}
    with transaction.atomic():
        if not _claimed(row).update(**ended):
            row.refresh_from_db()
        elif row.trouble:
            row.records.all().delete()
        else:
            kept = ReconciledRecord.objects.filter(reconciliation__lane=row.lane_id)
            kept.filter(reconciliation_id__lt=row.pk).delete()


def _run_since(row: Reconciliation) -> int | None:
    """Return a run of the lane that was active at some time since the beginning."""
    if active := runs.active(row.lane):
        return int(active.pk)
    ended = row.lane.runs.filter(finished_at__gte=row.started_at)
    return ended.values_list("pk", flat=True).first()


def _keep(row: Reconciliation, findings: Iterator[Mismatch]) -> None:
    while chunk := list(islice(findings, ROWS)):
        with transaction.atomic():
            if not _claimed(row).select_for_update().exists():
                raise _Overtaken
            ReconciledRecord.objects.bulk_create([_record(row, finding) for finding in chunk])


def _name_people(row: Reconciliation, client: Client) -> None:
    """Name who changed entities in Benchling, as far as it tells, for the first that differ."""
    people = (IN_BENCHLING, BOTH)
    requests = 0
    for record in row.records.filter(state=State.DIFFERING).order_by("pk")[:LOOKED_AT]:
        if not any(last in people for *_, last in record.differences):
            continue
        found = change_authors.fetch_authors(client, row.lane, record.entity_id, record.modified_at)
        if found.trouble and not requests:
            return  # what refuses the first one refuses them all
        requests += 1
        record.differences = [
            [*values, _named(change_authors.author_of(found, values[1]), last)]
            for *values, last in record.differences
        ]
        named = record.differences
        row.records.filter(pk=record.pk).update(differences=named)  # or it is gone
        if requests == change_authors.MOST_A_RUN:
            return


def _named(author: Json | None, last: str) -> str:
    if author is None or not last.startswith(IN_BENCHLING):
        return last
    who = f"{author['user']} in Benchling ({stamp(parse_datetime(author['at']))})"
    return last.replace(IN_BENCHLING, who, 1)


def _record(row: Reconciliation, finding: Mismatch) -> ReconciledRecord:
    values: dict[str, Any] = storable(
        {
            "external_id": finding.external_id[:LONGEST_ID],
            "registry_id": finding.registry_id[:LONGEST_ID],
            "name": finding.name,
            "note": finding.note,
            "differences": [list(each) for each in finding.differences],
        }
    )
    return ReconciledRecord(
        reconciliation=row,
        lane=row.lane,
        state=finding.state,
        entity_id=finding.entity_id,
        modified_at=parse_datetime(finding.modified_at) if finding.modified_at else None,
        **values,
    )


def _utc(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else None
