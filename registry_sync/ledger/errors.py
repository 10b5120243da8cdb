"""Open, update and close the errors of records."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.utils import timezone

from registry_sync import runs
from registry_sync.core.text import storable
from registry_sync.ledger.record_outcome import CHUNK, Outcome, RecordOutcome
from registry_sync.ledger.refusals import drop_refusals, save_refusals
from registry_sync.models import EntityError, Lane, LedgerEntry, SyncRun


def update_errors(run: SyncRun, lane: Lane, results: Sequence[RecordOutcome]) -> None:
    """Open or refresh the errors of refused records, and close those of the others."""
    ids = {result.external_id for result in results}
    # Locked: a dismissal at the same time waits for this transaction, and is not overwritten.
    locked = lane.errors.select_for_update()
    rows = locked.filter(closed_at__isnull=True, external_id__among=ids)
    openers = SyncRun.objects.only("kind", "only", "since_asked", "held")  # as `_is_new` asks
    rows = rows.prefetch_related(Prefetch("opened_by", openers))
    open_now = {row.external_id: row for row in rows}
    again = [s.external_id for s in results if s.outcome == Outcome.FAILED]
    # This run may have closed an error already, for a record that the registry lists twice.
    closed = locked.filter(closed_by_run=run, external_id__in=again) if again else ()
    closed_now = {row.external_id: row for row in closed}
    opened: list[EntityError] = []
    refreshed: list[EntityError] = []
    passed: set[int] = set()
    for result in results:
        error = open_now.get(result.external_id)
        if result.outcome != Outcome.FAILED:
            if error is not None:
                passed.add(error.pk)
        elif error is None:
            error = closed_now.get(result.external_id) or EntityError(first_seen=timezone.now())
            (refreshed if error.pk else opened).append(_error(error, run, result))
        else:
            error.times_seen += 1
            refreshed.append(_error(error, run, result))
    EntityError.objects.bulk_create(opened, batch_size=CHUNK)
    EntityError.objects.bulk_create(  # `bulk_update` takes 25 times as long
        refreshed, batch_size=CHUNK, update_conflicts=True, unique_fields=["id"],
        update_fields=ERROR_COLUMNS,
    )  # fmt: skip
    save_refusals(run, [*opened, *refreshed])
    if passed:
        closing = EntityError.objects.filter(pk__in=passed)
        closing.update(closed_at=timezone.now(), closed_by_run=run)
        drop_refusals(run, [e.external_id for e in open_now.values() if e.pk in passed])


def close_withdrawn(run: SyncRun, lease: runs.Lease) -> int:
    """Close the errors of records that a full read did not find. Return how many.

    Raise LeaseLost.
    """
    seen = LedgerEntry.objects.filter(
        lane=OuterRef("lane"), external_id=OuterRef("external_id"), seen_run_id=run.pk
    )
    withdrawn = EntityError.objects.filter(~Exists(seen), lane=run.lane, closed_at__isnull=True)
    return _close(withdrawn, run, lease)


def close_deleted(run: SyncRun, lease: runs.Lease, external_ids: Sequence[str]) -> int:
    """Close the errors of records that the registry deleted. Return how many.

    Raise LeaseLost.
    """
    deleted = EntityError.objects.filter(lane=run.lane, external_id__among=list(external_ids))
    return _close(deleted.filter(closed_at__isnull=True), run, lease)


def _close(errors: QuerySet[EntityError], run: SyncRun, lease: runs.Lease) -> int:
    with transaction.atomic():
        runs.renew(lease)
        return errors.update(closed_at=timezone.now(), closed_by_run=run)


ERROR_COLUMNS = (
    "run", "opened_by", "kind", "code", "message", "remedy", "field", "value", "waits_for",
    "waits_key", "raw", "raw_hash", "fingerprint", "source_modified_at", "last_seen", "times_seen",
    "dismissed_at", "closed_at", "closed_by_run",
)  # fmt: skip


def _error(error: EntityError, run: SyncRun, result: RecordOutcome) -> EntityError:
    """Fill an error's row. Without problems, its recorded cause stays."""
    error.last_seen = timezone.now()
    if _is_new(error, run):
        error.opened_by = run
    error.closed_at = error.closed_by_run = None
    if not result.problems:
        return error
    error.run = run
    first = result.problems[0]
    assert run.lane is not None
    raw = storable(result.raw)
    if error.raw != raw or _says(error) != (first.code, first.field, storable(first.value)):
        if error.dismissed_at is not None:
            error.opened_by = run
        error.dismissed_at = None  # it is another error than the one that was dismissed
    error.lane = run.lane
    error.external_id = result.external_id
    error.kind, error.code, error.remedy = first.kind, first.code, storable(first.remedy)
    error.message = storable(" ".join(problem.message for problem in result.problems))
    error.field, error.value = first.field, storable(first.value)
    error.waits_for, error.waits_key = first.waits_for or ("", "")
    stays = any(p.kind != "transient" and not p.waits_for for p in result.problems)
    if stays and raw != result.raw:
        error.waits_for, error.waits_key = "source", ""  # the stored copy differs from the record
    error.raw, error.raw_hash = raw, result.raw_hash
    error.fingerprint = run.fingerprint
    error.source_modified_at = result.modified_at
    return error


def _says(error: EntityError) -> tuple[str, str, str]:
    """Return what an error is about: its cause, field and value."""
    return error.code, error.field, error.value


def _is_new(error: EntityError, run: SyncRun) -> bool:
    """Return whether a refusal is new with this run: of runs of all records, the first one."""
    first = error.opened_by
    return error.pk is None or (
        first is not None and run.moves_watermark and not first.moves_watermark
    )
