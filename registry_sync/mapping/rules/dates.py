"""The rule for dates."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from registry_sync.core.types import Json
from registry_sync.mapping.rules.base import Rule, RuleError, register

TIMED = ("%H", "%I", "%M", "%S", "%c", "%X", "%T", "%p")


@register("date")
class Date(Rule):
    """Reads dates and times in a format of their own.

    https://docs.python.org/3/library/datetime.html#format-codes
    """

    label = "date"
    about = "reads dates in other formats (strptime's, with a year)"
    settings = {"format": "format, e.g. %d.%m.%Y", "timezone": "time zone"}

    def __init__(self, raw: Json) -> None:
        form, zone = raw.get("format"), raw.get("timezone")
        if not isinstance(form, str) or "%" not in form:
            raise RuleError("rule date needs a `format` such as %d.%m.%Y")
        _check_format(form)
        try:
            self._zone = ZoneInfo(zone) if zone else None
        except (KeyError, ValueError, OSError, TypeError) as error:
            raise RuleError(f"rule date: {zone!r} is not a time zone") from error
        self._form = form
        self._timed = any(mark in form for mark in TIMED)

    def apply(self, value: Any) -> Any:
        try:
            when = datetime.strptime(str(value).strip(), self._form)
        except ValueError as error:
            raise RuleError(f"{value!r} is not a date in the format {self._form}") from error
        if not self._timed:
            return when.date().isoformat()
        if self._zone and when.tzinfo is None:
            when = when.replace(tzinfo=self._zone)
        return when.isoformat()


def _check_format(form: str) -> None:
    """Check that dates can be read by a format, and that it has the year. Raises RuleError."""
    has_year = re.search(r"%[YyGcx]", form)
    # Python 3.13 warns of a format with a day and no year, so the trial has one.
    tried = form if has_year else f"{form} %Y"
    try:
        datetime.strptime(datetime(2001, 2, 3, 4, 5, 6).strftime(tried), tried)
    except ValueError as error:
        raise RuleError(f"rule date cannot read dates by the `format` {form}: {error}") from error
    if not has_year:
        raise RuleError(f"rule date needs a year (%Y) in its `format`; {form} has none")
