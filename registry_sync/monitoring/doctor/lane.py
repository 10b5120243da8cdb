"""Checks of each lane: whether its runs succeed often enough, and how the last one ended."""

from __future__ import annotations

from collections.abc import Callable

from registry_sync import runs
from registry_sync.models import Lane, SyncRun
from registry_sync.monitoring import freshness
from registry_sync.monitoring.doctor.finding import CheckResult, bad, ok, register, warning
from registry_sync.monitoring.lane_runs import runs_of

LANE_CHECKS: dict[str, Callable[[Lane | None], CheckResult]] = {}


@register(LANE_CHECKS, "Schedule")
def check_schedule(lane: Lane | None) -> CheckResult:
    """Check that runs succeed often enough."""
    found = freshness.check_freshness(lane)
    if found.state == "stale":
        return bad(
            f"Runs are {found.text}.",
            "The operator must check that cron starts manage.py sync_registry. The last run's page "
            "says why it did not succeed.",
        )
    if found.state == "never":
        return warning(
            "No run has succeeded yet.",
            "The operator must start one (manage.py sync_registry --dry-run writes nothing), then "
            "set up cron.",
        )
    if found.state == "busy":
        return ok(f"The last good run is old, but {found.text}.")
    return ok(f"The last good run ended at {found.since:%Y-%m-%d %H:%M} UTC.")


@register(LANE_CHECKS, "Last run")
def check_last_run(lane: Lane | None) -> CheckResult:
    """Check that the last run did not fail."""
    last = freshness.counted(lane).exclude(status__in=SyncRun.ACTIVE).first()
    if last is None:
        return _no_counted_run(lane)
    if last.status == SyncRun.Status.FAILED:
        return bad(f"Run {last.pk} failed: {last.error}", last.remedy)
    count = runs.open_errors(lane)[:1000].count() if lane else 0
    return ok(f"It did not fail; {count:,} errors are open.")


def _no_counted_run(lane: Lane | None) -> CheckResult:
    """Report that no run proves yet that the sync works: dry runs, retries and pilots do not."""
    finding = "No run has succeeded yet."
    remedy = "The integration owner must press Sync now, or the operator must start the schedule."
    other = runs_of(lane).exclude(status__in=SyncRun.ACTIVE).order_by("-id").first()
    if other is not None and other.status == SyncRun.Status.FAILED:
        finding += f" Run {other.pk} ({other.kind}) failed: {other.error}"
        remedy = other.remedy or remedy
    return warning(finding, remedy)
