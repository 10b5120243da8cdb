"""Where the chains of other lanes ended: each lane's signed head has it.

So a chain that is removed as a whole, with its lane, its runs and its ledger, is missed.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Exists, OuterRef, Q

from registry_sync.models import ChainHead, ChainLink, Change, Lane, LedgerEntry, Retention, SyncRun

Ends = dict[str, list[int | str]]
"""By a lane's key: the number of its last link, and that link's digest."""


def ends(lane: Lane, last_ends: Ends) -> Ends:
    """Return where the chains of all other lanes end.

    What is no longer there stays as it was known, so that a later run does not hide it. So does a
    chain whose head names no link that it has: signed, that would be missed for ever.
    """
    link = ChainLink.objects.filter(
        lane=OuterRef("lane"), number=OuterRef("links"), digest=OuterRef("digest")
    )
    heads = ChainHead.objects.filter(Exists(link)).exclude(lane=lane)
    rows = list(heads.values_list("lane", "links", "digest"))
    marks = _marks() if rows or last_ends else {}
    found: Ends = {marks[pk]: [links, digest] for pk, links, digest in rows if pk in marks}
    return last_ends | found | {mark: last_ends[mark] for mark in _without_end(last_ends, marks)}


def _marks() -> dict[int, str]:
    rows = Lane.objects.only("tenant", "app_id", "registry_id", "schema_id", "collection")
    return {lane.pk: lane.mark for lane in rows}


def _without_end(last_ends: Ends, marks: dict[int, str]) -> Iterator[str]:
    """Yield the lanes whose chains do not have the link that was their last one."""
    lanes = {mark: pk for pk, mark in marks.items()}
    for mark, (number, digest) in last_ends.items():
        links = ChainLink.objects.filter(lane=lanes.get(mark), number=number, digest=digest)
        if not links.exists():
            yield mark


def missing_chain(last_ends: Ends) -> str:
    """Return which chain is no longer there; "" if all are."""
    for mark in _without_end(last_ends, _marks() if last_ends else {}):
        number, _ = last_ends[mark]
        return (
            f"The chain of the lane with the key {mark} no longer has its link {number}, "
            "which it had when a run of this lane ended: its history was removed or rewritten."
        )
    return ""


def rows_without_a_lane() -> Iterator[str]:
    """Yield what is left of lanes that were removed."""
    for model in (SyncRun, Change, ChainLink, ChainHead, Retention, LedgerEntry):
        of_lanes = model._default_manager.filter(lane__isnull=False)
        rows = of_lanes.exclude(lane__in=Lane.objects.values("pk"))
        for lane in rows.order_by().values_list("lane", flat=True).distinct():
            yield f"Lane {lane} was removed, but rows of it are left in {model._meta.db_table}."
    wrote = SyncRun.objects.filter(~Q(created=0) | ~Q(updated=0), lane=None)
    for run in wrote.exclude(kind__in=SyncRun.DRY).order_by("pk")[:1]:
        yield f"Run {run.pk} wrote records, but it no longer has a lane."
