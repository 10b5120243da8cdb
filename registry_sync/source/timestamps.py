"""How registries write times, and how they expect them in a filter.

A time without an offset is in the configured zone. Where clocks are set back and an hour occurs
twice, or forward and an hour is skipped, the earlier reading is used, so that asking since then
loses nothing. A date has no time and never shifts to another day.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from math import floor
from typing import Any
from zoneinfo import ZoneInfo

from registry_sync.core.date_formats import date_format
from registry_sync.core.epochs import (
    EPOCH,
    UNITS,
    guess_epoch,
    is_compact,
    is_number,
    read_epoch,
    read_odata,
)
from registry_sync.core.iso8601 import read_iso
from registry_sync.core.readable import in_message
from registry_sync.core.types import Json
from registry_sync.source.connector import INCREMENTAL, Incremental
from registry_sync.source.settings_reader import SHOWN, SettingsReader
from registry_sync.source.watermark import GRANULARITIES, LAG

USUAL = re.compile(r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?Z", re.ASCII)
SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def read_time(value: Any, terms: Incremental) -> datetime | None:
    """Return a record's modification time, in UTC; None if it is not a time."""
    try:
        if type(value) is str and terms.datetime_format == "iso" and USUAL.fullmatch(value):
            return datetime.fromisoformat(value)  # nearly all are; it ends with Z
        when = _read(value, terms.datetime_format)
        if when.tzinfo is not None:
            return when if when.tzinfo is UTC else when.astimezone(UTC)
        zone = ZoneInfo(terms.timezone)
        return min(when.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    except (ValueError, OverflowError):
        return None


def _read(value: Any, style: str) -> datetime:
    """Return a time; registries that are asked in one format often answer in another.

    Raise ValueError.
    """
    if style == "iso" and isinstance(value, str):
        return _read_text(value.strip())
    if style in UNITS and is_number(value):
        return read_epoch(value, style)
    if "%" in style and (isinstance(value, str) or is_number(value)):
        with suppress(ValueError):
            return date_format(style).read(str(value).strip())
    if isinstance(value, str):
        return _read_text(value.strip())
    if is_number(value) and not is_compact(value) and not _is_no_epoch(float(value)):
        return read_epoch(value, guess_epoch(value))
    raise ValueError(f"{value} is not a time")


def _is_no_epoch(number: float) -> bool:
    """Return whether a number whose unit nothing says is hardly a time since 1970.

    Days of a spreadsheet (46027) would be in 1970, and the ticks of .NET, 1e-7 s since the year 1,
    in 1990. 0 stands for no time.
    """
    return 0 < abs(number) < 1e8 or 1e17 <= abs(number) < 1e18


def _read_text(text: str) -> datetime:
    if text.startswith("/") and (odata := read_odata(text)):
        return odata[0]
    when = read_iso(text)
    return when if isinstance(when, datetime) else datetime.combine(when, time())


def write_time(when: datetime, terms: Incremental) -> str:
    """Return a time as the registry expects it in its filter, in its own zone."""
    style = terms.datetime_format
    if style in UNITS:
        return str(floor((when - EPOCH) // timedelta(microseconds=1) / UNITS[style]))
    local = _unambiguous(when.astimezone(ZoneInfo(terms.timezone)))
    if style != "iso":
        return local.strftime(style)
    if terms.granularity == timedelta(days=1):
        return local.date().isoformat()
    fine = terms.granularity < timedelta(seconds=1)
    text = local.isoformat(timespec="microseconds" if fine else "seconds")
    return text.replace("+00:00", "Z") if terms.timezone == "UTC" else text


def _unambiguous(local: datetime) -> datetime:
    """Step back before an hour that occurs twice: what was edited in its second pass may have an
    earlier time than what was edited in its first."""
    earlier, later = local.replace(fold=0).utcoffset(), local.replace(fold=1).utcoffset()
    if earlier is None or later is None or earlier <= later:
        return local
    return (local.replace(fold=0) - (earlier - later)).replace(fold=0)


def read_incremental(reader: SettingsReader, raw: object, *, has_since: bool) -> Incremental | None:
    """Return `endpoint.incremental`; None if the registry cannot be asked for changes."""
    if raw is None:
        return Incremental() if has_since else None
    where = "endpoint.incremental"
    later = ("descending", "retention", "end_param", "end_value")
    settings = reader.section(raw, where, tuple(INCREMENTAL), later)
    zone = reader.text(settings.get("timezone"), f"{where}.timezone") or "UTC"
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        given = in_message(zone, SHOWN)
        reader.add(f"{where}.timezone {given} is not a time zone; write one like Europe/Berlin")
        zone = "UTC"
    style = _style(reader, settings)
    granularity = _granularity(reader, settings)
    initial = settings.get("initial_value")
    terms = Incremental(
        cursor_path=reader.path(settings, "cursor_path", where),
        datetime_format=style,
        timezone=zone,
        granularity=granularity,
        lag=_lag(reader, settings, granularity),
        lag_is_set=settings.get("lag", settings.get("lookback_window")) is not None,
        client_side=_is_client_side(reader, settings),
        initial_value="" if initial is None else str(initial).strip(),
    )
    if terms.client_side and not terms.cursor_path:
        reader.add(f"{where}.client_side needs cursor_path: the time by which records are chosen")
    if not isinstance(initial, str | int | float | None) or isinstance(initial, bool):
        reader.add(f"{where}.initial_value must be text or a number")
    if terms.initial_value and read_time(terms.initial_value, terms) is None:
        reader.add(f"{where}.initial_value {in_message(initial, SHOWN)} is not a valid time")
    return terms


def _is_client_side(reader: SettingsReader, settings: Json) -> bool:
    raw = settings.get("client_side")
    return raw is not None and reader.truth(raw, "endpoint.incremental.client_side")


def _style(reader: SettingsReader, settings: Json) -> str:
    where = "endpoint.incremental.datetime_format"
    style = reader.text(settings.get("datetime_format"), where) or "iso"
    if style in ("iso", *UNITS):
        return style
    if "%" not in style:
        units, given = ", ".join(UNITS), in_message(style, SHOWN)
        reader.add(f"{where} {given} is neither iso, {units} nor a format like %Y-%m-%d")
        return "iso"
    try:
        date_format(style)
    except ValueError as error:
        reader.add(f"{where} {in_message(style, SHOWN)} cannot be used: {error}")
        return "iso"
    return style


def _granularity(reader: SettingsReader, settings: Json) -> timedelta:
    """Return the granularity: a word, or an ISO 8601 duration of at most a day."""
    raw = settings.get("granularity")
    if raw is None:
        return GRANULARITIES["second"]
    if isinstance(raw, str) and raw in GRANULARITIES:
        return GRANULARITIES[raw]
    length = _duration(raw)
    if length is not None and timedelta() < length <= timedelta(days=1):
        return length
    reader.add(
        f"endpoint.incremental.granularity {in_message(raw, SHOWN)} is not one of "
        f"{', '.join(GRANULARITIES)}, nor an ISO 8601 duration of at most a day such as PT1M"
    )
    return GRANULARITIES["second"]


def _lag(reader: SettingsReader, settings: Json, granularity: timedelta) -> timedelta:
    """Return the lag: seconds, `5 min`, `1 h`, `2 d` or PT5M; at least a coarse granularity."""
    least = granularity if granularity > timedelta(seconds=1) else timedelta()
    comparison = reader.choice(
        settings,
        "comparison",
        "endpoint.incremental",
        of=("gte", "gt", "unknown"),
        default="unknown",
    )
    if comparison == "gt":
        # The filter leaves out what has the watermark's own second.
        least = max(least, timedelta(seconds=1))
    raw = settings.get("lag", settings.get("lookback_window"))
    if raw is None:
        return max(LAG, least)
    length = _duration(raw)
    if length is None:
        given = in_message(raw, SHOWN)
        reader.add(
            f"endpoint.incremental.lag {given} is not a duration; write 300, “5 min” or PT5M"
        )
        return least
    return max(length, least)


def _duration(raw: object) -> timedelta | None:
    """Return a length of time: seconds, `5 min` or an ISO 8601 duration; None for others."""
    text = "" if isinstance(raw, bool) else str(raw).strip()
    try:
        if found := re.fullmatch(r"(\d{1,9}(?:\.\d+)?)\s*(s|m|min|h|d)?", text, re.ASCII):
            return timedelta(seconds=float(found[1]) * SECONDS[found[2] or "s"])
        import isodate  # few settings are durations

        length = isodate.parse_duration(text)
    except (ValueError, OverflowError, ArithmeticError):
        return None
    return length if isinstance(length, timedelta) and length >= timedelta() else None
