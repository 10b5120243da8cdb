"""Which records a run handled, under each of its counts, and how exactly that is still known.

What was written and what was refused is known permanently, from the changes and the refusals.
Which records were unchanged is known for the last run that read the record only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from registry_sync import runs
from registry_sync.models import Change, EntityError, LedgerEntry, Refusal, Retention, SyncRun
from registry_sync.reporting.catalogue import record_actor, record_cause

Outcome = LedgerEntry.Outcome
COUNTED = 10_000
"""Records that are counted, and looked through for causes, at most."""
CHUNK = 1000
LASTING = (Outcome.CREATED, Outcome.UPDATED)
"""What later runs do not take over."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record that a run handled."""

    external_id: str
    entity_id: str
    name: str
    said: str = ""
    remedy: str = ""
    ledger_id: int | None = None


@dataclass(frozen=True, slots=True)
class CauseCount:
    """One cause of a run's refusals: how many, how many of them are open, an example to read."""

    count: int
    still_open: int
    example: Refusal

    @property
    def title(self) -> str:
        return record_cause(self.example.code).title

    @property
    def who(self) -> str:
        return record_actor(self.example.code, self.example.kind).label


def created(run: SyncRun) -> QuerySet[Any]:
    """Return the first change of each entity that the run created."""
    return Change.objects.filter(run=run, created=True, field_id="registry id").order_by("pk")


def updated(run: SyncRun) -> QuerySet[Any]:
    """Return the first change of each entity that the run changed and did not create."""
    earlier = Change.objects.filter(
        lane=OuterRef("lane"), external_id=OuterRef("external_id"), run=run, pk__lt=OuterRef("pk")
    )
    return Change.objects.filter(~Exists(earlier), run=run, created=False).order_by("pk")


def run_refusals(run: SyncRun) -> QuerySet[Refusal]:
    """Return what the run refused, as it refused it."""
    return Refusal.objects.filter(run=run).select_related("same_as")


def open_now(run: SyncRun) -> QuerySet[EntityError]:
    """Return the errors of records that the run refused and that are still not in Benchling."""
    ids = Refusal.objects.filter(run=run).values("external_id")
    return runs.only_open(EntityError.objects.filter(lane=run.lane_id, external_id__in=ids))


def unchanged_records(run: SyncRun) -> QuerySet[LedgerEntry]:
    """Return the records that came unchanged and that no later run has seen."""
    return LedgerEntry.objects.filter(
        lane=run.lane_id, seen_run_id=run.pk, outcome=Outcome.UNCHANGED
    ).order_by("pk")


ROWS = {
    Outcome.CREATED: created,
    Outcome.UPDATED: updated,
    Outcome.FAILED: lambda run: run_refusals(run).order_by("pk"),
    Outcome.UNCHANGED: unchanged_records,
}


def rows(run: SyncRun, outcome: str) -> QuerySet[Any]:
    """Return the rows that tell which records of a run had this outcome."""
    return ROWS[Outcome(outcome)](run)


def caveat(run: SyncRun, outcome: str, listed: int) -> str:
    """Return what the list cannot name of what the run counted; "" where it names them all."""
    counted = getattr(run, outcome)
    if run.dry_run and outcome != Outcome.FAILED:
        return "A dry run only counts these. Its log has a sample of the changes."
    if run.is_active or listed >= min(counted, COUNTED):
        return ""
    missing = f"{counted - listed:,} of {counted:,} can no longer be listed here"
    if outcome == Outcome.UNCHANGED:
        return f"{missing}: later runs read them again, and their pages list them."
    if outcome == Outcome.FAILED:
        return f"{missing}: they were refused before this version, which keeps them."
    if Retention.objects.filter(lane=run.lane_id, before__gte=run.created_at).exists():
        return f"{missing}: changes of that age have been deleted (see Retentions)."
    return f"{missing}: they were taken over without a changed value."


def records_on_page(run: SyncRun, outcome: str, page: list[Any]) -> list[Record]:
    """Make records of a page of `rows`, with their names, by one query more."""
    if outcome == Outcome.UNCHANGED:
        return [Record(r.external_id, r.entity_id, r.name, ledger_id=r.pk) for r in page]
    ledger_rows = LedgerEntry.objects.filter(
        lane=run.lane_id, external_id__among=[row.external_id for row in page]
    )
    entries = {e[0]: e for e in ledger_rows.values_list("external_id", "entity_id", "name", "pk")}
    found = []
    for row in page:
        _, entity_id, name, ledger_id = entries.get(row.external_id, ("", "", "", None))
        if outcome == Outcome.FAILED:
            # What it is called in Benchling today is not what this run refused.
            words = row.words
            found.append(Record(row.external_id, "", "", words.message, words.remedy, ledger_id))
        else:
            found.append(Record(row.external_id, entity_id, name, ledger_id=ledger_id))
    return found


def every_record(run: SyncRun, outcome: str) -> Iterator[Record]:
    """Yield all records of an outcome, a page in memory at a time."""
    for chunk in chunks(rows(run, outcome)):
        yield from records_on_page(run, outcome, chunk)


def chunks(rows: QuerySet[Any]) -> Iterator[list[Any]]:
    """Yield rows in the order of their keys, some at a time, with no cursor held open."""
    last = 0
    while chunk := list(rows.filter(pk__gt=last).order_by("pk")[:CHUNK]):
        yield chunk
        last = chunk[-1].pk


def causes(run: SyncRun) -> list[CauseCount]:
    """Group what a run refused by cause, the most frequent first; of very many, the first ones."""
    found: dict[tuple[str, str], tuple[int, int, int]] = {}
    still = set(open_now(run).values_list("external_id", flat=True)[:COUNTED])
    rows = Refusal.objects.filter(run=run).order_by("pk")
    for code, kind, pk, external_id in rows.values_list("code", "kind", "pk", "external_id")[
        :COUNTED
    ]:
        first, count, still_open = found.get((code, kind), (pk, 0, 0))
        found[code, kind] = (first, count + 1, still_open + (external_id in still))
    examples = run_refusals(run).in_bulk([first for first, _, _ in found.values()])
    counts = [
        CauseCount(count, still_open, examples[pk]) for pk, count, still_open in found.values()
    ]
    return sorted(counts, key=lambda cause: -cause.count)
