"""Times as numbers: seconds or smaller units since 1970, and `/Date(…)/` of OData v2 and .NET.

https://www.odata.org/documentation/odata-version-2-0/json-format/
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNITS = {
    "epoch": Decimal(1_000_000),
    "epoch_ms": Decimal(1_000),
    "epoch_us": Decimal(1),
    "epoch_ns": Decimal("0.001"),
}
"""By format: the microseconds of one unit."""
IN_WORDS = {"epoch": "seconds", "epoch_ms": "milliseconds", "epoch_us": "microseconds",
            "epoch_ns": "nanoseconds"}  # fmt: skip
FROM = {"epoch_ns": 1e17, "epoch_us": 1e14, "epoch_ms": 1e11}
"""Where nothing says which, numbers from here on are in a unit; 1e11 seconds are the year 5138."""
NEAR = (datetime(2001, 9, 9, tzinfo=UTC), datetime(2128, 1, 1, tzinfo=UTC))
"""Between these, a number is more likely a time than in another unit's first weeks of 1970."""
LAST_YEAR = 9999
_NUMBER = re.compile(r"[+-]?\d{1,25}(?:\.\d{1,25})?", re.ASCII)
_ODATA = re.compile(r"/Date\(([+-]?\d{1,20})([+-]\d{4})?\)/", re.ASCII)
_COMPACT = re.compile(
    r"[12]\d{3}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?)?",
    re.ASCII,
)


def is_number(value: Any) -> bool:
    """Return whether a value is a number that could count time, or text of one."""
    if isinstance(value, str):
        return _NUMBER.fullmatch(value.strip()) is not None
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e30


def read_epoch(value: Any, form: str) -> datetime:
    """Return the time of a number, or text of one, in UTC; `form` is a key of `UNITS`.

    Digits beyond the microsecond are cut. Raise ValueError if it is none that a calendar has.
    """
    if not is_number(value):
        raise ValueError(f"“{value}” is not a number")
    try:
        microseconds = int(Decimal(str(value).strip()) * UNITS[form] // 1)
        return EPOCH + timedelta(microseconds=microseconds)
    except (OverflowError, ArithmeticError) as error:
        raise ValueError(f"“{value}” is outside the years 1 to 9999") from error


def guess_epoch(value: Any) -> str:
    """Return the unit that a number most likely counts, as a key of `UNITS`."""
    number = abs(float(value))
    return next((form for form, least in FROM.items() if number >= least), "epoch")


def other_unit(value: Any, form: str) -> str:
    """Return the unit that a number counts if it can hardly be in that of `form`; "" if it can.

    Seconds read as milliseconds are in the first weeks of 1970, and milliseconds read as seconds
    are beyond the year 5138. Whole hours of 1970 and the last year of calendars, which stands for
    “never”, are taken as they are.
    """
    likely = guess_epoch(value) if is_number(value) else form
    by_likely = None if likely == form else _or_none(value, likely)
    if by_likely is None or by_likely >= NEAR[1]:
        return ""
    when = _or_none(value, form)
    if when is None:
        return likely
    if when > by_likely:
        return likely if NEAR[1] <= when and when.year < LAST_YEAR else ""
    whole = not (when.minute or when.second or when.microsecond)
    return "" if whole or by_likely < NEAR[0] else likely


def _or_none(value: Any, form: str) -> datetime | None:
    try:
        return read_epoch(value, form)
    except ValueError:
        return None


def is_compact(value: Any) -> bool:
    """Return whether a number's digits spell a date, as 20260105 and 20260105123012 do."""
    return _COMPACT.fullmatch(str(value).strip().removesuffix(".0")) is not None


def read_odata(text: str) -> tuple[datetime, bool] | None:
    """Return the time of a `/Date(ms)/` in UTC, and whether it has an offset; None for others.

    The milliseconds are UTC's with an offset, too. Raise ValueError as `read_epoch`.
    """
    found = _ODATA.fullmatch(text)
    if found is None:
        return None
    return read_epoch(found[1], "epoch_ms"), bool(found[2]) and found[2][1:] != "0000"
