"""What scientists read in a canvas: every sentence of it, so that they can be read in one go.

Plain and short, no codes, and each time names its zone.
"""

from __future__ import annotations

import re
from datetime import datetime

from django.utils import timezone

from registry_sync.core.problems import SyncError
from registry_sync.models import Adoption, Drift, EntityError, Installation, LedgerEntry, SyncRun
from registry_sync.reporting.catalogue import record_actor, record_wait, scientist_failure
from registry_sync.reporting.error_groups import groups_with_examples
from registry_sync.runs import estimate

RECORD = "One record's id or name"
RECORD_EXAMPLE = "For example CMP-0042"
ASK = "Ask your integration owner if you need help."
ASK_ADMIN = "Ask a Benchling admin to look at it."
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
    """Write a time as people say it, with its zone; never "today", for a canvas is read later."""
    if when is None:
        return "at an unknown time"
    local = timezone.localtime(when)
    return f"on {local.day} {local:%B %Y} at {local:%H:%M} {local:%Z}"


def plain(text: str) -> str:
    """Take out of a sentence what only an integration owner reads: paths, ids, statuses."""
    return " ".join(re.sub(r"\s*\((path [^)]*|[a-z]+_\w+|\d{3})\)", "", text).split())


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
        f"{plain(installation.config_fault)}"
    )


def starter(run: SyncRun) -> str:
    """Name who or what started a run."""
    return f"by {run.actor}" if run.actor else "by the schedule"


def underway(run: SyncRun, *, left: str) -> str:
    """Say who syncs, since when and how far."""
    begun = f"running since {moment(run.started_at)[3:]}" if run.started_at else "about to begin"
    what = "Looking at what would change" if run.dry_run else "Syncing"
    if run.kind == SyncRun.Kind.RETRY:
        what = "Trying again what was refused"
    lines = [f"**{what}**, started {starter(run)}, {begun}."]
    if run.paused_at:
        lines.append(f"Paused by {run.paused_by} {moment(run.paused_at)}: {run.paused_reason}")
    elif run.waiting_until and run.waiting_until > timezone.now():
        lines.append(
            "It waits, because only so many records an hour may be written to Benchling, and goes "
            f"on by itself {moment(run.waiting_until)}."
        )
    if run.read:
        of_all = f" of {run.source_total:,}" if run.source_total and run.reads_all else ""
        lines.append(f"{run.read:,}{of_all} records done. {left}".strip())
    return " ".join(lines)


def ended(run: SyncRun) -> str:
    """Say how a run ended, in two sentences."""
    when = moment(run.finished_at)
    if run.dry_run and run.status in SyncRun.GOOD:
        return previewed(run)
    retry = run.kind == SyncRun.Kind.RETRY
    what = "preview" if run.dry_run else "retry" if retry else "sync"
    if run.status == SyncRun.Status.FAILED:
        return f"**The last {what} failed** {when}. {failure(run)}"
    if run.status == SyncRun.Status.CANCELLED:
        return f"**The last {what} was cancelled** {when}. {run.error.rstrip('.')}."
    if retry:
        came = changes(run) if run.read else "There was none left to try."
        who = f"Of what was refused, {_names(run.only)}" if run.only else "What was refused"
        was = "were" if len(run.only) > 1 else "was"
        return (
            f"**{who} {was} tried again** {when}, started {starter(run)}; the registry was not "
            f"asked for anything newer. {came}"
        )
    if run.only:
        return f"**Synced {_names(run.only)} only** {when}, started {starter(run)}. {changes(run)}"
    good = run.status == SyncRun.Status.SUCCEEDED
    head = "**Up to date**" if good else "**Synced, with warnings,**"
    return f"{head} as of {when[3:]}, started {starter(run)}. {changes(run)}"


def _names(external_ids: list[str]) -> str:
    more = len(external_ids) - FIVE
    return ", ".join(external_ids[:FIVE]) + (f" and {more:,} more" if more > 0 else "")


