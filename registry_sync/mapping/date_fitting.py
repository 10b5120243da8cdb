"""Fitting dates and times to Benchling's fields, and the rule that reads one in another format."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time
from typing import Any

from registry_sync.core.date_formats import CERTAIN
from registry_sync.core.epochs import guess_epoch, is_compact, is_number, read_odata
from registry_sync.core.iso8601 import read_iso
from registry_sync.core.types import Json
from registry_sync.mapping.rules.base import RuleError
from registry_sync.mapping.rules.dates import Date
from registry_sync.mapping.values import Misfit, kind_of

FINER = re.compile(r"[.,]\d{6}\d*[1-9]")
"""A fraction of a second beyond the microsecond, which Python's times cannot hold."""
LIKELY = ((1e8, 5e9), (1e11, 5e12), (1e14, 5e15), (1e17, 5e18))
"""Seconds, milli-, micro- and nanoseconds since 1970 that are likely to be times: 1973 to 2128."""
Reader = Callable[[Any], tuple[str, str]]


def fit_date(value: Any) -> tuple[str, str]:
    """Return a date as written, and how it was coerced. Raise Misfit.

    A time of midnight is cut; any other may be another day in UTC.
    """
    return _fit(value, _date)


def fit_datetime(value: Any) -> tuple[str, str]:
    """Return a time as RFC 3339 in UTC, and how it was coerced. Raise Misfit."""
    return _fit(value, _datetime)


def _fit(value: Any, reader: Reader) -> tuple[str, str]:
    """Return a value fitted, or refuse it with the rule by which it would fit. Raise Misfit."""
    try:
        return reader(value)
    except Misfit as misfit:
        misfit.rule = next(_working_rules(value, reader), None)
        raise


def _date(value: Any) -> tuple[str, str]:
    if not isinstance(value, str):
        raise Misfit("wrong_type", f"is {kind_of(value)}, not a date (YYYY-MM-DD) as text")
    text = value.strip()
    try:
        when, has_offset = read_odata(text) or (read_iso(text), False)
    except ValueError as error:
        raise Misfit("wrong_type", "is not a date (YYYY-MM-DD)") from error
    if not isinstance(when, datetime):
        plain = when.isoformat()
        return plain, "" if plain == text else "date in another form of ISO 8601"
    if has_offset:
        raise Misfit(
            "wrong_type",
            "has an offset, so its day depends on the time zone; a date rule with the `format` "
            "epoch_ms and a `timezone` reads it",
        )
    if when.time() != time() or FINER.search(text):
        raise Misfit("wrong_type", "has a time of day, which a date field would lose")
    return when.date().isoformat(), "date and time to date"


def _datetime(value: Any) -> tuple[str, str]:
    if not isinstance(value, str):
        raise Misfit("wrong_type", f"is {kind_of(value)}, not a date and time as text")
    text = value.strip()
    try:
        odata = read_odata(text)
        when: date = odata[0] if odata else read_iso(text)
    except ValueError as error:
        raise Misfit("wrong_type", "is not a date and time") from error
    notes = ["milliseconds to time"] if odata else []
    notes += ["time cut to the microsecond"] if FINER.search(text) else []
    if not isinstance(when, datetime):
        when = datetime.combine(when, time())
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
        notes.append("without zone read as UTC" if notes else "time without zone read as UTC")
    try:
        when = when.astimezone(UTC)
    except OverflowError as error:
        raise Misfit("out_of_range", "is not a valid date and time in UTC") from error
    return when.isoformat().replace("+00:00", "Z"), ", and ".join(notes)


def date_rule(values: Iterable[Any], kind: str) -> Json | None:
    """Return the rule by which values of a kind (date, datetime) fit; None if it is not certain."""
    reader = {"date": _date, "datetime": _datetime}[kind]
    found = [next(_working_rules(value, reader), None) for value in values]
    return found[0] if found and all(rule == found[0] for rule in found) else None


def _working_rules(value: Any, reader: Reader) -> Iterator[Json]:
    if not (isinstance(value, str) or is_number(value)):
        return
    forms: tuple[str, ...] = CERTAIN
    if is_number(value) and not is_compact(value):
        count = abs(float(value))
        forms = (guess_epoch(value),) if any(low <= count < high for low, high in LIKELY) else ()
    for form in forms:
        try:
            reader(Date({"format": form})(value))
        except (RuleError, Misfit):
            continue
        yield {"rule": "date", "format": form}
