"""What the registry says that it deleted: reported, and never cleared in Benchling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from django.db.models import Q, QuerySet

from registry_sync import runs
from registry_sync.ledger.lookup import LedgerView
from registry_sync.mapping.model import Mapping, Transformed
from registry_sync.mapping.tombstones import is_marked
from registry_sync.mapping.transform import transform
from registry_sync.models import Lane, LedgerEntry, SyncRun, Withdrawal
from registry_sync.sync.context import RunContext
from registry_sync.sync.records import Compared, SourceRecord


def transformed(
    record: SourceRecord, before: LedgerView | None, mapping: Mapping, out: Compared
) -> Transformed:
    """Return what a record becomes. A record that says it is deleted clears nothing."""
    done = transform(record.raw, record.external_id, mapping)
    in_benchling = before is not None and before.entity_hash
    if not in_benchling or done.entity is None or not is_marked(record.raw, mapping):
        return done
    out.marked.append(record.external_id)
    held = {key: value for key, value in done.entity.fields.items() if value not in (None, [])}
    return replace(done, entity=replace(done.entity, fields=held))


def warn_of_marked(ctx: RunContext, external_ids: Sequence[str]) -> None:
    """Warn of entities whose records say that they are deleted, once a run. Raise LeaseLost."""
    if external_ids:
        runs.warn(
            ctx.run,
            ctx.lease,
            "marked_deleted",
            f"{first_ids(external_ids)} changed, and the registry marks the record as deleted. Its "
            "values were synced, but none was cleared. A Benchling admin archives the entity "
            "if it should be. If the mark means something else, the integration owner maps "
            "it to a field.",
        )


def withdrawn(run: SyncRun, lane: Lane) -> QuerySet[LedgerEntry]:
    """Return what is in Benchling and no longer in the registry, as far as this run found out.

    What is archived, waits for someone, or was merged into another entity is left out.
    """
    settled = lane.withdrawals.filter(closed_at__isnull=True).exclude(
        state__in=[Withdrawal.State.ABSENT, Withdrawal.State.GONE]
    )
    held = lane.ledger.exclude(entity_hash="")
    held = held.exclude(external_id__in=settled.values("external_id"))
    merged = lane.merges.filter(closed_at__isnull=True)
    held = held.exclude(external_id__in=merged.values("external_id"))
    if run.reads_all:
        return held.filter(Q(gone_run_id__isnull=False) | ~Q(seen_run_id=run.pk))
    return held.filter(gone_run_id=run.pk)


def first_ids(ids: Sequence[str]) -> str:
    """Return the first ids as a list in words."""
    return ", ".join(ids[:3]) + (", …" if len(ids) > 3 else "")
