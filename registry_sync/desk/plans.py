"""A plan as its page shows it: its state, its rows, and what this user can do with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.text import get_text_list

from registry_sync.models import Lane, Plan, PlanRow
from registry_sync.runs import SchemaView, schema_view
from registry_sync.sync.plans import lifecycle
from registry_sync.sync.plans.proposals import SIGN

APPLY = "registry_sync.add_syncrun"
PAGE = 100
WORDS = {"create": "creates", "change": "changes", "archive": "archives", "unarchive": "unarchives"}
NO_PASSWORD = (
    "You log in by a directory and have no password here, so you cannot sign. An administrator "
    "gives you one under Users, or someone else signs."
)
SIGN_TITLE = dict(Plan._meta.permissions)["sign_plan"]
"""The permission to sign, as the page of a user or a group shows it."""
MAY_NOT = f"You may read this plan. Signing it needs the permission “{SIGN_TITLE}”."
MAY_NOT_APPLY = (
    "The next scheduled run applies this plan. To apply it now needs the permission to start runs."
)
PILLS = {
    Plan.State.OPEN: ("active", "…"), Plan.State.SIGNED: ("active", "✎"),
    Plan.State.APPLIED: ("good", "✓"), Plan.State.EMPTY: ("good", "✓"),
    Plan.State.VOID: ("quiet", "–"), Plan.State.MAKING: ("active", "…"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shown:
    """A row as people read it: its values as field, before and after."""

    row: PlanRow
    values: list[tuple[str, str, str]]


def shown(rows: Iterable[PlanRow], plan: Plan) -> list[Shown]:
    """Return rows with the names of fields and the labels of options."""
    schema = schema_view(plan.lane)
    return [Shown(row, [_value(schema, *value) for value in row.values]) for row in rows]


def _value(schema: SchemaView, field_id: str, was: Any, now: Any) -> tuple[str, str, str]:
    return schema.field_name(field_id), schema.text(field_id, was), schema.text(field_id, now)


def matching_rows(plan: Plan, text: str, action: str, *, left: bool) -> QuerySet[PlanRow]:
    """Return the rows that a search names: by id, registry id or a part of the name."""
    rows = plan.rows.order_by("pk")
    if text:
        named = Q(external_id__icontains=text) | Q(entity_registry_id__icontains=text)
        rows = rows.filter(named | Q(name__icontains=text))
    if action in WORDS:
        rows = rows.filter(action=action)
    return rows.exclude(fate=PlanRow.Fate.WRITTEN) if left else rows


def state_of(plan: Plan) -> tuple[str, str, str]:
    """Return a plan's state as a pill's class, its sign and its words."""
    if plan.is_expired:
        return "quiet", "–", f"expired at {plan.expires_at:%Y-%m-%d %H:%M} UTC"
    return (*PILLS[Plan.State(plan.state)], plan.get_state_display())


def written_share(plan: Plan) -> str:
    """Return how much of an applied plan was written; "" for others."""
    if plan.state != Plan.State.APPLIED:
        return ""
    done = plan.rows.filter(fate=PlanRow.Fate.WRITTEN).count()
    return f"{done:,} of {plan.writes:,} {'was' if done == 1 else 'were'} written"


def sign_hindrance(request: HttpRequest, plan: Plan) -> str:
    """Return why this user cannot sign a plan; "" if they can."""
    user = request.user
    if plan.state != Plan.State.OPEN:
        return ""
    if fault := lifecycle.sign_fault(plan, user.get_username(), user.pk):
        return fault
    if not user.has_perm(SIGN):
        return MAY_NOT
    return NO_PASSWORD if isinstance(user, AnonymousUser) or not user.has_usable_password() else ""


def not_signers(plan: Plan) -> str:
    """Return who may not sign a plan, and why, as a list in words; "" if no one is known."""
    planner = [f"{plan.planned_by}, who made it"] if plan.planned_by else []
    names = [name for name in plan.requesters if name != plan.planned_by]
    requesters = [f"{get_text_list(names, 'and')}, who asked for something in it"] if names else []
    return ", and ".join([*planner, *requesters])


def apply_hindrance(request: HttpRequest, plan: Plan) -> str:
    """Return why this user cannot apply a signed plan; "" if they can."""
    if plan.state != Plan.State.SIGNED:
        return ""
    return lifecycle.apply_fault(plan) or ("" if request.user.has_perm(APPLY) else MAY_NOT_APPLY)


def known_count(plan: Plan, text: str, action: str, *, left: bool) -> int | None:
    """Return how many rows a search finds where that is known without counting; else None."""
    if text or left or plan.state == Plan.State.MAKING:
        return None
    return int(getattr(plan, WORDS[action])) if action in WORDS else plan.writes


def unsigned(plan: Plan) -> str:
    """Return what becomes of a plan's rows if no one signs it."""
    needed = plan.lane.plans_for
    if needed == Lane.PlansFor.NOTHING:
        return "The next run writes these changes all the same: the lane needs no plans."
    if needed == Lane.PlansFor.EVERYTHING:
        return "Nothing of it is written: the lane needs a plan for everything."
    return f"Runs write only what needs no plan: the lane needs plans for {needed}."


def can_sign(request: HttpRequest, plan: Plan) -> bool:
    """Return whether the form to sign is shown."""
    return plan.state == Plan.State.OPEN and not sign_hindrance(request, plan)


def can_apply(request: HttpRequest, plan: Plan) -> bool:
    """Return whether the button to apply is shown."""
    return plan.state == Plan.State.SIGNED and not apply_hindrance(request, plan)


def is_password(request: HttpRequest, password: str) -> bool:
    """Return whether this is the user's password; a wrong one counts as at login."""
    user = authenticate(request, username=request.user.get_username(), password=password)
    return user is not None and user.pk == request.user.pk
