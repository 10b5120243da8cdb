"""The cautions about withdrawals: of the run that finds them first, and while some wait."""

from __future__ import annotations

from django.db.models import Count, QuerySet

from registry_sync.core.text import first_ids, number_of
from registry_sync.models import Lane, SyncRun, Withdrawal
from registry_sync.sync.context import RunContext
from registry_sync.sync.run_verdict import Caution, came_short, is_incomplete
from registry_sync.sync.withdrawals.missing import withdrawn_entities
from registry_sync.sync.withdrawals.policy import archives, entity_count

State = Withdrawal.State


def withdrawal_cautions(ctx: RunContext) -> list[Caution]:
    """Return the warnings about withdrawals that a run ends with."""
    run, lane, connector = ctx.run, ctx.lane, ctx.setup.connector
    if run.dry_run:
        return []
    plain = connector.deletes.mode == "none" and not connector.scope
    found = _of_registry(run, lane) if plain else _new(ctx)
    return [*found, *_waiting(ctx)]


def _of_registry(run: SyncRun, lane: Lane) -> list[Caution]:
    """Report what is in Benchling and no longer in the registry, in every run that sees it."""
    if run.reads_all and _is_doubtful(run, lane):
        return []
    entries = withdrawn_entities(run, lane)
    ids = list(entries.order_by("pk").values_list("external_id", flat=True)[:4])
    return _caution(entries.count(), ids, NOTHING) if ids else []


def _is_doubtful(run: SyncRun, lane: Lane) -> bool:
    seen = lane.ledger.filter(seen_run_id=run.pk).count()
    return came_short(run, lane, seen) or is_incomplete(run)


def _new(ctx: RunContext) -> list[Caution]:
    """Report the withdrawals that this run found first and that are not archived."""
    states = (State.ABSENT, State.GONE, State.HELD, State.FOREIGN)
    merged = ctx.lane.merges.filter(closed_at__isnull=True).values("external_id")
    rows = ctx.run.withdrawals.filter(lane=ctx.lane, state__in=states, closed_at__isnull=True)
    rows = rows.exclude(external_id__in=merged)
    ids = list(rows.order_by("pk").values_list("external_id", flat=True)[:4])
    if not ids:
        return []
    after = _why_left(rows) if archives(ctx.lane) else NOTHING
    if ctx.run.only and archives(ctx.lane):
        after = PILOT.format("it" if len(ids) == 1 else "them")
    count, outside = rows.count(), rows.filter(how=Withdrawal.How.SCOPE).count()
    where = " or ".join([GONE] * (outside < count) + [OUTSIDE] * (outside > 0))
    return _caution(count, ids, after, where)


def _why_left(rows: QuerySet[Withdrawal]) -> str:
    """Return why none of the withdrawals is archived, by their states."""
    counted = dict(rows.order_by().values_list("state").annotate(n=Count("pk")))
    if counted.keys() == {State.ABSENT}:
        which = "it" if counted[State.ABSENT] == 1 else "them"
        listing = f"one more complete listing without {which}, at least an hour later,"
        return f"Nothing was archived: {listing} must come first."
    why = [f"{reason} ({counted[state]:,})" for state, reason in WHY.items() if state in counted]
    return f"None of them was archived: {', '.join(why)}."


WHY = {
    State.ABSENT: "waits for one more complete listing without it, at least an hour later",
    State.HELD: "held by containers",
    State.FOREIGN: "never written by this app",
    State.GONE: "not covered by the policy, or refused by Benchling",
}
GONE, OUTSIDE = "no longer in the registry", "outside the lane's scope by now"
PILOT = "A run of named records archives nothing. The lane's next run decides about {}."
NOTHING = "Nothing was archived. A Benchling admin archives the entities that should be."


def _caution(count: int, ids: list[str], after: str, where: str = GONE) -> list[Caution]:
    noun = "record that is in Benchling is" if count == 1 else "records that are in Benchling are"
    text = f"{count:,} {noun} {where} ({first_ids(ids)}). {after}"
    return [Caution("withdrawn", text)]


def _waiting(ctx: RunContext) -> list[Caution]:
    rows = ctx.lane.withdrawals.filter(state=State.STAGED, closed_at__isnull=True)
    ids = list(rows.order_by("pk").values_list("external_id", flat=True)[:4])
    if not ids:
        return []
    count, most = rows.count(), ctx.setup.connector.deletes.most(entity_count(ctx.lane))
    return [
        Caution(
            "withdrawals_staged",
            f"{number_of(count, 'withdrawal')} ({first_ids(ids)}) "
            f"{'waits' if count == 1 else 'wait'} for a decision: more records left the registry "
            f"than the {most:,} that this lane may lose at once. None of them was archived. The "
            "integration owner archives or keeps the entities under Withdrawals in the admin, or "
            "with manage.py withdrawals.",
        )
    ]
