"""How changes are requested: the records' modification time, and the parameter that filters by it.

Vendors' names for the parameter are tried one by one with a time in the middle of the sample: a
parameter is taken only if the records that come fit that time, and fewer come than without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from registry_sync.core.problems import SourceError
from registry_sync.core.text import number_of
from registry_sync.core.types import Json
from registry_sync.drafts.proposal.line import Findings
from registry_sync.source.client import Source
from registry_sync.source.connector import SINCE, Incremental
from registry_sync.source.cursor_evidence import (
    are_whole_days,
    cursor_paths,
    has_no_offset,
    zone_of,
)
from registry_sync.source.filter_probe import LONG_AGO, probe_filter
from registry_sync.source.paths import compile_path
from registry_sync.source.timestamps import read_time

BY_KEY = ("{}__gte", "{}_gte", "{}:gte", "{}[gte]", "{}[$gte]", "min_{}", "{}_after", "{}_since",
          "{}_from", "{}.gte")  # fmt: skip
"""Parameters made of the key: Django, json-server, JSON:API, Feathers, Kinto."""
NAMES = ("since", "_since", "updated_since", "modified_since", "updated_after", "modified_after",
         "changed_since", "updatedSince", "modifiedSince", "updatedAfter", "modifiedAfter",
         "lastModifiedAfter", "updated_min", "last_modified", "from")  # fmt: skip
"""Parameters that have a name of their own."""
LEAST = 3


def propose_changes(found: Findings) -> None:
    """Find the modification time, how it is written, and the parameter that filters by it."""
    if len(found.records) < LEAST:
        found.note("Too few records to see how changes are requested.")
        return
    paths = cursor_paths(found.records)
    if not paths:
        found.note("No record has a modification time: each run reads everything.")
        return
    path = paths[0]
    values = [compile_path(path)(record) for record in found.records]
    terms = {"cursor_path": path, **_written(values, found)}
    evidence = [f"Every one of {number_of(len(values), 'record')} has a time at {path}."]
    evidence += _remarks(values, terms, found)
    filtering = _parameter(found, terms, path, values)
    if filtering is None:
        found.note(
            f"{' '.join(evidence)} No parameter that such servers know filters by it: each run "
            "reads everything, unless the registry's owner names one."
        )
        return
    name, seen = filtering
    found.add("endpoint.params", {**_params(found), name: SINCE}, seen)
    found.add("endpoint.incremental", terms, " ".join(evidence))
    _compare(found, terms)


def _written(values: Sequence[Any], found: Findings) -> Json:
    """Return how times are written: their format, zone and granularity, where not the default."""
    written: Json = {}
    numbers = [v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool)]
    if len(numbers) == len(values):
        written["datetime_format"] = "epoch_ms" if min(numbers) > 1e11 else "epoch"
    times = _times(values)
    clock = _clock(found)
    zone = zone_of(max(times), clock) if has_no_offset(values) else ""
    if zone:
        written["timezone"] = zone
    if are_whole_days(times):
        written["granularity"] = "day"
    elif any(when.microsecond for when in times):
        written["granularity"] = "millisecond"
    return written


def _times(values: Sequence[Any]) -> list[datetime]:
    return [when for value in values if (when := read_time(value, Incremental())) is not None]


def _clock(found: Findings) -> datetime:
    try:
        header = found.reply.headers.get("Date", "") if found.reply else ""
        return parsedate_to_datetime(header).astimezone(UTC)
    except (ValueError, TypeError):
        return datetime.now(UTC)


def _remarks(values: Sequence[Any], terms: Json, found: Findings) -> list[str]:
    said = [f"For example {values[0]!r}."]
    if "timezone" in terms:
        said.append(
            "The newest is ahead of the registry's clock and has no offset, so it is local time; "
            "better write the name of its zone."
        )
    elif has_no_offset(values):
        said.append("They have no offset; they are taken for UTC.")
    if terms.get("granularity") == "day":
        said.append("All are whole days.")
    return said


def _candidates(path: str) -> Iterator[str]:
    key = path.split(".")[-1].strip('"')
    yield from (pattern.format(key) for pattern in BY_KEY)
    yield from NAMES


def _parameter(
    found: Findings, terms: Json, path: str, values: Sequence[Any]
) -> tuple[str, str] | None:
    """Return the parameter that filters by the modification time, and what came by it."""
    times = sorted(_times_by(values, terms))
    middle = next((when for when in times[len(times) // 2 :] if when > times[0]), None)
    for name in _candidates(path):
        params = {**_params(found), name: SINCE}
        source = found.source(endpoint__params=params, endpoint__incremental=terms)
        try:
            seen = (
                _filters_from(source, compile_path(path), terms, times[0], middle)
                if middle
                else _filters_all(source, times[0], found.page_size)
            )
        except SourceError as error:
            if error.transient:
                raise
            continue
        if seen:
            return name, f"With {name} of {seen}"
    return None


def _filters_from(
    source: Source, read: Callable[[Any], Any], terms: Json, oldest: datetime, middle: datetime
) -> str:
    """Return what came for a time in the middle of the sample; "" if it does not fit."""
    records = next(source.pages(middle)).records
    came = _times_by([read(record) for record in records], terms)
    day = middle.replace(hour=0, minute=0, second=0, microsecond=0)
    fits = bool(came) and len(came) == len(records)
    if not fits or not (min(came) >= middle or min(came) >= day > oldest):
        return ""
    said = number_of(len(came), "record")
    return f"{middle:%Y-%m-%d %H:%M:%S} UTC, the first page had {said}, none of them older."


def _filters_all(source: Source, at: datetime, count: int) -> str:
    """Return that all came for a time long ago and none for a later one; "" if not."""
    if next(source.pages(at + timedelta(days=1))).records:
        return ""
    if len(next(source.pages(LONG_AGO)).records) < count:
        return ""
    return f"{at + timedelta(days=1):%Y-%m-%d} nothing came, and of {LONG_AGO:%Y-%m-%d} everything."


def _params(found: Findings) -> Json:
    return dict((found.settings.get("endpoint") or {}).get("params") or {})


def _times_by(values: Sequence[Any], terms: Json) -> list[datetime]:
    known = Incremental(
        datetime_format=terms.get("datetime_format", "iso"), timezone=terms.get("timezone", "UTC")
    )
    return [when for value in values if (when := read_time(value, known)) is not None]


def _compare(found: Findings, terms: Json) -> None:
    """See how the registry compares times, and what lag follows."""
    connector = found.source().connector
    assert connector.incremental is not None
    probed = probe_filter(found.source, found.records, connector.incremental)
    where = "endpoint.incremental"
    if probed.days and "granularity" not in terms:
        found.add(f"{where}.granularity", "day", "Times of day are ignored by the filter.")
    if probed.exclusive:
        found.add(
            f"{where}.comparison", "gt",
            "A record of the very time that was asked for did not come.",
        )  # fmt: skip
    lag = "1 d" if probed.days or terms.get("granularity") == "day" else "5 min"
    found.add(f"{where}.lag", lag, "The usual overlap for records that are committed late.")
