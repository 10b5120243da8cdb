"""The rule for dates."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from registry_sync.core.date_formats import DateFormat, Untrue
from registry_sync.core.epochs import IN_WORDS, UNITS, other_unit, read_epoch, read_odata
from registry_sync.core.setting import Setting, SettingType
from registry_sync.core.types import Json
from registry_sync.mapping.rules.base import Rule, RuleError, quoted, register

DATE_FORMAT = SettingType("text", {"type": "string", "pattern": f"%|^({'|'.join(UNITS)})$"})


@register("date")
class Date(Rule):
    """Reads dates and times in another format than ISO 8601, and numbers that count since 1970.

    https://docs.python.org/3/library/datetime.html#format-codes
    """

    label = "date"
    about = "Reads dates in other formats: see [Times](#times)"
    settings = {
        "format": Setting(
            "A format of strptime, `epoch` (seconds since 1970), `epoch_ms`, `epoch_us` or "
            "`epoch_ns` (milli-, micro- or nanoseconds).",
            DATE_FORMAT, example="%d.%m.%Y", required=True,
            hint="format, for example %d.%m.%Y, or epoch, epoch_ms",
        ),
        "timezone": Setting(
            "The time zone of times without an offset.", example="Europe/Berlin", hint="time zone"
        ),
    }  # fmt: skip

    def __init__(self, raw: Json) -> None:
        form, zone = raw.get("format"), raw.get("timezone")
        if not isinstance(form, str) or not (form in UNITS or "%" in form):
            raise RuleError(
                "rule date needs a `format` such as %d.%m.%Y, or epoch (seconds since 1970) or "
                "epoch_ms, epoch_us or epoch_ns (milli-, micro- or nanoseconds)"
            )
        try:
            self._format = None if form in UNITS else DateFormat(form)
        except ValueError as error:
            raise RuleError(
                f"rule date cannot read dates by the `format` {form}: {error}"
            ) from error
        try:
            self._zone = ZoneInfo(zone) if zone else None
        except (KeyError, ValueError, OSError, TypeError) as error:
            raise RuleError(
                f"rule date: “{zone}” is not a time zone; write one like Europe/Berlin"
            ) from error
        self._form = form

    def apply(self, value: Any) -> Any:
        try:
            when = self._read(value)
        except Untrue as error:
            raise RuleError(f"{quoted(value)} {error}") from error
        except ValueError as error:
            raise RuleError(f"{quoted(value)} is not a date in the format {self._form}") from error
        if self._zone is None:
            timed = self._format is None or self._format.has_time
            return when.isoformat() if timed else when.date().isoformat()
        if when.tzinfo is None:
            return self._in_zone(value, when, self._zone)
        return when.astimezone(self._zone).isoformat()

    def _in_zone(self, value: Any, when: datetime, zone: ZoneInfo) -> str:
        """Return a local time with its offset; of an hour that occurs twice, the first one.

        Raise RuleError for an hour that was skipped. Midnight stands for its day.
        """
        local = when.replace(tzinfo=zone)
        back = local.astimezone(UTC).astimezone(zone).replace(tzinfo=None)
        if back != when and when.time() != time():
            raise RuleError(
                f"{quoted(value)} never occurred in {zone.key}: the clocks were set forward past it"
            )
        return local.isoformat()

    def _read(self, value: Any) -> datetime:
        if self._format is not None:
            return self._format.read(str(value).strip())
        odata = read_odata(value.strip()) if isinstance(value, str) else None
        if odata:
            return odata[0]
        if other := other_unit(value, self._form):
            counts = f"counts {IN_WORDS[other]}, not {IN_WORDS[self._form]}"
            raise Untrue(f"{counts}: the rule's `format` is {other}")
        return read_epoch(value, self._form)
