"""A plan's lifecycle: made, renewed, signed, void, expired, applied."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from registry_sync import runs
from registry_sync.ledger import admin_log
from registry_sync.models import Canvas, Lane, Plan, PlanRow, SyncRun
from registry_sync.sync.plans.proposals import Person
from registry_sync.sync.plans.requesters import requester_names

State, Action = Plan.State, PlanRow.Action
CHUNK = 5000


class PlanError(Exception):
    """Why a plan cannot be signed or applied, as a sentence with what to do."""


def begin_plan(run: SyncRun, lane: Lane, lease: runs.Lease) -> Plan:
    """Begin a run's plan, without rows. What a dead process of the run kept is deleted."""
    for unfinished in Plan.objects.filter(lane=lane, state=State.MAKING):
        _discard(unfinished)
    with transaction.atomic():
        runs.renew(lease)
        return Plan.objects.create(
            lane=lane, run=run, planned_by=run.actor, planned_user=_user_of(run)
        )


def _user_of(run: SyncRun) -> int | None:
    """Return the id of the desk's user who started a run, by which they are known when renamed."""
    if run.trigger != SyncRun.Trigger.ADMIN:
        return None
    user = get_user_model().objects.filter(username=run.actor).first()
    return None if user is None else user.pk


def close(plan: Plan, lease: runs.Lease, expires: datetime) -> Plan:
    """End the making of a plan and return the lane's plan: this one, or the same made before.

    An older plan without a signature is void then. Raise LeaseLost.
    """
    counted = plan.rows.values_list("action").annotate(n=Count("pk"))
    counts = dict(counted.order_by())
    plan.creates, plan.changes = counts.get(Action.CREATE, 0), counts.get(Action.CHANGE, 0)
    plan.archives = counts.get(Action.ARCHIVE, 0)
    plan.unarchives = counts.get(Action.UNARCHIVE, 0)
    plan.digest, plan.expires_at = plan_digest(plan), expires
    plan.state = State.OPEN if plan.writes else State.EMPTY
    _save_requesters(plan, requester_names(plan))
    with transaction.atomic():
        runs.renew(lease)
        older = _locked(lane=plan.lane_id, state=State.OPEN)  # unless it is signed right now
        kept = older if older is not None and _is_same(older, plan) else plan
        if kept is older:
            kept.expires_at = expires
            _save_requesters(kept, [*kept.requesters, *plan.requesters])
            kept.save(update_fields=["expires_at", "asked_by", "asked_users"])
        else:
            if older is not None:
                _void(older, f"Plan {plan.pk} is newer.")
            plan.save()
        SyncRun.objects.filter(pk=plan.run_id).update(plan=kept)
    if kept is older:
        _discard(plan)
    elif older is not None:
        delete_rows(older)
    return kept


def _save_requesters(plan: Plan, names: Iterable[str]) -> None:
    """Note who asked for something in a plan, also by their ids: they may be renamed."""
    found = sorted(set(names))
    users = get_user_model().objects.filter(username__in=found).order_by("pk")
    ids = users.values_list("pk", flat=True) if found else []
    plan.asked_by = "".join(f"\n{name}" for name in found) + "\n" * bool(found)
    plan.asked_users = "".join(f",{pk}" for pk in ids) + "," * bool(ids)


def _locked(**which: object) -> Plan | None:
    """Return the plan that this is true of. No one signs or voids it until the transaction ends."""
    return Plan.objects.select_for_update().filter(**which).first()


def _is_same(older: Plan, plan: Plan) -> bool:
    """Return whether two plans write the same, by the same mapping."""
    return older.digest == plan.digest and older.run.fingerprint == plan.run.fingerprint


def plan_digest(plan: Plan) -> str:
    """Return the digest over the digests of a plan's rows, in their order: 64 hex characters."""
    found = hashlib.sha256()
    for digest in plan.rows.order_by("pk").values_list("digest", flat=True).iterator(CHUNK):
        found.update(digest.encode())
    return found.hexdigest()


def open_plan(lane: Lane) -> Plan | None:
    """Return the lane's plan that waits for a signature and is not expired."""
    plan = Plan.objects.filter(lane=lane, state=State.OPEN).first()
    return None if plan is None or plan.is_expired else plan


def signed_plan(lane: Lane) -> Plan | None:
    """Return the lane's signed plan that waits to be applied and is not expired."""
    plan = Plan.objects.filter(lane=lane, state=State.SIGNED).first()
    return None if plan is None or plan.is_expired else plan


def waiting_plan(lane: Lane | None) -> Plan | None:
    """Return the plan that waits in a lane that needs plans; None without a query in others."""
    if lane is None or lane.plans_for == Lane.PlansFor.NOTHING:
        return None
    return signed_plan(lane) or open_plan(lane)


