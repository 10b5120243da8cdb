"""Every sentence that scientists read in a canvas about runs; record_text has those on a record.

Plain and short, without codes. Every time names its zone.
"""

from __future__ import annotations

import re
from datetime import datetime

from django.utils import timezone

from registry_sync import runs
from registry_sync.canvas.markdown import escaped
from registry_sync.models import Installation, SyncRun
from registry_sync.reporting.catalogue import record_actor, run_wait, scientist_failure
from registry_sync.reporting.error_groups import groups_with_examples
from registry_sync.runs.rhythm import Rhythm
from registry_sync.runs.workers import Queues

HEADING = "### Registry Sync"
RECORD = "One record's id or name"
RECORD_EXAMPLE = "For example CMP-0042"
LANE = "What to sync"
EVERY_LANE = "Everything"
ASK = "Ask your integration owner if you need help."
SCHEDULE_LATE = "that the scheduled syncs of Registry Sync have stopped"
FIVE = 5
BUTTONS = {
    "manual_sync": "Manual Sync",
    "preview": "Preview",
    "retry_failed": "Retry failed",
    "refresh": "Refresh",
    "look_up": "Look up",
    "sync_one": "Sync just this one",
}


def moment(when: datetime | None) -> str:
    """Return a time in words, with its zone. It is never "today": a canvas is also read later."""
    if when is None:
        return "at an unknown time"
    local = timezone.localtime(when)
    return f"on {local.day} {local:%B %Y} at {local:%H:%M} {local:%Z}"


def without_codes(text: str) -> str:
    """Return a sentence without what only an integration owner needs: paths, codes, statuses.

    It is text of others, and escaped as Markdown.
    """
    return escaped(re.sub(r"\s*\((path [^)]*|[a-z]+_\w+|\d{3})\)", "", text))


def of_lane(name: str, text: str) -> str:
    """Return a sentence about one lane, under its name; as it is where there is no name."""
    return f"**{escaped(name)}:** {text}" if name else text


def never_of_lane(*, can_run: bool = True) -> str:
    return f"Never synced.{' Press **Manual Sync** to start its first sync.' if can_run else ''}"


def known_nowhere(typed: str) -> str:
    return f"No registry has a record “{escaped(typed)}” that Registry Sync can see."


def never(*, can_run: bool = True) -> str:
    """Return that no sync has begun, and how one is, if the app is able to run."""
    how = " Press **Manual Sync** to start the first sync." if can_run else ""
    return f"The registry has never been synced into Benchling.{how}"


def deactivated(installation: Installation) -> str:
    return (
        f"Registry Sync was switched off in Benchling {moment(installation.deactivated_at)}. "
        "A Benchling admin can switch it on again."
    )


def misconfigured(installation: Installation) -> str:
    return (
        "Registry Sync cannot run until its configuration is corrected. "
        f"{without_codes(installation.config_fault)}"
    )


def unattended(queues: Queues, rhythm: Rhythm | None) -> str:
    """Return that a request is kept, who is missing, and when it starts."""
    schedule = "the next scheduled sync"
    if rhythm is not None and not rhythm.overdue:
        schedule += f", expected {moment(rhythm.expected_at)}"
    if not queues.is_used:
        late = rhythm is not None and rhythm.overdue
        overdue = f" It is overdue. Tell your integration owner {SCHEDULE_LATE}." if late else ""
        return f"**Your request is kept.** It starts with {schedule}.{overdue}"
    missing = "its queue (Redis) does not answer" if queues.trouble else "its worker is not running"
    then = "It starts automatically when that is corrected"
    then += f", or with {schedule}." if rhythm is not None and not rhythm.overdue else "."
    return (
        "**Your request is kept, but no one is working on it at the moment.** Tell your "
        f"integration owner that Registry Sync is waiting: {missing}. {then}"
    )


def starter(run: SyncRun) -> str:
    """Return who or what started a run."""
    return f"by {escaped(runs.started_by(run))}"


def run_underway(run: SyncRun, *, left: str, attended: bool = True, queued: str = "") -> str:
    """Return who started the run, when, and how far it is.

    `left` is an estimate in words, `queued` what is worked before it.
    """
    begun = queued or ("about to start" if attended else "not begun yet")
    if run.started_at:
        since = moment(run.started_at)
        begun = f"running since {since[3:]}" if attended else f"begun {since} and interrupted"
    activity = "Previewing the changes" if run.dry_run else "Syncing"
    if run.kind == SyncRun.Kind.RETRY:
        activity = "Retrying failed records"
    elif run.only and not run.dry_run:
        activity = f"Syncing {_names(run.only)} only"
    lines = [f"**{activity}**, started {starter(run)}, {begun}."]
    if run.paused_at:
        who, why = escaped(run.paused_by), escaped(run.paused_reason)
        lines.append(f"Paused by {who} {moment(run.paused_at)}: {why}")
    elif run.waiting_until and run.waiting_until > timezone.now():
        wait = run_wait(run.waiting_code)
        lines.append(wait.scientist.format(when=moment(run.waiting_until)))
    elif runs.waits_for_turn(run):
        lines.append(f"It is waiting for {escaped(run.waiting_for)}.")
    if run.read:
        of_all = f" of {run.source_total:,}" if run.source_total and run.reads_all else ""
        noun = "record" if (run.source_total if of_all else run.read) == 1 else "records"
        lines.append(f"{run.read:,}{of_all} {noun} done. {left}".strip())
    return " ".join(lines)


