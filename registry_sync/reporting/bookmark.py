"""The machine line of a session's closing message."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from registry_sync.core.types import Json
from registry_sync.models import SyncRun
from registry_sync.reporting.catalogue.warnings import INCOMPLETE


@dataclass(frozen=True, slots=True)
class Bookmark:
    """What a new database can start from, read from the closing message of a good run's session."""

    lane: str
    watermark: datetime | None
    full_at: datetime | None
    fingerprint: str
    open_errors: int


BOOKMARK = re.compile(
    r"State: lane (?P<lane>\w+), watermark (?P<watermark>\S+), full (?P<full>\S+), "
    r"mapping (?P<mapping>\w+), open errors (?P<errors>\d+)\."
)


def bookmark_of(run: SyncRun) -> str:
    """Return the bookmark of a run that the next one can start from; "" for others."""
    if run.status not in SyncRun.GOOD or not run.moves_watermark or run.lane is None:
        return ""
    lane = run.lane
    short = any(warning["code"] in INCOMPLETE for warning in run.warnings)
    return bookmark_text(
        Bookmark(
            lane=lane.mark,
            watermark=run.watermark,
            full_at=run.last_full_at,
            fingerprint=run.fingerprint,
            # An incomplete read means that records may be missing, as an open error does.
            open_errors=lane.errors.filter(closed_at__isnull=True).count() + short,
        )
    )


def bookmark_text(bookmark: Bookmark) -> str:
    """Return what a later run without this database needs, in fewer than 200 characters."""
    return (
        f"State: lane {bookmark.lane}, watermark {_stamp(bookmark.watermark)}, "
        f"full {_stamp(bookmark.full_at)}, mapping {bookmark.fingerprint[:16]}, "
        f"open errors {bookmark.open_errors}."
    )


def read_bookmark(messages: Iterable[Json]) -> Bookmark | None:
    """Return the bookmark in a session's messages (API objects with `content`), or None."""
    for message in messages:
        found = BOOKMARK.search(str(message.get("content", "")))
        if found:
            return Bookmark(
                lane=found["lane"],
                watermark=_read_stamp(found["watermark"]),
                full_at=_read_stamp(found["full"]),
                fingerprint=found["mapping"],
                open_errors=int(found["errors"]),
            )
    return None


def _stamp(when: datetime | None) -> str:
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z") if when else "none"


def _read_stamp(text: str) -> datetime | None:
    return None if text == "none" else datetime.fromisoformat(text.replace("Z", "+00:00"))
