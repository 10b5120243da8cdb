"""What the lane's policy makes of withdrawals: reported, archived, or staged for a decision."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from registry_sync.benchling.config_items import CONNECTOR, Write
from registry_sync.models import Lane, Proposal, Withdrawal
from registry_sync.sync.context import RunContext
from registry_sync.sync.withdrawals.departures import open_withdrawals_of

How, State = Withdrawal.How, Withdrawal.State
BY_MODE: dict[str, tuple[str, ...]] = {
    "none": (How.SCOPE,),
    "flag": (How.SCOPE, How.FLAG, How.TOMBSTONE),
    "feed": (How.SCOPE, How.FEED, How.TOMBSTONE),
    "absence": (How.SCOPE, How.ABSENCE, How.TOMBSTONE),
}
"""Which withdrawals the policy may archive, by the mode of `endpoint.deletes`."""


@dataclass(frozen=True, slots=True)
class WithdrawalDecision:
    """What a run does about withdrawals: whether the guard stops new ones, and which go.

    `most` is the guard's limit, `new` how many withdrawals no one has looked at yet.
    """

    guarded: bool
    new: int
    most: int


def archives(lane: Lane) -> bool:
    """Return whether the lane's policy archives."""
    return lane.withdrawn_policy == Lane.WithdrawnPolicy.ARCHIVE


def decides_with(lane: Lane | None, writes: Iterable[Write]) -> tuple[Proposal.What, ...]:
    """Return what publishing these items decides as well: what the lane's policy will archive.

    The scope, and which records have left and how many may at once, are in Connector Settings.
    """
    if lane is None or not archives(lane):
        return ()
    return (Proposal.What.POLICY,) if any(w.path[-1] == CONNECTOR for w in writes) else ()


def new_rows(ctx: RunContext) -> QuerySet[Withdrawal]:
    """Return the withdrawals that the policy would archive and that no one has looked at."""
    return covered(ctx).filter(state=State.GONE)


def covered(ctx: RunContext) -> QuerySet[Withdrawal]:
    """Return the open withdrawals that the policy covers.

    Both listings without a record must be later than the policy: no one expected an archive before.
    """
    rows = open_withdrawals_of(ctx).filter(how__in=BY_MODE[ctx.setup.connector.deletes.mode])
    since = ctx.lane.withdrawn_set_at
    return rows if since is None else rows.exclude(how=How.ABSENCE, found_run__created_at__lt=since)


def decide(ctx: RunContext, more: int = 0) -> WithdrawalDecision:
    """Return whether the guard stops the new withdrawals, with `more` that are not kept yet.

    Those that wait already count with them: a deletion that is noticed in parts is one.
    """
    new = new_rows(ctx).count() + more
    waiting = open_withdrawals_of(ctx).filter(state=State.STAGED).count()
    most = ctx.setup.connector.deletes.most(entity_count(ctx.lane))
    return WithdrawalDecision(archives(ctx.lane) and new > 0 and new + waiting > most, new, most)


def entity_count(lane: Lane) -> int:
    """Return how many entities a lane has, without those that this app archived."""
    archived = lane.withdrawals.filter(closed_at__isnull=True, state=State.ARCHIVED).count()
    return lane.ledger.exclude(entity_hash="").count() - archived


def to_archive(ctx: RunContext, only: Sequence[str] = ()) -> list[Withdrawal]:
    """Return the withdrawals to archive now, the oldest first."""
    rows = open_withdrawals_of(ctx)
    condition = Q(state__in=[State.RELEASED, State.SENT])
    if archives(ctx.lane) and not only:
        condition |= Q(pk__in=covered(ctx).filter(state__in=[State.GONE, State.HELD]).values("pk"))
    rows = rows.filter(condition)
    return list((rows.filter(external_id__among=list(only)) if only else rows).order_by("pk"))
