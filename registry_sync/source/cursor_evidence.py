"""What records say of their modification times: where they are, their order, their zone. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from registry_sync.core.date_formats import CERTAIN
from registry_sync.core.epochs import guess_epoch, is_compact, is_number
from registry_sync.core.types import Json
from registry_sync.source.answers.page_answer import word_of
from registry_sync.source.connector import Incremental
from registry_sync.source.paths import ABSENT, compile_path
from registry_sync.source.timestamps import read_time

CHANGED = re.compile(
    r"(?!next|plan|sched|due|expir).*(modif|updat|chang|lastedit|edited|revised|touched|writedate|"
    r"lastmod|modstamp|modtime|moddate|mtime|lastchg|lastupd|gendert|geaendert|nderung|actualiz|"
    r"atualiz|alterad|gewijzigd|bijgewerkt|misejour|miseajour).*|(.*time)?stamp|ts|(rev|row|audit)ts"
)
"""Words of keys that have a modification time; also German, Spanish, Portuguese, Dutch, French."""
AMBIGUOUS = tuple(
    f"{day}{clock}"
    for day in ("%m/%d/%Y", "%d/%m/%Y", "%m-%d-%Y", "%d-%m-%Y")
    for clock in ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
)
"""Formats that another one of them may read as well, with another day."""
CREATED = re.compile(r".*(creat|born|registered|added|insert).*")
OFFSET = re.compile(r"(Z|UTC|GMT|[+-]\d\d(:?\d\d)?)$", re.IGNORECASE)
RECENT = timedelta(days=3650)
MOMENT = timedelta(minutes=2)
"""How long ago a record may have been edited to see what doctor says of it."""
HALF_HOUR = timedelta(minutes=30)
WEST = {float(hours): f"Etc/GMT+{hours}" for hours in range(1, 13)} | {
    2.5: "America/St_Johns",
    3.5: "America/St_Johns",
    9.5: "Pacific/Marquesas",
}
"""Zones by their hours behind UTC; St. John's in summer and in winter."""


def cursor_paths(records: Sequence[Json]) -> list[str]:
    """Return the paths that may have a modification time, the likeliest first.

    Each of these records has a time there, and the key says that it is one of a change.
    """
    first = records[0] if records else {}
    likely = [
        path
        for path, value in flat_values(first)
        if CHANGED.fullmatch(_last_word(path)) and _forms([value])
    ]
    every = [p for p in likely if format_of([compile_path(p)(record) for record in records])]
    return sorted(every, key=lambda path: (bool(CREATED.fullmatch(word_of(path))), len(path)))


def _last_word(path: str) -> str:
    return word_of(path.split(".")[-1])


def partly_timed(records: Sequence[Json]) -> str:
    """Return a path at which some records have a modification time, and others nothing; or ""."""
    timed = (record for record in records if cursor_paths([record]))
    first = next(timed, None)
    return cursor_paths([first])[0] if first else ""


def flat_values(value: Json, prefix: str = "", depth: int = 2) -> Iterable[tuple[str, Any]]:
    """Yield the values of a record that are no objects or lists, each with its path."""
    for key, inner in value.items():
        path = f"{prefix}{key}" if re.fullmatch(r"[\w@$-]+", str(key)) else f'{prefix}"{key}"'
        if isinstance(inner, dict) and depth:
            yield from flat_values(inner, f"{path}.", depth - 1)
        elif not isinstance(inner, (dict, list)):
            yield path, inner


def is_time(value: Any, form: str = "iso") -> bool:
    """Return whether a value can be a time of our age, as `form` reads it."""
    if value is ABSENT or isinstance(value, bool):
        return False
    when = read_time(value, Incremental(datetime_format=form))
    return when is not None and datetime(1971, 1, 1, tzinfo=UTC) < when < datetime.now(UTC) + RECENT


def format_of(values: Sequence[Any]) -> str:
    """Return the `datetime_format` by which all values are times of our age.

    "" if there is none, or if several read other days in them.
    """
    forms = _forms(values)
    return forms[0] if len(forms) == 1 else ""


def _forms(values: Sequence[Any]) -> list[str]:
    """Return the formats that read all values, one for each way to read them."""
    counted = [value for value in values if is_number(value) and not is_compact(value)]
    if counted and len(counted) == len(values):
        form = guess_epoch(counted[0])
        return [form] if all(is_time(value, form) for value in values) else []
    if all(map(is_time, values)):
        return ["iso"] if values else []
    readings: dict[tuple[datetime | None, ...], str] = {}
    for form in (*CERTAIN, *AMBIGUOUS):
        if all(is_time(value, form) for value in values):
            terms = Incremental(datetime_format=form)
            readings.setdefault(tuple(read_time(value, terms) for value in values), form)
    return [*readings.values()]


def has_no_offset(values: Iterable[Any]) -> bool:
    """Return whether times are texts without an offset, so that their zone is not known."""
    texts = [value for value in values if isinstance(value, str)]
    timed = [text for text in texts if ":" in text]
    return bool(timed) and not any(OFFSET.search(text.strip()) for text in timed)


def are_whole_days(times: Sequence[datetime]) -> bool:
    """Return whether several times are all midnights, as where only days are kept."""
    return len(times) > 1 and all(
        (when.hour, when.minute, when.second, when.microsecond) == (0, 0, 0, 0) for when in times
    )


def creation_paths(records: Sequence[Json]) -> list[str]:
    """Return the paths at which each record has the time of its creation."""
    first = records[0] if records else {}
    likely = [path for path, _ in flat_values(first) if CREATED.fullmatch(_last_word(path))]
    return [p for p in likely if format_of([compile_path(p)(record) for record in records])]


def ascends(times: Sequence[datetime]) -> bool:
    """Return whether times are sorted, the newest last."""
    return descends(times[::-1])


def descends(times: Sequence[datetime]) -> bool:
    """Return whether times are sorted, the newest first."""
    falls = [later < earlier for earlier, later in pairwise(times)]
    rises = any(later > earlier for earlier, later in pairwise(times))
    return len(times) > 2 and any(falls) and not rises


def is_mixed(records: Sequence[Json]) -> bool:
    """Return whether records are not in the order in which they were created, by their times."""
    for path in creation_paths(records):
        values = [compile_path(path)(record) for record in records]
        incremental = Incremental(datetime_format=format_of(values))
        times = [when for value in values if (when := read_time(value, incremental)) is not None]
        return not ascends(times) and len(set(times)) > 1
    return False


def zone_of(newest: datetime, clock: datetime) -> str:
    """Return the zone that a newest time ahead of the registry's clock shows, "" for none.

    The time was read as UTC. `Etc/GMT-2` is two hours ahead of UTC.
    """
    ahead = newest - clock
    if not timedelta(minutes=5) < ahead <= timedelta(hours=14, minutes=5):
        return ""
    hours = -(-(ahead - timedelta(minutes=5)) // timedelta(hours=1))
    return f"Etc/GMT-{hours}"


def zone_behind(newest: datetime, clock: datetime) -> tuple[float, str]:
    """Return by how many hours a newest time is behind the clock, and the zone; (0, "") for none.

    A record that was edited a moment ago shows so that times are local, west of Greenwich; other
    records seldom do. `Etc/GMT+2` is two hours behind UTC.
    """
    behind = clock - newest
    hours = round(behind / HALF_HOUR) / 2
    near = timedelta(seconds=-5) <= behind - timedelta(hours=hours) <= MOMENT
    zone = WEST.get(hours, "") if near else ""
    return (hours, zone) if zone else (0, "")
