"""How changes are requested: the records' modification time, and the filter by it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from registry_sync.core.date_formats import date_format
from registry_sync.core.epochs import UNITS, is_number
from registry_sync.core.problems import SourceError
from registry_sync.core.text import number_of
from registry_sync.core.types import Json
from registry_sync.drafts.connector_proposal.filters import Filter, candidates, is_unknown
from registry_sync.drafts.connector_proposal.line import Findings
from registry_sync.source.answers.marks import as_sent
from registry_sync.source.connector import Incremental
from registry_sync.source.cursor_evidence import (
    are_whole_days,
    ascends,
    cursor_paths,
    descends,
    format_of,
    has_no_offset,
    is_mixed,
    partly_timed,
    zone_behind,
    zone_of,
)
from registry_sync.source.filter_probe import FilterFound, probe_filter
from registry_sync.source.filter_trial import Sample, Tried, try_filter
from registry_sync.source.paths import compile_path
from registry_sync.source.timestamps import read_time

LEAST = 3
LAGS = {"day": "1 d", "hour": "1 h"}
ISO = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y%m%dT%H%M%SZ",
       "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%fZ")  # fmt: skip
"""Forms of ISO 8601 that a filter may insist on, where records have them."""
NONSENSE = "registry_sync_probe"
"""A parameter that no registry knows, to see whether this one refuses those."""


def propose_changes(found: Findings) -> None:
    """Find the modification time, how it is written, and the parameter that filters by it."""
    if len(found.records) < LEAST:
        found.note("Too few records to see how changes are requested.")
        return
    paths = cursor_paths(found.records)
    if not paths:
        partly = partly_timed(found.records)
        reason = f"Only some records have a time at {partly}" if partly else (
            "No record has a modification time"
        )  # fmt: skip
        found.note(f"{reason}: each run reads everything.")
        return
    path = paths[0]
    values = [compile_path(path)(record) for record in found.records]
    terms = {"cursor_path": path, **_written(values, found)}
    evidence = [f"Every one of {number_of(len(values), 'record')} has a time at {path}."]
    evidence += _remarks(values, terms, found)
    filtering = _filter(found, terms, path, values)
    if filtering is None:
        found.note(
            f"{' '.join(evidence)} No parameter that such servers know filters by it: each run "
            "reads everything, unless the registry's owner names one."
        )
        return
    chosen, terms, seen = filtering
    found.add("endpoint.params", {**_params(found), chosen.param: chosen.value}, seen)
    found.add("endpoint.incremental", terms, " ".join(evidence))
    _compare(found, terms)


def _written(values: Sequence[Any], found: Findings) -> Json:
    """Return how times are written: their format, zone and granularity, where not the default."""
    form = format_of(values)
    written: Json = {} if form == "iso" else {"datetime_format": form}
    times = _times_by(values, written)
    zone = zone_of(max(times), _clock(found)) if has_no_offset(values) else ""
    if zone:
        written["timezone"] = zone
    if are_whole_days(times):
        written["granularity"] = "day"
    elif any(when.microsecond for when in times):
        written["granularity"] = "millisecond"
    return written


def _clock(found: Findings) -> datetime:
    try:
        header = found.reply.headers.get("Date", "") if found.reply else ""
        return parsedate_to_datetime(header).astimezone(UTC)
    except (ValueError, TypeError):
        return datetime.now(UTC)


def _remarks(values: Sequence[Any], terms: Json, found: Findings) -> list[str]:
    remarks, times = [f"For example {as_sent(values[0])}."], _times_by(values, terms)
    if "timezone" in terms:
        remarks.append(
            "The newest is ahead of the registry's clock and has no offset, so it is local time; "
            "better write the name of its zone."
        )
    elif has_no_offset(values):
        remarks.append("They have no offset; they are taken for UTC.")
        hours, zone = zone_behind(max(times), _clock(found))
        if zone:
            remarks.append(
                f"The newest is {hours:g} h behind the registry's clock: if it was edited just "
                f"now, set timezone to {zone}, or better to the name of its zone."
            )
    if terms.get("granularity") == "day":
        remarks.append("All are whole days.")
    if descends(times):
        remarks.append(
            "The list has the newest first: where its pages are counted, sort it by the id, or a "
            "record that is edited during a read hides another."
        )
    elif ascends(times) and is_mixed(found.records):
        remarks.append(
            "The list is sorted by it, not by when records were created: where its pages are "
            "counted, sort it by the id, or a record that is edited during a read hides another."
        )
    return remarks


def _filter(
    found: Findings, terms: Json, path: str, values: Sequence[Any]
) -> tuple[Filter, Json, str] | None:
    """Return the filter by the modification time, its settings, and what came by it."""
    names = [found.source().identify(record) or "" for record in found.records]
    times = [read_time(value, _incremental(terms)) for value in values]
    timed = {name: when for name, when in zip(names, times, strict=True) if when is not None}
    first = tuple(when for when in times[: found.page_size] if when is not None)
    sample = Sample(timed, first, found.page_size)
    nonsense = _tried(found, terms, Filter(NONSENSE), sample)
    for candidate in candidates(found.reply.body if found.reply else None, path):
        if found.is_late:
            break
        own = candidate.form or terms.get("datetime_format", "iso")
        for form in dict.fromkeys((own, *_others(values))):
            with_form = _with_form(terms, form)
            tried = _tried(found, with_form, candidate, sample)
            if tried.outcome == "fits":
                return candidate, with_form, f"With {candidate.param} of {tried.seen}"
            if tried.outcome == "short":
                found.note(
                    f"{candidate.param} leaves out changes. {tried.seen}: it is not proposed."
                )
            unknown = is_unknown(tried, candidate.param, nonsense, NONSENSE)
            if tried.outcome in ("ignored", "short") or unknown or candidate.form:
                break
    return None


def _tried(found: Findings, terms: Json, candidate: Filter, sample: Sample) -> Tried:
    params = {**_params(found), candidate.param: candidate.value}
    try:
        source = found.source(endpoint__params=params, endpoint__incremental=terms)
        return try_filter(source, _reader(terms), sample)
    except SourceError as error:
        found.settle(error)
        return Tried("refused", error.message)


def _reader(terms: Json) -> Callable[[Json], datetime | None]:
    read, incremental = compile_path(terms["cursor_path"]), _incremental(terms)
    return lambda record: read_time(read(record), incremental)


def _others(values: Sequence[Any]) -> tuple[str, ...]:
    """Return formats in which a filter may take times that records have in another one."""
    if all(is_number(value) for value in values):
        return ("iso", *UNITS)
    if format_of(values) != "iso":
        return ()
    own = (form for form in ISO if all(_is_written(value, form) for value in values))
    return (*own, "epoch", "epoch_ms")


def _is_written(value: Any, form: str) -> bool:
    try:
        date_format(form).read(str(value))
    except ValueError:
        return False
    return True


def _with_form(terms: Json, form: str) -> Json:
    other_terms = {name: value for name, value in terms.items() if name != "datetime_format"}
    return other_terms if form == "iso" else {**other_terms, "datetime_format": form}


def _params(found: Findings) -> Json:
    return dict((found.settings.get("endpoint") or {}).get("params") or {})


def _incremental(terms: Json) -> Incremental:
    return Incremental(
        datetime_format=terms.get("datetime_format", "iso"), timezone=terms.get("timezone", "UTC")
    )


def _times_by(values: Sequence[Any], terms: Json) -> list[datetime]:
    incremental = _incremental(terms)
    return [when for value in values if (when := read_time(value, incremental)) is not None]


def _compare(found: Findings, terms: Json) -> None:
    """See how the registry compares times, and what lag follows."""
    connector = found.source().connector
    assert connector.incremental is not None
    try:
        probed = probe_filter(found.source, found.records, connector.incremental)
    except SourceError as error:
        found.settle(error)
        found.note(f"How times are compared could not be seen: {error.message}")
        probed = FilterFound()
    where = "endpoint.incremental"
    if probed.unit and "granularity" not in terms:
        seen = f"The filter compares whole {probed.unit}s."
        found.add(f"{where}.granularity", probed.unit, seen)
    if probed.exclusive:
        found.add(
            f"{where}.comparison", "gt",
            "A record of the very time that was asked for did not come.",
        )  # fmt: skip
    lag = LAGS.get(terms.get("granularity") or probed.unit, "5 min")
    found.add(f"{where}.lag", lag, "The usual overlap for records that are committed late.")
