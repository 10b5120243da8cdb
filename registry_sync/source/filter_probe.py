"""Asking a registry for changes since several times, to see how it understands them.

At most four requests are sent, each for one page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from registry_sync.core.problems import SourceError
from registry_sync.core.types import Json
from registry_sync.source.client import Source
from registry_sync.source.connector import Incremental
from registry_sync.source.paths import compile_path
from registry_sync.source.timestamps import read_time

LONG_AGO = datetime(1971, 1, 1, tzinfo=UTC)
FAR = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class FilterFound:
    """How many records came for each time; None where that was not asked or refused.

    `days`: times of day are ignored, so that changes of a day are left out. `exclusive`: records of
    the very time are left out. `refused` is how a time of long ago was refused.
    """

    of_future: int | None = None
    of_old: int | None = None
    refused: str = ""
    days: bool = False
    exclusive: bool = False


def probe_filter(
    open_source: Callable[[], Source], records: Sequence[Json], terms: Incremental
) -> FilterFound:
    """Return how a registry's filter behaves; `records` are the list's first, in their order."""
    future, _ = _asked(open_source, datetime.now(UTC) + FAR)
    old, refused = _asked(open_source, LONG_AGO)
    days = exclusive = False
    if terms.cursor_path and old and not future:
        days, exclusive = _compared(open_source, records, terms)
    return FilterFound(
        of_future=None if future is None else len(future),
        of_old=None if old is None else len(old),
        refused=refused,
        days=days,
        exclusive=exclusive,
    )


def _asked(open_source: Callable[[], Source], since: datetime) -> tuple[list[Json] | None, str]:
    """Return a page of what changed since a time, or how it was refused.

    Some registries refuse a time in the future, which is no fault.
    """
    try:
        return next(open_source().pages(since)).records, ""
    except SourceError as error:
        if error.transient:
            raise
        return None, error.message


def _compared(
    open_source: Callable[[], Source], records: Sequence[Json], terms: Incremental
) -> tuple[bool, bool]:
    """Return whether the registry compares whole days, and whether it leaves out the very time."""
    source = open_source()
    read = compile_path(terms.cursor_path)
    timed = [(source.identify(r), when) for r in records if (when := read_time(read(r), terms))]
    newest = max((when for _, when in timed), default=None)
    if newest is None or any(when.microsecond for _, when in timed):
        return False, False
    # The newest second's records: a page holds them, whatever else came before.
    at = {name for name, when in timed if when == newest}
    page, _ = _asked(open_source, newest)
    if page is None:
        return False, False
    came = {source.identify(record) for record in page}
    exclusive = not (at & came)
    before, _ = _asked(open_source, newest - timedelta(seconds=1))
    found = {source.identify(record) for record in before or ()}
    days = exclusive and not (at & found)
    return days, exclusive and not days
