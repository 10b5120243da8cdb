"""Where the chains of other lanes ended: each lane's signed head has it.

So a chain that is removed as a whole, with its lane, its runs and its ledger, is missed.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Q

from registry_sync.models import ChainHead, ChainLink, Change, Lane, LedgerEntry, Retention, SyncRun

Ends = dict[str, list[int | str]]
"""By a lane's key: the number of its last link, and that link's digest."""


def ends(lane: Lane, known: Ends) -> Ends:
    """Return where the chains of all other lanes end.

    What is no longer there stays as it was known, so that a later run does not hide it.
    """
    heads = ChainHead.objects.exclude(lane=lane).filter(links__gt=0).select_related("lane")
    found: Ends = {head.lane.mark: [head.links, head.digest] for head in heads}
    return found | {mark: known[mark] for mark in _gone(known)}


def _gone(known: Ends) -> Iterator[str]:
    """Yield the lanes whose chains do not have the link that was their last one."""
    lanes = {lane.mark: lane.pk for lane in Lane.objects.all()} if known else {}
    for mark, (number, digest) in known.items():
        links = ChainLink.objects.filter(lane=lanes.get(mark), number=number, digest=digest)
        if not links.exists():
            yield mark


def fault(known: Ends) -> str:
    """Return which chain is no longer there; "" if all are."""
    for mark in _gone(known):
        return (
            f"The chain of the lane with the key {mark} no longer has its link {known[mark][0]}, "
            "which it had when a run of this lane ended: its history was removed or rewritten."
        )
    return ""


def rows_without_a_lane() -> Iterator[str]:
    """Yield what is left of lanes that were removed."""
    lanes = list(Lane.objects.values_list("pk", flat=True))
    for model in (SyncRun, Change, ChainLink, ChainHead, Retention, LedgerEntry):
        rows = model._default_manager.filter(lane__isnull=False).exclude(lane__in=lanes)
        for lane in rows.order_by().values_list("lane", flat=True).distinct():
            yield f"Lane {lane} was removed, but rows of it are left in {model._meta.db_table}."
    wrote = SyncRun.objects.filter(~Q(created=0) | ~Q(updated=0), lane=None)
    for run in wrote.exclude(kind__in=SyncRun.DRY).order_by("pk")[:1]:
        yield f"Run {run.pk} wrote records, but it no longer has a lane."
