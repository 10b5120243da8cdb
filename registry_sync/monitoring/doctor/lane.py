"""Checks of each lane: whether its runs succeed often enough, and how the last one ended."""

from __future__ import annotations

from collections.abc import Callable

from registry_sync import runs
from registry_sync.core.text import are, number_of
from registry_sync.models import Lane, SyncRun, Withdrawal
from registry_sync.monitoring import freshness
from registry_sync.monitoring.doctor.check_result import CheckResult, bad, ok, register, warning
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
    last = freshness.counted_runs(lane).exclude(status__in=SyncRun.ACTIVE).first()
    if last is None:
        return _no_counted_run(lane)
    if last.status == SyncRun.Status.FAILED:
        return bad(f"Run {last.pk} failed: {last.error}", last.remedy)
    count = runs.open_errors(lane)[:1000].count() if lane else 0
    return ok(f"It did not fail; {number_of(count, 'error')} {are(count)} open.")


@register(LANE_CHECKS, "Withdrawals")
def check_withdrawals(lane: Lane | None) -> CheckResult:
    """Check that nothing that left the registry waits for someone, or was refused by Benchling."""
    if lane is None:
        return ok("No lane is known yet.")
    if lane.archive_fault:
        return bad(
            f"The last archive failed with the reason “{lane.withdrawn_reason}”: "
            f"{lane.archive_fault}",
            "A Benchling admin must allow the reason or give the app the permission, or the "
            "integration owner must choose another reason on the lane's page.",
        )
    open_rows = lane.withdrawals.filter(closed_at__isnull=True)
    if staged := open_rows.filter(state=Withdrawal.State.STAGED).count():
        return warning(
            f"{number_of(staged, 'withdrawal')} wait for a decision.",
            "The integration owner must archive or keep the entities under Withdrawals.",
        )
    policy = lane.get_withdrawn_policy_display()
    return ok(f"The policy is: {policy}. {number_of(open_rows.count(), 'withdrawal')} open.")


def _no_counted_run(lane: Lane | None) -> CheckResult:
    """Report that no run proves yet that the sync works: dry runs, retries and pilots do not."""
    finding = "No run has succeeded yet."
    remedy = "The integration owner must press Sync now, or the operator must start the schedule."
    other = runs_of(lane).exclude(status__in=SyncRun.ACTIVE).order_by("-id").first()
    if other is not None and other.status == SyncRun.Status.FAILED:
        finding += f" Run {other.pk} ({other.kind}) failed: {other.error}"
        remedy = other.remedy or remedy
    return warning(finding, remedy)
