"""Which texts are dates and times, and that none becomes another one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from registry_sync.core.iso8601 import read_iso

pytestmark = pytest.mark.once
WHEN = datetime(2026, 1, 5, 12, 30, 12, tzinfo=UTC)
DAYS = st.dates().map(lambda day: (day, [day.strftime(form) for form in FORMS if day.year > 1000]))
FORMS = ("%Y-%m-%d", "%Y%m%d", "%G-W%V-%u", "%GW%V%u")
OFFSETS = st.integers(-23 * 60, 23 * 60).flatmap(
    lambda minutes: st.sampled_from(_offsets(minutes)).map(lambda text: (minutes, text))
)


def _offsets(minutes: int) -> list[str]:
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    texts = [f"{sign}{hours:02}:{rest:02}", f"{sign}{hours:02}{rest:02}"]
    return texts + ([f"{sign}{hours:02}"] if not rest else []) + ([] if minutes else ["Z", "z"])


@st.composite
def written(draw: st.DrawFn) -> tuple[datetime, str]:
    """A time, and one of the ways in which ISO 8601 writes it."""
    day, texts = draw(DAYS.filter(lambda found: found[1]))
    clock = draw(st.times())
    minutes, offset = draw(OFFSETS)
    sign = draw(st.sampled_from(["", ":"]))
    digits = draw(st.integers(0, 9))
    fraction = f"{clock.microsecond:06}000"[:digits]
    mark = draw(st.sampled_from([".", ","]))
    text = draw(st.sampled_from(texts)) + draw(st.sampled_from(["T", "t", " "]))
    text += clock.strftime(f"%H{sign}%M{sign}%S") + (f"{mark}{fraction}" if digits else "")
    kept = int(fraction[:6].ljust(6, "0")) if digits else 0
    zone = timezone(timedelta(minutes=minutes))
    return datetime.combine(day, clock.replace(microsecond=kept), zone), text + offset


@given(written())
def test_every_way_to_write_a_time_is_read_as_that_time(found: tuple[datetime, str]) -> None:
    when, text = found
    read = read_iso(text)
    assert read == when and isinstance(read, datetime) and read.utcoffset() == when.utcoffset()


@given(st.datetimes(timezones=st.none() | st.just(UTC)))
def test_what_python_writes_comes_back(when: datetime) -> None:
    assert read_iso(when.isoformat()) == when
    assert read_iso(when.date().isoformat()) == when.date()
    assert not isinstance(read_iso(when.date().isoformat()), datetime)


SIGNS = st.sampled_from([*"0123456789", *"0123456789", *"-:.,+ TtZzW/_\n٣"])


@given(written(), st.data())
def test_a_text_that_lost_or_gained_a_sign_is_no_other_time(
    found: tuple[datetime, str], data: st.DataObject
) -> None:
    """Whatever is read of a damaged text is what its digits say, in their places."""
    text = found[1]
    at = data.draw(st.integers(0, len(text)))
    cut = data.draw(st.integers(0, 1))
    damaged = text[:at] + data.draw(SIGNS | st.just("")) + text[at + cut :]
    try:
        read = read_iso(damaged)
    except ValueError:
        return
    assert _plainly(damaged) == read


@given(st.text(alphabet=SIGNS, max_size=26))
@example("20260105123012Z")
@example("2026-01-05T12:30:12+01:99")
def test_whatever_is_read_is_what_the_digits_say(text: str) -> None:
    try:
        read = read_iso(text)
    except ValueError:
        return
    assert _plainly(text) == read


def _plainly(text: str) -> date | datetime:
    """Read a text by its places alone, as a person with the standard at hand."""
    day, sign, clock = text.partition(next((s for s in "Tt " if s in text), "\0"))
    basic = day.replace("-", "")
    at = "%GW%V%u" if "W" in basic else "%Y%m%d"
    when: date = datetime.strptime(basic, at).date()
    if not sign:
        return when
    head = clock.rstrip("Zz")
    minutes: int | None = 0 if head != clock else None
    for mark in "+-":
        if mark in clock:
            head, _, offset = clock.partition(mark)
            hours, rest = offset.replace(":", "")[:2], offset.replace(":", "")[2:] or "0"
            minutes = int(f"{mark}1") * (int(hours) * 60 + int(rest))
    whole, _, fraction = head.replace(",", ".").partition(".")
    places = whole.replace(":", "").ljust(6, "0")
    micro = int(fraction[:6].ljust(6, "0"))
    zone = None if minutes is None else timezone(timedelta(minutes=minutes))
    return datetime(when.year, when.month, when.day, int(places[:2]), int(places[2:4]),
                    int(places[4:]), micro, zone)  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "20260105123012Z", "20260105123012+0100", "20260105100000Z", "20260105T12301278Z",
        "2026-01-05T12:30:12+00000130", "2026-01-05T12:30:12:5Z", "20260105123012",
        "20240305155850.821+0217", "2026-01-05_12:30:12", "2026-01-05  12:30", "2026-01-05X12:30",
        "2026-0105", "202601-05", "2026-W05", "2026W05", "2026-005", "2026-01", "2026",
        "2026-01-05T", "2026-01-05T1", "2026-01-05T12:3", "2026-01-05T12:30.5", "2026-01-05T12.5",
        "2026-01-05T12:30:12.Z", "2026-01-05T12:3012", "2026-01-05T1230:12",
        "2026-01-05T12:30:12+1", "2026-01-05T12:30:12+01:60", "2026-01-05T12:30:12+24:00",
        "2026-01-05T12:30:12+01:00:30", "2026-01-05T12:30:12 +01:00", "2026-01-05T12:30:12 UTC",
        "2026-01-05Z", "2026-01-05+01:00", "12:30:12", "T12:30", "2026-02-30", "2026-13-01",
        "0000-01-01", "-2026-01-05", "+12026-01-05", "12026-01-05", "٢٠٢٦-٠١-٠٥", "",
        "2026-01-05T12:30:12Z\n", "2025-W53-1", "2026-W01-8",
    ],
)  # fmt: skip
def test_what_is_no_date_in_iso_8601_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_iso(text)


@pytest.mark.parametrize(
    "text",
    ["2026-01-05T24:00:00Z", "2026-01-05T24:00", "2016-12-31T23:59:60Z", "20161231T235960Z"],
)
def test_neither_the_leap_second_nor_24_00_is_read(text: str) -> None:
    """Benchling's fields have neither, and the day of 24:00 is one or the other by who reads it."""
    with pytest.raises(ValueError):
        read_iso(text)


@pytest.mark.parametrize(
    "text", ["2026-01-05T12:30:12Z", "20260105T123012Z", "2026-01-05 13:30:12+01",
             "2026W021t123012z", "20260105T12:30:12,000000000-0000"],
)  # fmt: skip
def test_compact_and_other_forms_of_one_time(text: str) -> None:
    assert read_iso(text) == WHEN


def test_the_first_and_the_last_year() -> None:
    assert read_iso("0001-01-01") == date.min
    assert read_iso("9999-12-31T23:59:59.999999") == datetime.max
