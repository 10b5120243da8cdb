"""Where a run starts: in which phase, and from when it reads, or why it reads everything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from registry_sync import runs
from registry_sync.benchling.client import Client
from registry_sync.benchling.errors import Refused
from registry_sync.models import Lane, SyncRun
from registry_sync.reporting import app_status
from registry_sync.reporting.redaction import secret_mark
from registry_sync.source.completeness.reading import Reading
from registry_sync.source.watermark import next_since
from registry_sync.sync import rebuild, run_verdict
from registry_sync.sync.context import RunContext
from registry_sync.sync.filter_check import why_all

NO_CHANGES = "the registry's settings name no way to ask for changes only"
UNREAD = ("registry_paging", "page_repeats")
"""Failures of reading pages, after which earlier runs may have read too few as well."""


@dataclass(frozen=True, slots=True)
class Start:
    """From where to read: `since`, or None and the reason why everything is read.

    `watermark` and `record` are those of the run this one goes on from; the record must come
    back, or the source has gone back in time.
    """

    since: datetime | None
    full_reason: str = ""
    watermark: datetime | None = None
    record: str = ""
    last_full_at: datetime | None = None


def begin(ctx: RunContext, full_reason: str) -> None:
    """Save from where the run reads, under the lease; `full_reason`: why everything, if known."""
    run = ctx.run
    if full_reason:
        run.reads_all, run.full_reason = True, full_reason
    start = _starting_point(ctx)
    kind = run.kind
    if kind == SyncRun.Kind.INCREMENTAL and start.since is None and not run.only:
        kind = SyncRun.Kind.FULL
    reads_all = start.since is None and not run.only and kind != SyncRun.Kind.RETRY
    runs.save_columns(
        run,
        ctx.lease,
        lane=ctx.lane,
        kind=kind,
        since=start.since,
        reads_all=reads_all,
        full_reason=start.full_reason if reads_all else "",
        watermark=start.watermark,
        watermark_record=start.record,
        expected_record=start.record,
        last_full_at=run.created_at if reads_all else start.last_full_at,
        fingerprint=ctx.setup.mapping.fingerprint,
        mapping=_mapping_used(ctx),
        position=None,
        server_date=None,
        source_total=None,
        reading=Reading.of(run.reading).afresh().kept(),
        older=0,
        phase=_first_phase(ctx.lane, kind, drift=reads_all and not full_reason),
    )
    if reads_all and not full_reason:
        runs.log(run, "INFO", f"Everything is read: {start.full_reason}.")


def _mapping_used(ctx: RunContext) -> dict[str, Any]:
    """Describe the mapping; one that this run used before is kept, by its fingerprint."""
    used, run = ctx.setup.summary(), ctx.run
    used["key_mark"] = secret_mark(ctx.setup.config.api_key)
    if run.fingerprint and run.fingerprint != ctx.setup.mapping.fingerprint:
        before = dict(run.mapping)
        used["earlier"] = {**before.pop("earlier", {}), run.fingerprint: before}
    elif "earlier" in run.mapping:
        used["earlier"] = run.mapping["earlier"]
    return used


def _first_phase(lane: Lane, kind: str, *, drift: bool) -> str:
    if rebuild.needed(lane):
        return SyncRun.Phase.REBUILD
    if kind in (SyncRun.Kind.FULL, SyncRun.Kind.APPLY) and drift:
        return SyncRun.Phase.DRIFT
    return after_looking(kind)


def after_looking(kind: str) -> str:
    """Return the phase that follows once the ledger knows what Benchling holds."""
    return SyncRun.Phase.RETRY if kind == SyncRun.Kind.RETRY else SyncRun.Phase.PULL


def _starting_point(ctx: RunContext) -> Start:
    """Decide how much a run reads."""
    run, setup, full_after = ctx.run, ctx.setup, ctx.terms.full_after
    incremental = setup.connector.incremental
    previous = _previous(ctx)
    if run.reads_all or run.kind == SyncRun.Kind.FULL:
        return Start(None, run.full_reason or "a full run was asked for")
    if incremental is None or (why := why_all(setup.connector, ctx.lane)):
        return Start(None, why if incremental else NO_CHANGES)
    if run.since_asked is not None:
        kept = previous.watermark if previous else None
        return Start(run.since_asked, watermark=kept)
    if previous is None:
        return Start(None, "this is the lane's first run")
    if previous.fingerprint != setup.mapping.fingerprint[: len(previous.fingerprint)]:
        return Start(None, "the mapping or the Benchling schema has changed")
    if previous.doubt:
        return Start(None, previous.doubt)
    if previous.watermark is None:
        return Start(None, "no point in the registry's time is known to start from")
    if previous.full_at is None or timezone.now() - previous.full_at > full_after:
        return Start(None, f"the last full run is more than {full_after.days} days old")
    if run.kind == SyncRun.Kind.APPLY and run.plan and run.plan.run.since is None:
        return Start(None, "the plan was made of everything")
    overlap = incremental.overlap_without_times if previous.timeless else incremental.overlap
    granularity = incremental.granularity
    since = next_since(previous.watermark, overlap, granularity, held=previous.held)
    if run.kind == SyncRun.Kind.APPLY and run.plan and run.plan.run.since is not None:
        since = min(since, run.plan.run.since)  # what the plan has read is read again
    return Start(
        since,
        watermark=previous.watermark,
        record=previous.record,
        last_full_at=previous.full_at,
    )


@dataclass(frozen=True, slots=True)
class Previous:
    """The last good run, from the database or from its App Status session."""

    watermark: datetime | None
    fingerprint: str
    full_at: datetime | None
    record: str = ""
    doubt: str = ""
    held: bool = False
    """Its list moved in each reading, and `watermark` is its own `since`."""
    timeless: bool = False
    """No record had a time that set `watermark`, so nothing shows in which zone filters read it."""


def _previous(ctx: RunContext) -> Previous | None:
    last = ctx.last_good
    if last is not None:
        return Previous(
            watermark=last.watermark,
            fingerprint=last.fingerprint,
            full_at=last.last_full_at,
            record=last.watermark_record,
            timeless=not last.watermark_record,
            doubt=_doubt(last),
            held=bool(last.reading.get("held")),
        )
    return _from_session(ctx.lane, ctx.client)


def _doubt(last: SyncRun) -> str:
    """Return why the last good run, or one that failed since, left records unread; or ""."""
    is_held_back = bool(last.reading.get("held"))
    if is_held_back and last.reads_all:
        return "the list moved in each reading of the last full read"
    if not is_held_back and run_verdict.is_incomplete(last):
        return "the last run may have got fewer records than the registry has"
    failed = SyncRun.objects.filter(
        lane=last.lane_id, pk__gt=last.pk, status=SyncRun.Status.FAILED, error_code__in=UNREAD
    )
    if failed.exists():
        return "a run since the last good one could not read all pages"
    return ""


def _from_session(lane: Lane, client: Client) -> Previous | None:
    """Find the last good run in App Status, where the local history is lost.

    Where errors were open at its end, the refused records are found only by reading everything.
    """
    try:
        bookmark, began = app_status.last_good_session(client, lane)
    except Refused:  # without its history everything is read, which loses nothing
        return None
    if bookmark is not None:
        return Previous(
            bookmark.watermark,
            bookmark.fingerprint,
            bookmark.full_at,
            doubt="records were refused in the last run, and the history that knew which is lost"
            if bookmark.open_errors
            else "",
        )
    return Previous(began, "", began) if began is not None else None
