"""Asking a registry for changes since several times, to see how it understands them.

At most seven requests are sent, each for one page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from registry_sync.core.problems import SourceError
from registry_sync.core.types import Json
from registry_sync.source.client import Source
from registry_sync.source.connector import Incremental
from registry_sync.source.paths import compile_path
from registry_sync.source.timestamps import read_time
from registry_sync.source.watermark import GRANULARITIES

LONG_AGO = datetime(1971, 1, 1, tzinfo=UTC)
FAR = timedelta(days=3650)
Unit = Literal["", "minute", "hour", "day"]


@dataclass(frozen=True, slots=True)
class FilterFound:
    """How many records came for each time; None where that was not asked or refused.

    `unit`: times are compared by whole minutes, hours or days, so that later changes of the same
    one are left out. `exclusive`: records of the very time are left out. `refused` is how a time
    of long ago was refused.
    """

    of_future: int | None = None
    of_old: int | None = None
    refused: str = ""
    unit: Unit = ""
    exclusive: bool = False


def probe_filter(
    open_source: Callable[[], Source], records: Sequence[Json], terms: Incremental
) -> FilterFound:
    """Return how a registry's filter behaves; `records` are the list's first, in their order."""
    future = _of_future(open_source)
    old, refused = _changed_since(open_source, LONG_AGO)
    unit: Unit = ""
    exclusive = False
    if terms.cursor_path and old and not future:
        unit, exclusive = _compared(open_source, records, terms)
    return FilterFound(
        of_future=None if future is None else len(future),
        of_old=None if old is None else len(old),
        refused=refused,
        unit=unit,
        exclusive=exclusive,
    )


def _of_future(open_source: Callable[[], Source]) -> list[Json] | None:
    """Return what changed since a time in ten years; None where the registry breaks over it."""
    try:
        return _changed_since(open_source, datetime.now(UTC) + FAR)[0]
    except SourceError:
        return None


def _changed_since(
    open_source: Callable[[], Source], since: datetime
) -> tuple[list[Json] | None, str]:
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
) -> tuple[Unit, bool]:
    """Return by which whole unit the registry compares, and whether it leaves out the very time."""
    source = open_source()
    read = compile_path(terms.cursor_path)
    timed = [(source.identify(r), when) for r in records if (when := read_time(read(r), terms))]
    newest = max((when for _, when in timed), default=None)
    if newest is None or any(when.microsecond for _, when in timed):
        return "", False
    # The newest second's records: a page holds them, whatever else came before.
    at = {name for name, when in timed if when == newest}

    def comes(since: datetime) -> bool | None:
        page, _ = _changed_since(open_source, since)
        return None if page is None else bool(at & {source.identify(record) for record in page})

    if comes(newest) is not False:
        return "", False
    if comes(newest - timedelta(seconds=1)):
        return "", True
    units: tuple[Unit, ...] = ("minute", "hour", "day")
    whole = (unit for unit in units if comes(newest - GRANULARITIES[unit]))
    return next(whole, ""), False
