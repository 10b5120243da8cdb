"""A check of where the history of runs goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from registry_sync.benchling.assay_results import SchemaRefuses, result_schema
from registry_sync.benchling.errors import Refused
from registry_sync.benchling.history_target import PROJECT, SCHEMA, HistoryTarget, target_of_items
from registry_sync.monitoring.doctor.check_result import (
    CheckResult,
    bad,
    ok,
    register,
    skipped,
    warning,
)
from registry_sync.monitoring.doctor.tenant import ADMIN, TenantVisit
from registry_sync.reporting import sync_history
from registry_sync.reporting.history_row import TYPES

HISTORY_CHECKS: dict[str, Callable[[TenantVisit], CheckResult]] = {}


@register(HISTORY_CHECKS, "Sync History")
def check_history(visit: TenantVisit) -> CheckResult:
    """Check that a run's result can be created, by a transaction that is aborted."""
    target = target_of_items(visit.listed())
    if target is None:
        return ok(f"No {SCHEMA} is chosen; runs create no results.")
    try:
        schema = result_schema(visit.client, target.schema_id)
        if schema.get("archiveRecord"):
            return bad(
                f"{schema.get('name')}, chosen in {SCHEMA}, is archived.",
                "A Benchling admin must unarchive it, or the integration owner must choose another "
                "one. Runs are not affected.",
            )
        left_out = sync_history.learn_fields(visit.client, target).left_out
    except (Refused, SchemaRefuses) as refusal:
        if isinstance(refusal, Refused) and refusal.is_limit:
            return skipped(f"Not checked: {refusal} Try again later.")
        return bad(f"No result can be created in {SCHEMA}: {refusal}", f"{ADMIN} {CHECK}")
    remarks = list(_remarks(visit, target, left_out))
    if remarks:
        return warning(
            " ".join(remark for remark, _ in remarks), " ".join(act for _, act in remarks)
        )
    return ok(
        f"Results can be created in {schema.get('name')}; it has all {len(TYPES)} fields. A "
        "transaction showed it and was aborted."
    )


CHECK = (
    "Or a Benchling admin must correct the schema: it may require a field that no run fills. Runs "
    "are not affected."
)


def _remarks(
    visit: TenantVisit, target: HistoryTarget, left_out: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield what is not as it should be, each with its remedy."""
    if left_out:
        named = "; ".join(f"{name} ({why.rstrip('.')})" for name, why in left_out.items())
        missing_fields = ", ".join(f"{name} ({TYPES[name]})" for name in left_out)
        yield (
            f"{SCHEMA} does not take these fields, and results are written without them: {named}.",
            f"A Benchling admin must add fields with exactly these system names: {missing_fields}.",
        )
    if not target.project_id:
        yield (
            f"No {PROJECT} is chosen: only the app can read the results.",
            f"The integration owner must choose one in {PROJECT}.",
        )
