"""What scientists read in a canvas: every sentence of it, so that they can be read in one go.

Plain and short, no codes, and each time names its zone.
"""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from . import app_status, estimate
from .models import Installation, SyncRun

ASK = "Ask your integration owner if you need help."
BUTTONS = {
    "manual_sync": "Manual Sync",
    "preview": "Preview",
    "retry_failed": "Retry failed",
    "refresh": "Refresh",
    "look_up": "Look up",
    "sync_one": "Sync just this one",
}


def moment(when: datetime | None) -> str:
    """Write a time as people say it, with its zone."""
    if when is None:
        return "an unknown time"
    local = timezone.localtime(when)
    today = local.date() == timezone.localdate()
    day = "today" if today else f"on {local.day} {local:%B %Y}"
    return f"{day} at {local:%H:%M} {local:%Z}"


def title() -> str:
    return "### Registry Sync"


def never() -> str:
    return "The registry was never synced into Benchling. Press **Manual Sync** to begin."


def deactivated(installation: Installation) -> str:
    return (
        f"Registry Sync was switched off in Benchling {moment(installation.deactivated_at)}. "
        "A Benchling admin can switch it on again."
    )


def misconfigured(installation: Installation) -> str:
    return (
        "Registry Sync cannot run until its configuration is put right. "
        f"{installation.config_fault} {ASK}"
    )


def underway(run: SyncRun, who: str, *, left: str) -> str:
    """Say who syncs, since when and how far."""
    begun = f"since {moment(run.started_at)}" if run.started_at else "waiting for its turn"
    started = f"started by {who}" if who else "started by the schedule"
    what = "Looking what would change" if run.dry_run else "Syncing"
    lines = [f"**{what}** ({started}, {begun})."]
    if run.paused_at:
        lines.append(f"Paused by {run.paused_by} {moment(run.paused_at)}: {run.paused_reason}")
    elif run.waiting_until and run.waiting_until > timezone.now():
        lines.append(
            "Benchling takes no more at the moment; it goes on by itself "
            f"{moment(run.waiting_until)}."
        )
    elif run.read:
        of_all = f" of {run.source_total:,}" if run.source_total and run.reads_all else ""
        lines.append(f"{run.read:,}{of_all} records done. {left}".strip())
    return " ".join(lines)


def ended(run: SyncRun, who: str) -> str:
    """Say how a run ended, in two sentences."""
    when = moment(run.finished_at)
    if run.dry_run and run.status in SyncRun.GOOD:
        return previewed(run)
    what = "preview" if run.dry_run else "sync"
    if run.status == SyncRun.Status.FAILED:
        return f"**The last {what} failed** {when}. {run.error} {run.remedy}"
    if run.status == SyncRun.Status.CANCELLED:
        return f"**The last {what} was cancelled** {when}. {run.error}"
    good = run.status == SyncRun.Status.SUCCEEDED
    head = "**Up to date** as of" if good else "**Synced, with warnings,** as of"
    by = f" (started by {who})" if who else ""
    return f"{head} {when}{by}. {changes(run)}"


def changes(run: SyncRun) -> str:
    """Say what a run changed."""
    parts = [f"{n:,} {word}" for n, word in ((run.created, "new"), (run.updated, "changed")) if n]
    if run.failed:
        parts.append(f"{run.failed:,} refused")
    return f"{', '.join(parts).capitalize()}." if parts else "Nothing had changed."


def previewed(run: SyncRun) -> str:
    """Say what a preview found."""
    if not (run.created or run.updated or run.failed):
        return f"**Preview** {moment(run.finished_at)}: nothing would change."
    return (
        f"**Preview** {moment(run.finished_at)}: {run.created:,} would be created, "
        f"{run.updated:,} changed, {run.failed:,} refused. Nothing was written."
    )


def attention(run: SyncRun) -> list[str]:
    """List the first causes of what needs somebody's attention."""
    found = [f"- {cause}" for cause in app_status.causes(run.lane)]
    return found + [f"- {warning['text']}" for warning in run.warnings][: 5 - len(found)]


def started(run: SyncRun) -> str:
    if run.dry_run:
        return "Your preview was started."
    if run.kind == SyncRun.Kind.RETRY:
        return "What had failed is tried again."
    return "Your sync was started."


def attached(run: SyncRun, who: str) -> str:
    """Say that somebody else's run is shown."""
    by = f"by {who}" if who else "by the schedule"
    return f"A sync is already running (started {by}): you see it here, and no second one begins."


def unknown_button() -> str:
    return "This button is not known any more. The canvas was drawn anew."


def nothing_typed() -> str:
    return "Type the id or the name of one record first."


def trouble() -> str:
    return f"Something went wrong on our side; nothing was lost. Press Refresh to try again. {ASK}"


def left(run: SyncRun, per_hour: int) -> str:
    return estimate.said(run, per_hour=per_hour)
