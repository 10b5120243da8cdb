"""How registries write times, and how they expect them in a filter.

A time without an offset is in the configured zone. Where clocks are set back and an hour occurs
twice, or forward and an hour is skipped, the earlier reading is used, so that asking since then
loses nothing. A date has no time and never shifts to another day.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from zoneinfo import ZoneInfo

from registry_sync.core.types import Json
from registry_sync.source.connector import Incremental
from registry_sync.source.settings_reader import SettingsReader
from registry_sync.source.watermark import LAG, Granularity

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ODATA = re.compile(r"/Date\((-?\d+)(?:[+-]\d{4})?\)/")
EPOCH_TEXT = re.compile(r"-?\d+(\.\d+)?")
# Where nothing says which, a number this great is milliseconds: as seconds it is the year 5138.
MILLISECONDS_FROM = 1e11
UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def read_time(value: Any, terms: Incremental) -> datetime | None:
    """Return a record's modification time, in UTC; None if it is not a time."""
    if value is None or isinstance(value, bool):
        return None
    try:
        return _read(value, terms)
    except (ValueError, OverflowError, OSError, TypeError):
        return None


def _read(value: Any, terms: Incremental) -> datetime | None:
    style = terms.datetime_format
    if style == "iso" and isinstance(value, str) and value.endswith("Z"):
        return datetime.fromisoformat(value)  # nearly all are; the rest takes three times as long
    bare = isinstance(value, str) and EPOCH_TEXT.fullmatch(value.strip()) is not None
    if isinstance(value, (int, float)) or (bare and style in ("epoch", "epoch_ms")):
        number = float(value)
        milli = style == "epoch_ms" or (style != "epoch" and abs(number) >= MILLISECONDS_FROM)
        return EPOCH + timedelta(milliseconds=number if milli else number * 1000)
    text = str(value).strip()
    if not text:
        return None
    # OData v2: https://www.odata.org/documentation/odata-version-2-0/json-format/
    if odata := ODATA.fullmatch(text):
        return EPOCH + timedelta(milliseconds=int(odata[1]))
    when = _parse(text, style)
    if when.tzinfo is not None:
        return when.astimezone(UTC)
    zone = ZoneInfo(terms.timezone)
    return min(when.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))


def _parse(text: str, style: str) -> datetime:
    if style != "iso":
        try:
            return datetime.strptime(text, style)
        except ValueError:
            pass  # registries that are asked in one format often answer in ISO
    return datetime.fromisoformat(text)


def write_time(when: datetime, terms: Incremental) -> str:
    """Return a time as the registry expects it in its filter, in its own zone."""
    style = terms.datetime_format
    if style in ("epoch", "epoch_ms"):
        unit = timedelta(milliseconds=1) if style == "epoch_ms" else timedelta(seconds=1)
        return str((when - EPOCH) // unit)
    local = _unambiguous(when.astimezone(ZoneInfo(terms.timezone)))
    if style != "iso":
        return local.strftime(style)
    if terms.granularity == "day":
        return local.date().isoformat()
    fine = terms.granularity in ("microsecond", "millisecond")
    text = local.isoformat(timespec="microseconds" if fine else "seconds")
    return text.replace("+00:00", "Z") if terms.timezone == "UTC" else text


def _unambiguous(local: datetime) -> datetime:
    """Step back before an hour that occurs twice: what was edited in its second pass may have an
    earlier time than what was edited in its first."""
    earlier, later = local.replace(fold=0).utcoffset(), local.replace(fold=1).utcoffset()
    if earlier is None or later is None or earlier <= later:
        return local
    return (local.replace(fold=0) - (earlier - later)).replace(fold=0)


def read_incremental(reader: SettingsReader, raw: object, *, asked: bool) -> Incremental | None:
    """Return `endpoint.incremental`; None if the registry cannot be asked for changes."""
    if raw is None:
        return Incremental() if asked else None
    where = "endpoint.incremental"
    known = (*Incremental.__dataclass_fields__, "comparison", "lookback_window")
    known = tuple(name for name in known if name != "lag_is_set")
    later = ("client_side", "descending", "retention", "end_param", "end_value")
    given = reader.section(raw, where, known, later)
    zone = reader.text(given.get("timezone"), f"{where}.timezone") or "UTC"
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        reader.add(f"{where}.timezone {zone!r} is not a time zone; write one like Europe/Berlin")
        zone = "UTC"
    style = reader.text(given.get("datetime_format"), f"{where}.datetime_format") or "iso"
    if style not in ("iso", "epoch", "epoch_ms") and "%" not in style:
        reader.add(f"{where}.datetime_format {style!r} is neither iso, epoch, epoch_ms nor a "
                   "format like %Y-%m-%d")  # fmt: skip
    granularity = reader.choice(
        given, "granularity", where, of=get_args(Granularity), default="second"
    )
    initial = given.get("initial_value")
    terms = Incremental(
        cursor_path=reader.path(given, "cursor_path", where),
        datetime_format=style,
        timezone=zone,
        granularity=granularity,
        lag=_lag(reader, given, granularity),
        lag_is_set=given.get("lag", given.get("lookback_window")) is not None,
        initial_value="" if initial is None else str(initial).strip(),
    )
    if terms.initial_value and read_time(terms.initial_value, terms) is None:
        reader.add(f"{where}.initial_value {initial!r} is not a valid time")
    return terms


def _lag(reader: SettingsReader, given: Json, granularity: str) -> timedelta:
    """Return the lag: seconds, or `5 min`, `1 h`, `2 d`, at least one unit of the granularity."""
    least = {
        "minute": timedelta(minutes=1),
        "hour": timedelta(hours=1),
        "day": timedelta(days=1),
    }.get(granularity, timedelta())
    comparison = reader.choice(
        given, "comparison", "endpoint.incremental", of=("gte", "gt", "unknown"), default="unknown"
    )
    if comparison == "gt":
        # The filter leaves out what has the watermark's own second.
        least = max(least, timedelta(seconds=1))
    raw = given.get("lag", given.get("lookback_window"))
    if raw is None:
        return max(LAG, least)
    found = re.fullmatch(r"\s*(\d{1,9}(?:\.\d+)?)\s*(s|m|min|h|d)?\s*", str(raw))
    if isinstance(raw, bool) or not found:
        reader.add(f"endpoint.incremental.lag {raw!r} is not a duration; write 300 or '5 min'")
        return least
    try:
        return max(timedelta(seconds=float(found[1]) * UNITS[found[2] or "s"]), least)
    except OverflowError:
        reader.add(f"endpoint.incremental.lag {raw!r} is too long")
        return least
