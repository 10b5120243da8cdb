"""The records that are in Benchling and no longer in the registry."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from registry_sync.models import Lane, LedgerEntry, SyncRun, Withdrawal


def withdrawn_entities(run: SyncRun, lane: Lane) -> QuerySet[LedgerEntry]:
    """Return what is in Benchling and no longer in the registry, as far as this run found out.

    What is archived, waits for someone, or was merged into another entity is left out.
    """
    settled = lane.withdrawals.filter(closed_at__isnull=True).exclude(
        state__in=[Withdrawal.State.ABSENT, Withdrawal.State.GONE]
    )
    entries = lane.ledger.exclude(entity_hash="")
    entries = entries.exclude(external_id__in=settled.values("external_id"))
    merged = lane.merges.filter(closed_at__isnull=True)
    entries = entries.exclude(external_id__in=merged.values("external_id"))
    if run.reads_all:
        return entries.filter(Q(gone_run_id__isnull=False) | ~Q(seen_run_id=run.pk))
    return entries.filter(gone_run_id=run.pk)