def sign_fault(plan: Plan, actor: str, user_id: int | None = None) -> str:
    """Return why this person cannot sign a plan; "" if they can."""
    if plan.state != State.OPEN:
        return f"{plan} {plan.state_phrase}: only a plan that waits for a signature can be signed."
    if plan.is_expired:
        return f"{plan} expired at {plan.expires_at:%Y-%m-%d %H:%M} UTC. Make a new one."
    if Person(actor, user_id).is_it(plan.planned_by, plan.planned_user):
        return f"{actor} made {plan}. A second person must sign it."
    if plan.was_requested_by(actor, user_id):
        return f"{actor} asked for something in {plan}. Someone who did not must sign it."
    if (run := _applying(lane=plan.lane_id)) is not None:
        return f"Run {run.pk} applies {run.plan}. Sign {plan} when it has ended."
    return ""


def _applying(**which: object) -> SyncRun | None:
    """Return the active run that applies a plan, of a lane or this one."""
    rows = SyncRun.objects.filter(kind=SyncRun.Kind.APPLY, status__in=SyncRun.ACTIVE, **which)
    return rows.select_related("plan").first()


def sign_plan(plan: Plan, *, actor: str, reason: str, user_id: int | None = None) -> None:
    """Sign a plan. A signed plan of the lane that was not applied is void. Raise PlanError."""
    with transaction.atomic():
        row = Plan.objects.select_for_update().get(pk=plan.pk)
        if fault := sign_fault(row, actor, user_id):
            raise PlanError(fault)
        if not reason.strip():
            raise PlanError("A signature needs a reason.")
        if plan_digest(row) != row.digest:
            raise PlanError(f"The rows of {row} are not those that were planned. Make a new plan.")
        if (earlier := _locked(lane=row.lane_id, state=State.SIGNED)) is not None:
            if fault := sign_fault(row, actor, user_id):  # it is being applied by now
                raise PlanError(fault)
            _void(earlier, f"{actor} signed {row} instead.")
        row.state, row.signed_by, row.sign_reason = State.SIGNED, actor, reason.strip()
        row.signed_user, row.signed_at = user_id, timezone.now()
        row.save()
        admin_log.note(row, f"{actor} signed {row} ({row.digest}): {reason.strip()}", actor=actor)
    plan.refresh_from_db()


def void_plan(plan: Plan, *, actor: str, reason: str) -> None:
    """Void a plan that waits. Raise PlanError."""
    with transaction.atomic():
        row = Plan.objects.select_for_update().get(pk=plan.pk)
        if row.state not in (State.OPEN, State.SIGNED):
            raise PlanError(f"{row} {row.state_phrase}: only a plan that waits can be voided.")
        if (run := _applying(plan=row)) is not None:
            raise PlanError(f"Run {run.pk} applies {row}. Cancel that run first.")
        _void(row, f"{actor}: {reason.strip()}")
        Canvas.objects.outdate()  # they say that a plan waits
        admin_log.note(row, f"{actor} voided {row}: {reason.strip()}", actor=actor)
    plan.refresh_from_db()


def outdate(plan: Plan, why: str) -> None:
    """Void a signed plan that no run applies any more."""
    with transaction.atomic():
        row = _locked(pk=plan.pk, state=State.SIGNED)
        if row is not None and _applying(plan=row) is None:
            _void(row, why)


@contextmanager
def locked(plan: Plan) -> Iterator[Plan]:
    """Lock a plan while a run begins to apply it: after that, no one voids it or signs another."""
    with transaction.atomic():
        yield Plan.objects.select_for_update().get(pk=plan.pk)


def apply_fault(plan: Plan) -> str:
    """Return why a plan cannot be applied; "" if it can."""
    if plan.is_expired:
        return f"{plan} expired at {plan.expires_at:%Y-%m-%d %H:%M} UTC. Make a new one."
    if plan.state == State.EMPTY and plan.applied_run_id is None:
        return ""
    if plan.state != State.SIGNED:
        return f"{plan} {plan.state_phrase}: only a signed plan can be applied."
    return ""


def _void(plan: Plan, why: str) -> None:
    plan.state, plan.void_reason = State.VOID, why
    plan.save(update_fields=["state", "void_reason"])


def _discard(plan: Plan) -> None:
    SyncRun.objects.filter(plan=plan).update(plan=None)
    delete_rows(plan)
    plan.delete()


def delete_rows(plan: Plan) -> None:
    """Delete the rows of a plan that was never signed, some at a time."""
    while chunk := list(plan.rows.order_by("pk").values_list("pk", flat=True)[:CHUNK]):
        plan.rows.filter(pk__lte=chunk[-1]).delete()