def failure(run: SyncRun) -> str:
    """Say why a run failed, and whom to ask."""
    return scientist_failure(run.error_code, run.error_kind, plain(run.error))


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
    """List the first causes of what needs attention, grouped and counted, and whom to ask."""
    found = []
    for group, first in groups_with_examples(run.lane, most=FIVE):
        records = f"{group.count:,} records" if group.count > 1 else "1 record"
        example = "For example: " if group.count > 1 else ""
        ask = record_actor(first.kind, first.assigned).ask
        found.append(f"- **{records}: {group.title}.** {example}{plain(first.message)} {ask}")
    return found + [f"- {plain(w['text'])}" for w in run.warnings][: FIVE - len(found)]


def started(run: SyncRun) -> str:
    if run.dry_run:
        return "Your preview was started."
    if run.kind == SyncRun.Kind.RETRY:
        return "What had failed is tried again."
    return "Your sync was started."


def attached(run: SyncRun, wanted: str) -> str:
    """Say that a run which was there already is shown, and whether it does what was wanted."""
    what = "A preview" if run.dry_run else "A sync"
    said = f"{what} is already running, started {starter(run)}: you see it here"
    if run.dry_run == (wanted == SyncRun.Kind.DRY_RUN):
        return f"{said}, and no second one begins."
    return f"{said}. Press again once it has ended."


def unknown_button() -> str:
    return "This button is not known any more. The canvas was drawn anew."


def nothing_typed() -> str:
    return "Type the id or the name of one record first."


def trouble() -> str:
    return (
        "Something went wrong on our side with what you pressed. Press Refresh and look below "
        f"before you press it again. {ASK}"
    )


def left(run: SyncRun, per_hour: int) -> str:
    return estimate.said(run, per_hour=per_hour)


# -- one record ----------------------------------------------------------------------------------


def record_here(entry: LedgerEntry, run: SyncRun | None) -> str:
    """Say since when a record is in Benchling as it is, and which run brought it."""
    said = f"**{entry.external_id}** is in Benchling as “{entry.name}”"
    if run is None:
        return f"{said}."
    when = moment(run.finished_at or run.started_at)
    return f"{said}, last written {when} by sync {run.pk}, started {starter(run)}."


def record_archived() -> str:
    return "It is archived in Benchling; a Benchling admin can bring it back."


def record_refused(error: EntityError, *, is_there: bool) -> str:
    """Say why a record is not up to date, and what it waits for or who must act."""
    waits = record_wait(error.waits_for).scientist.format(key=error.waits_key)
    waits = waits or record_actor(error.kind).ask
    what = "Its newest version" if is_there else error.external_id
    return f"**{what} is not in Benchling.** {plain(error.message)} {waits}"


def record_namesake(error: EntityError) -> str:
    """Say that another record wants the name that was looked up, and why it has it not."""
    return f"Another record wants this name. {record_refused(error, is_there=False)}"


def more_namesakes(count: int) -> str:
    return f"{count:,} more {'wants' if count == 1 else 'want'} this name."


def record_adoption(row: Adoption) -> str:
    """Say that an entity was there before, and what becomes of it."""
    whose = f"{row.entity_registry_id or 'An entity'} (“{row.name}”)"
    if row.state == Adoption.State.APPROVED:
        return f"The next sync takes over {whose}, which was in Benchling before."
    if row.how == Adoption.How.ARCHIVED:
        return f"{whose} was in Benchling before and is archived. {ASK_ADMIN}"
    return f"{whose} was in Benchling before: your integration owner decides what becomes of it."


def record_drift(row: Drift) -> str:
    return f"Its {row.field} was changed in Benchling {moment(row.modified_at)}."


def record_unknown(external_id: str) -> str:
    return f"The registry has no record “{external_id}”, or does not show it to us."


def record_only_there(external_id: str) -> str:
    return f"**{external_id}** is in the registry, and not in Benchling yet."


def record_newer() -> str:
    return "The registry has a newer version, which the next sync brings."


def record_same(*, refused: bool) -> str:
    if refused:
        return "The registry has not changed it since."
    return "The registry has nothing newer."


def registry_silent(error: SyncError) -> str:
    return scientist_failure(error.code, error.kind, "The registry could not be reached.")


def only_lists() -> str:
    return (
        "This registry gives only its whole list, so one record alone can be neither asked for nor "
        "synced. Press Manual Sync to bring everything up to date."
    )
