"""How registries write times, and how they want to be asked about them.

A time without an offset is in the declared zone. Where a clock is set back and an hour comes
twice, the earlier reading is taken, so that asking since then loses nothing. A date has no time
and never shifts to another day.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from .connector import Incremental


def read_time(value: Any, terms: Incremental) -> datetime | None:
    """Read a record's modification time, in UTC; None when it is none."""
    if value is None or isinstance(value, bool):
        return None
    try:
        return _read(value, terms)
    except (ValueError, OverflowError, OSError, TypeError):
        return None


def _read(value: Any, terms: Incremental) -> datetime | None:
    style = terms.datetime_format
    if isinstance(value, (int, float)) or style in ("epoch", "epoch_ms"):
        seconds = float(value) / (1000 if style == "epoch_ms" else 1)
        return datetime.fromtimestamp(seconds, UTC)
    text = str(value).strip()
    if not text:
        return None
    when = _parse(text, style)
    if when.tzinfo is None:
        when = when.replace(tzinfo=ZoneInfo(terms.timezone), fold=0)
    return when.astimezone(UTC)


def _parse(text: str, style: str) -> datetime:
    if style != "iso":
        try:
            return datetime.strptime(text, style)
        except ValueError:
            pass  # what is asked in one format is often answered in ISO
    return datetime.fromisoformat(text)


def write_time(when: datetime, terms: Incremental) -> str:
    """Write a time as the registry wants it in its filter, in its own zone."""
    style = terms.datetime_format
    if style in ("epoch", "epoch_ms"):
        return str(int(when.timestamp() * (1000 if style == "epoch_ms" else 1)))
    local = _unambiguous(when.astimezone(ZoneInfo(terms.timezone)))
    if style != "iso":
        return local.strftime(style)
    if terms.granularity == "day":
        return local.date().isoformat()
    fine = terms.granularity in ("microsecond", "millisecond")
    text = local.isoformat(timespec="microseconds" if fine else "seconds")
    return text.replace("+00:00", "Z") if terms.timezone == "UTC" else text


def _unambiguous(local: datetime) -> datetime:
    """Step back before an hour that comes twice: what was edited in its second pass bears a
    time that is smaller than what was edited in its first."""
    earlier, later = local.replace(fold=0).utcoffset(), local.replace(fold=1).utcoffset()
    if earlier is None or later is None or earlier <= later:
        return local
    return (local.replace(fold=0) - (earlier - later)).replace(fold=0)
