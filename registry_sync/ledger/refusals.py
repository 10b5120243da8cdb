"""Keep what a run refused, so that its page and CSV stay true after later runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from registry_sync.core.problems import Problem
from registry_sync.core.text import storable
from registry_sync.ledger.record_outcome import CHUNK
from registry_sync.models import EntityError, Lane, Refusal, SyncRun

WORDS = ("message", "remedy", "field", "value", "waits_for", "waits_key")
COLUMNS = ("error", "at", "kind", "code", "same_as", *WORDS)


def save_refusals(run: SyncRun, errors: Sequence[EntityError]) -> None:
    """Keep these errors as what `run` refused; a record refused twice keeps its last cause.

    The caller holds a transaction under its lease, and the errors are saved.
    """
    if not errors:
        return
    rows = Refusal.objects.filter(error__in=[e.pk for e in errors], same_as__isnull=True)
    last_refusals = {row.error_id: row for row in rows.order_by("pk")}
    now = timezone.now()
    refusals = [_refusal(run, error, last_refusals.get(error.pk)) for error in errors]
    for row in refusals:
        row.at = now
    Refusal.objects.bulk_create(
        refusals, batch_size=CHUNK, update_conflicts=True, update_fields=COLUMNS,
        unique_fields=["run", "external_id"],
    )  # fmt: skip


def save_predicted(run: SyncRun, found: Sequence[tuple[str, Sequence[Problem]]]) -> None:
    """Keep what a dry run would refuse: records' ids, each with its problems, at least one."""
    refusals = []
    for external_id, problems in found:
        first = problems[0]
        waits_for, waits_key = first.waits_for or ("", "")
        refusals.append(
            Refusal(
                run=run, external_id=external_id, at=timezone.now(), kind=first.kind,
                code=first.code, message=storable(" ".join(p.message for p in problems)),
                remedy=storable(first.remedy), field=first.field, value=storable(first.value),
                waits_for=waits_for, waits_key=storable(waits_key),
            )
        )  # fmt: skip
    Refusal.objects.bulk_create(
        refusals, batch_size=CHUNK, update_conflicts=True, update_fields=COLUMNS,
        unique_fields=["run", "external_id"],
    )  # fmt: skip


def delete_predicted(run: SyncRun) -> None:
    """Forget what a dry run would refuse, because it begins again."""
    Refusal.objects.filter(run=run).delete()


def drop_refusals(run: SyncRun, external_ids: Sequence[str]) -> None:
    """Drop what `run` refused first and took later."""
    if external_ids:
        Refusal.objects.filter(run=run, external_id__in=external_ids).delete()


def outdated_refusals(before: datetime) -> QuerySet[Refusal]:
    """Return what runs refused that ended before a time, as far as nothing needs it.

    Words that a later run's refusal points at are needed, and so is what an open error says. Rows
    that point at others come first: where they are deleted, these are outdated as well.
    """
    old = Refusal.objects.filter(run__finished_at__lt=before)
    old = old.exclude(error__closed_at__isnull=True, error__isnull=False)
    needed = Refusal.objects.filter(same_as=OuterRef("pk"))
    free = old.filter(Q(same_as__isnull=False) | ~Exists(needed))
    return free.order_by(F("same_as").desc(nulls_last=True), "pk")


def prune_refusals(lane: Lane, *, before: datetime) -> int:
    """Delete what a lane's runs refused that ended before a time, and return how many rows."""
    count = 0
    while deleted := outdated_refusals(before).filter(run__lane=lane).order_by().delete()[0]:
        count += deleted
    return count


def _refusal(run: SyncRun, error: EntityError, last: Refusal | None) -> Refusal:
    row = Refusal(
        run=run, error=error, external_id=error.external_id, kind=error.kind, code=error.code
    )
    same = last is not None and all(getattr(last, w) == getattr(error, w) for w in WORDS)
    if last is not None and same and last.run_id != run.pk:
        row.same_as = last
    else:
        for name in WORDS:
            setattr(row, name, getattr(error, name))
    return row
