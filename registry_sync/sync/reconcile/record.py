"""A comparison of both sides as rows: begun, worked on, and described."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from registry_sync import __version__, runs
from registry_sync.benchling.client import Client
from registry_sync.benchling.errors import Refused, Wait
from registry_sync.core.dates import stamp
from registry_sync.core.problems import SyncError
from registry_sync.core.text import LONGEST_ID, storable
from registry_sync.core.types import Json
from registry_sync.models import Lane, ReconciledRecord, Reconciliation
from registry_sync.source.client import Source
from registry_sync.sync import change_authors
from registry_sync.sync.reconcile.comparison import BOTH, IN_BENCHLING, Comparison, Finding
from registry_sync.sync.setup import Setup, configure

State = ReconciledRecord.State
UNEQUAL = (State.DIFFERING, State.MISSING, State.EXTRA, State.ARCHIVED, State.REFUSED)
"""What is not as it should be; accepted differences are."""
COUNTED = ("registry", "benchling", "equal", *State.values, "left", "merged", "repeated")
"""The counts, in the order in which they are shown."""
ROWS = 500
LOOKED_AT = 200
"""Differing records among which those are found whose authors Benchling is asked for."""
OpenSource = Callable[[Setup], Source]


def begin(lane: Lane, *, actor: str) -> Reconciliation:
    """Make the row of a comparison that will be worked on."""
    active = runs.active(lane)
    return Reconciliation.objects.create(
        lane=lane,
        actor=actor,
        started_at=timezone.now(),
        service_version=__version__,
        active_run_id=active.pk if active else None,
    )


def work(row: Reconciliation, client: Client, open_source: OpenSource) -> None:
    """Compare both sides and keep what is not equal, in place of the lane's last comparison.

    What prevents it is kept as its trouble.
    """
    try:
        setup = configure(
            client, private_key=settings.BENCHLING_PRIVATE_KEY, element=row.lane.element
        )
        row.fingerprint = setup.mapping.fingerprint
        with closing(open_source(setup)) as source:
            comparison = Comparison(client, setup, row.lane, source)
            _keep(row, comparison.findings())
        _name_people(row, client)
        row.counts = {name: comparison.counts[name] for name in COUNTED}
        if comparison.total is not None:
            row.counts["registry_total"] = comparison.total
    except (Refused, SyncError, Wait) as error:
        more = f" {error.remedy}" if isinstance(error, SyncError) else ""
        row.trouble = f"{error}{more}"
    row.finished_at = timezone.now()
    row.save()
    if not row.trouble:
        older = ReconciledRecord.objects.filter(reconciliation__lane=row.lane_id)
        older.exclude(reconciliation=row).delete()


def is_equal(row: Reconciliation) -> bool:
    """Return whether both sides of a finished comparison are equal, accepted differences aside."""
    return not row.trouble and not any(row.counts.get(state) for state in UNEQUAL)


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
        "equal": is_equal(row),
        "differences_csv": csv,
    }


def _keep(row: Reconciliation, findings: Iterator[Finding]) -> None:
    while some := list(islice(findings, ROWS)):
        with transaction.atomic():
            ReconciledRecord.objects.bulk_create([_record(row, finding) for finding in some])


def _name_people(row: Reconciliation, client: Client) -> None:
    """Name who changed entities in Benchling, as far as it tells, for the first that differ."""
    people = (IN_BENCHLING, BOTH)
    asked = 0
    for record in row.records.filter(state=State.DIFFERING).order_by("pk")[:LOOKED_AT]:
        if not any(last in people for *_, last in record.differences):
            continue
        found = change_authors.ask(client, row.lane, record.entity_id, record.modified_at)
        if found.trouble and not asked:
            return  # what refuses the first one refuses them all
        asked += 1
        record.differences = [
            [*values, _named(change_authors.author_of(found, values[1]), last)]
            for *values, last in record.differences
        ]
        record.save(update_fields=["differences"])
        if asked == change_authors.MOST_A_RUN:
            return


def _named(author: Json | None, last: str) -> str:
    if author is None or not last.startswith(IN_BENCHLING):
        return last
    who = f"{author['user']} in Benchling ({stamp(parse_datetime(author['at']))})"
    return last.replace(IN_BENCHLING, who, 1)


def _record(row: Reconciliation, finding: Finding) -> ReconciledRecord:
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
