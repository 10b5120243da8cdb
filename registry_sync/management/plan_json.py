"""A plan as `manage.py plan` writes it: see docs/commands.schema.json."""

from __future__ import annotations

from registry_sync import runs
from registry_sync.core.types import Json
from registry_sync.management.plain_text import one_line, time_text
from registry_sync.management.run_json import time_json
from registry_sync.models import Lane, Plan, PlanRow
from registry_sync.runs import schema_view

COUNTS = ("creates", "changes", "archives", "unarchives")
WORDS = {name: f"to {name.removesuffix('s')}" for name in COUNTS}


def plan_json(plan: Plan, names: runs.LaneNames, rows: int | None = None) -> Json:
    """Return a plan with its counts and signature, and with its first rows if `rows` is given."""
    found: Json = {
        "id": plan.pk,
        "lane": names.of(plan.lane) or None,
        "state": "expired" if plan.is_expired else plan.state,
        "planned_by": plan.planned_by or None,
        "asked_by": plan.requesters,
        "made_at": time_json(plan.made_at),
        "expires_at": time_json(plan.expires_at),
        "digest": plan.digest,
        "counts": {name: getattr(plan, name) for name in COUNTS},
        "signed_by": plan.signed_by or None,
        "signed_at": time_json(plan.signed_at),
        "reason": plan.sign_reason or None,
        "applied_run": plan.applied_run_id,
        "void": plan.void_reason or None,
        "rows": None,
    }
    if rows is not None:
        found["rows"] = [_row_json(row, plan.lane) for row in plan.rows.order_by("pk")[:rows]]
    return found


def _row_json(row: PlanRow, lane: Lane) -> Json:
    schema = schema_view(lane)
    return {
        "id": row.external_id,
        "registry_id": row.entity_registry_id or None,
        "name": row.name,
        "action": row.action,
        "values": [
            {
                "field": schema.field_name(field_id),
                "before": None if was is None else schema.text(field_id, was),
                "after": None if now is None else schema.text(field_id, now),
            }
            for field_id, was, now in row.values
        ],
        "outcome": row.get_fate_display(),
    }


def plan_lines(plan: Json, *, several: bool) -> list[str]:
    """Return a plan in lines for people, the first one alone enough for a list."""
    counts = ", ".join(f"{n:,} {WORDS[name]}" for name, n in plan["counts"].items() if n)
    lane = f" of {plan['lane']}" if several else ""
    by = plan["planned_by"] or "the schedule"
    description = f"{counts or 'no writes'}, made by {by} {time_text(plan['made_at'])}."
    lines = [f"Plan {plan['id']}{lane}: {plan['state']}, {description}"]
    if plan["asked_by"]:
        lines.append(f"Something in it was asked for by {', '.join(plan['asked_by'])}.")
    if plan["signed_by"]:
        at = time_text(plan["signed_at"])
        lines.append(f"Signed by {plan['signed_by']} {at}: {plan['reason']}")
    if plan["applied_run"]:
        lines.append(f"Applied by run {plan['applied_run']}.")
    if plan["void"]:
        lines.append(f"Void: {plan['void']}")
    if plan["state"] in ("open", "signed"):
        lines.append(f"Expires {time_text(plan['expires_at'])}.")
    return [*lines, f"Digest {plan['digest']}"]


def row_line(row: Json) -> str:
    """Return a row of a plan in one line."""
    changes = "; ".join(
        f"{change['field']}: {change['before'] or '–'} → {change['after'] or '–'}"
        for change in row["values"]
    )
    return one_line(f"{row['id']} {row['action']} ({row['outcome']}): {changes}")
