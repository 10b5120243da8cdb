"""Where a run starts reading: `since`, or everything and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from . import app_status, runs
from .benchling import Client, Refused
from .configure import Setup
from .models import Lane, SyncRun
from .watermark import since_from


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


def starting_point(
    run: SyncRun, lane: Lane, setup: Setup, client: Client, *, full_after: timedelta
) -> Start:
    """Decide how much a run reads."""
    incremental = setup.connector.incremental
    previous = _previous(lane, client)
    if run.reads_all or run.kind == SyncRun.Kind.FULL:
        return Start(None, run.full_reason or "a full run was asked for")
    if incremental is None:
        return Start(None, "the registry's settings name no way to ask for changes only")
    if run.since_asked is not None:
        kept = previous.watermark if previous else None
        return Start(run.since_asked, watermark=kept)
    if previous is None:
        return Start(None, "this is the lane's first run")
    if (
        previous.fingerprint
        and previous.fingerprint != setup.mapping.fingerprint[: len(previous.fingerprint)]
    ):
        return Start(None, "the mapping or the Benchling schema has changed")
    if previous.doubt:
        return Start(None, previous.doubt)
    if previous.watermark is None:
        return Start(None, "no point in the registry's time is known to start from")
    if previous.full_at is None or timezone.now() - previous.full_at > full_after:
        return Start(None, f"the last full run is more than {full_after.days} days old")
    since = since_from(previous.watermark, incremental.lag, incremental.granularity)
    return Start(
        since,
        watermark=previous.watermark,
        record=previous.record,
        last_full_at=previous.full_at,
    )


@dataclass(frozen=True, slots=True)
class Previous:
    """The last good run, from our rows or from its App Status session."""

    watermark: datetime | None
    fingerprint: str
    full_at: datetime | None
    record: str = ""
    doubt: str = ""


def _previous(lane: Lane, client: Client) -> Previous | None:
    last = runs.good_runs(lane).first()
    if last is not None:
        short = any(warning["code"] == "short_read" for warning in last.warnings)
        return Previous(
            watermark=last.watermark,
            fingerprint=last.fingerprint,
            full_at=last.last_full_at,
            record=last.watermark_record,
            doubt="the last full read got fewer records than the registry has" if short else "",
        )
    return _from_session(lane, client)


def _from_session(lane: Lane, client: Client) -> Previous | None:
    """Find the last good run in App Status, where the local history is lost.

    Where errors were open at its end, the refused records are found only by reading everything.
    """
    try:
        bookmark, began = app_status.last_good_session(client, lane.mark)
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
