"""Who asked for something that a plan has: none of them may sign it.

Whoever started the run that made it is not named again, nor is the second person who confirmed what
someone proposed: two people have seen that already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from django.db.models import Q, QuerySet

from registry_sync import runs
from registry_sync.core.types import Json
from registry_sync.models import (
    Adoption,
    Allowance,
    Lane,
    MappingVersion,
    Merge,
    Pin,
    Plan,
    Proposal,
    SyncRun,
    Withdrawal,
)

What = Proposal.What
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def requester_names(plan: Plan) -> set[str]:
    """Return the names of those who asked for something that a plan has."""
    if not plan.writes:
        return set()
    found = {name for source in SOURCES for name in source(plan)}
    return {" ".join(name.split()) for name in found} - {""}


def partial_runs(lane: Lane, plan_run_id: int) -> QuerySet[SyncRun]:
    """Return the runs of some records before a run that made a plan, since the last good run.

    What the last good run's plan had not looked at counts as well.
    """
    good = _last_good(lane, plan_run_id)
    applied = good.plan.run_id if good is not None and good.plan is not None else None
    begun = applied or (good.pk if good is not None else 0)
    partial = ~Q(only=[]) | Q(kind=SyncRun.Kind.RETRY) | Q(since_asked__isnull=False)
    return lane.runs.filter(partial, pk__gt=begun, pk__lt=plan_run_id).exclude(
        kind=SyncRun.Kind.APPLY
    )


def _joined(plan: Plan) -> Iterable[str]:
    """Return those whose presses joined the run that made the plan."""
    return plan.run.joined_by or ()


def _of_runs(plan: Plan) -> Iterator[str]:
    """Yield those who asked for runs of some records that left writes or ended early."""
    for run in partial_runs(plan.lane, plan.run_id).exclude(kind__in=SyncRun.DRY):
        has_held_writes = run.held > 0 and run.status in SyncRun.GOOD
        ended_early = run.status not in SyncRun.GOOD and run.only
        if (has_held_writes or ended_early) and _has_any(plan, run.only):
            yield from (run.actor, *(run.joined_by or ()))


def _has_any(plan: Plan, external_ids: list[str]) -> bool:
    """Return whether a plan has one of these records; without ids, any may be meant."""
    rows = plan.rows.filter(external_id__among=external_ids) if external_ids else plan.rows
    return rows.exists()


def _overrides(plan: Plan) -> Iterator[str]:
    """Yield those who overrode a guard for one of its records, or for the run that made it."""
    whole = Q(external_id="", created_at__gt=_last_good_at(plan))
    for row in Allowance.objects.filter(whole | _in(plan), lane=plan.lane, used_by=None):
        subject = {"what": row.what, "external_id": row.external_id}
        yield _first_person(plan, What.ALLOW, row.actor, subject)


def _withdrawals(plan: Plan) -> Iterator[str]:
    """Yield those who let its entities be archived, or undid that."""
    decided = (Withdrawal.State.RELEASED, Withdrawal.State.UNDO)
    rows = plan.lane.withdrawals.filter(_in(plan), state__in=decided, closed_at=None)
    for row in rows:
        yield _first_person(plan, What.RELEASE, row.actor, {"withdrawals": row.pk})


def _adoptions(plan: Plan) -> Iterable[str]:
    """Return those who approved that it takes over entities that were in Benchling before."""
    rows = plan.lane.adoptions.filter(_in(plan), state=Adoption.State.APPROVED)
    return rows.values_list("actor", flat=True)


def _merges(plan: Plan) -> Iterable[str]:
    """Return those who decided that it creates merged entities again."""
    rows = plan.lane.merges.filter(_in(plan), state=Merge.State.ANEW)
    return rows.filter(decided_at__gt=_last_good_at(plan)).values_list("actor", flat=True)


def _pins(plan: Plan) -> Iterable[str]:
    """Return those who took back an accepted difference: the plan has the registry's value."""
    rows = plan.lane.pins.filter(_in(plan), ended=Pin.End.TAKEN_BACK)
    return rows.filter(closed_at__gt=_last_good_at(plan)).values_list("closed_by", flat=True)


def _publishers(plan: Plan) -> Iterator[str]:
    """Yield those who published the mapping that it is the first one to write by."""
    good = _last_good(plan.lane, plan.run_id)
    if good is not None and good.fingerprint == plan.run.fingerprint:
        return
    rows = MappingVersion.objects.of_app().filter(schema_id__in=("", plan.lane.schema_id))
    rows = rows.order_by("-number").filter(at__gt=_last_good_at(plan))
    for row in rows if good is not None else rows[:1]:
        yield _first_person(plan, What.PUBLISH, row.actor, {"draft": row.draft_id})


SOURCES: tuple[Callable[[Plan], Iterable[str]], ...] = (
    _joined, _of_runs, _overrides, _withdrawals, _adoptions, _merges, _pins, _publishers,
)  # fmt: skip
"""Where it is kept that someone asked for something."""


def _in(plan: Plan) -> Q:
    """Return the condition that a row is about one of the plan's records."""
    return Q(external_id__in=plan.rows.values("external_id"))


def _last_good(lane: Lane, plan_run_id: int) -> SyncRun | None:
    """Return the last good run before a run that made a plan."""
    return runs.good_runs(lane).filter(pk__lt=plan_run_id).select_related("plan").first()


def _last_good_at(plan: Plan) -> datetime:
    """Return when the last good run was requested, or a time before this service was made."""
    good = _last_good(plan.lane, plan.run_id)
    return LONG_AGO if good is None else good.created_at


def _first_person(plan: Plan, what: Proposal.What, decided_by: str, subject: Json) -> str:
    """Return who asked for what someone did: who proposed it, if that was needed."""
    rows = Proposal.objects.filter(
        lane=plan.lane, what=what, state=Proposal.State.CONFIRMED, decided_by=decided_by
    )
    found = (row for row in rows if _is_about(row, subject))
    return next((row.proposed_by for row in found), decided_by)


def _is_about(row: Proposal, subject: Json) -> bool:
    """Return whether a proposal has these values, or has them among others."""
    pairs = ((row.subject.get(key), value) for key, value in subject.items())
    return all(value in has if isinstance(has, list) else value == has for has, value in pairs)