def ended(run: SyncRun) -> str:
    """Return how the last run of its kind ended, in two sentences."""
    when = moment(run.finished_at)
    if run.dry_run and run.status in SyncRun.GOOD:
        return previewed(run)
    retry = run.kind == SyncRun.Kind.RETRY
    noun = "preview" if run.dry_run else "retry" if retry else "sync"
    if run.status == SyncRun.Status.FAILED:
        return f"**The last {noun} failed** {when}. {failure(run)}"
    if run.status == SyncRun.Status.CANCELLED:
        return f"**The last {noun} was cancelled** {when}. {escaped(run.error.rstrip('.'))}."
    if retry:
        changed = changes(run) if run.read else "There were no failed records left."
        who = _names(run.only) if run.only else "failed records"
        return (
            f"**Retried {who}** {when}, started {starter(run)}. The registry was not asked for "
            f"newer versions. {changed}"
        )
    if run.only:
        return f"**Synced {_names(run.only)} only** {when}, started {starter(run)}. {changes(run)}"
    good = run.status == SyncRun.Status.SUCCEEDED
    head = "**Up to date**" if good else "**Synced, with warnings,**"
    if remaining := runs.outstanding(run.lane, run if run.moves_watermark else None):
        return (
            f"**The mapping was changed** {moment(remaining.version.at)}. The next sync must still "
            f"change {remaining.records} in Benchling. The last sync was {when}, started "
            f"{starter(run)}. {changes(run)}"
        )
    settled = "" if good or not are_refusals_settled(run) else " None of them is refused any more."
    return f"{head} as of {when[3:]}, started {starter(run)}. {changes(run)}{settled}"


def are_refusals_settled(run: SyncRun) -> bool:
    """Return whether a run refused records, and none is refused any more."""
    return bool(run.failed) and run.lane is not None and not runs.open_errors(run.lane).exists()


def _names(external_ids: list[str]) -> str:
    more = len(external_ids) - FIVE
    return ", ".join(map(escaped, external_ids[:FIVE])) + (
        f" and {more:,} more" if more > 0 else ""
    )


def failure(run: SyncRun) -> str:
    """Return why a run failed, and whom to ask."""
    return scientist_failure(run.error_code, run.error_kind, without_codes(run.error))


def changes(run: SyncRun) -> str:
    """Return what a run changed."""
    parts = [f"{n:,} {word}" for n, word in ((run.created, "new"), (run.updated, "changed")) if n]
    if run.failed:
        parts.append(f"{run.failed:,} refused")
    if run.archived:
        parts.append(f"{run.archived:,} archived")
    return f"{', '.join(parts).capitalize()}." if parts else "Nothing had changed."


def previewed(run: SyncRun) -> str:
    """Return what a preview found."""
    if not (run.created or run.updated or run.failed or run.archived):
        return f"**Preview** {moment(run.finished_at)}: nothing would change."
    archived = f", {run.archived:,} archived" if run.archived else ""
    return (
        f"**Preview** {moment(run.finished_at)}: {run.created:,} would be created, "
        f"{run.updated:,} changed, {run.failed:,} refused{archived}. Nothing was written."
    )


def attention(run: SyncRun) -> list[str]:
    """Return the first causes that need attention, counted, each with an example and who acts."""
    found = []
    for group, first in groups_with_examples(run.lane, most=FIVE):
        records = f"{group.count:,} records" if group.count > 1 else "1 record"
        example = "For example: " if group.count > 1 else ""
        ask = record_actor(first.code, first.kind, first.assigned).ask
        message = without_codes(first.message)
        found.append(f"- **{records}: {escaped(group.title)}.** {example}{message} {ask}")
    return found + [f"- {without_codes(w['text'])}" for w in run.warnings][: FIVE - len(found)]


def started(run: SyncRun) -> str:
    if run.dry_run:
        return "Your preview has started."
    if run.kind == SyncRun.Kind.RETRY:
        return "The failed records are being retried."
    return "Your sync has started."


def joined_run(run: SyncRun) -> str:
    """Return that a run which reads after the press does what was wanted."""
    if run.is_active:
        return f"{_running(run)}. It is shown here, and no second one was started."
    noun = "preview" if run.dry_run else "sync"
    return f"A {noun} that began after your press has already finished."


def follows(run: SyncRun) -> str:
    """Return that what was wanted begins when the active run has ended."""
    return (
        f"{_running(run)}. Your request is queued after the one under way and starts automatically."
    )


def kept() -> str:
    return "Your request is kept until the sync under way has ended."


def shown_instead(run: SyncRun) -> str:
    """Return that the active run is shown instead of a preview."""
    return f"{_running(run)}. It is shown here. Press the button again when it has finished."


def _running(run: SyncRun) -> str:
    noun = "A preview" if run.dry_run else "A sync"
    return f"{noun} is already running, started {starter(run)}"


def unknown_button() -> str:
    return "This button is no longer available. The canvas has been refreshed."


def looking(typed: str) -> str:
    return f"Looking up “{escaped(typed)}” in Benchling and in the registry …"


def nothing_typed() -> str:
    return "Enter the id or the name of one record first."


def trouble() -> str:
    return (
        "Something went wrong in Registry Sync. Press Refresh and check the state below before "
        f"you try again. {ASK}"
    )


def only_lists() -> str:
    return (
        "This registry can only be read as a whole, so a single record can be neither looked up "
        "nor synced. Press Manual Sync to bring everything up to date."
    )
