"""Formats of dates: which can be used, and that they read nothing into a text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_sync.core.date_formats import DateFormat, Untrue
from registry_sync.core.epochs import EPOCH, read_epoch, read_odata

pytestmark = pytest.mark.once
CET = timezone(timedelta(hours=1))
AT = datetime(2026, 1, 5, 12, 30, 12)


@pytest.mark.parametrize(
    ("form", "text", "when"),
    [
        ("%Y-%m-%d %H:%M:%S %z", "2026-01-05 12:30:12 +0100", AT.replace(tzinfo=CET)),
        ("%a, %d %b %Y %H:%M:%S %z", "Mon, 05 Jan 2026 12:30:12 +0100", AT.replace(tzinfo=CET)),
        ("%Y%m%d%H%M%S%z", "20260105123012+0100", AT.replace(tzinfo=CET)),
        ("%Y%m%d%H%M%S%z", "20260105123012Z", AT.replace(tzinfo=UTC)),
        ("%Y%m%d%H%M%SZ", "20260105123012Z", AT),
        ("%Y%m%d%H%M%S.%f%z", "20260105123012.5+01:00",
         AT.replace(tzinfo=CET, microsecond=500000)),
        ("%d%b%Y", "05JAN2026", datetime(2026, 1, 5)),
        ("%d.%m.%y", "5.1.26", datetime(2026, 1, 5)),
        ("%m/%d/%Y %I:%M %p", "01/05/2026 01:30 PM", datetime(2026, 1, 5, 13, 30)),
        ("%G-W%V-%u", "2026-W02-1", datetime(2026, 1, 5)),
        ("%Y%j", "2026005", datetime(2026, 1, 5)),
        ("%c", "Mon Jan  5 12:30:12 2026", AT),
        ("%%%Y%m%d", "%20260105", datetime(2026, 1, 5)),
        ("%A, %d %B %Y", "monday,  5 january 2026", datetime(2026, 1, 5)),
        ("%Y-%j", "2024-366", datetime(2024, 12, 31)), ("%Y/%U/%w", "2026/1/1", AT.replace(
            hour=0, minute=0, second=0)),
        ("%d-%b-%y %I.%M.%S.%f %p", "05-JAN-26 12.30.12.123456789 PM",
         AT.replace(microsecond=123456)),
        ("%Y/%m/%d %H:%M:%S,%f", "2026/01/05 12:30:12,1234567", AT.replace(microsecond=123456)),
        ("%d.%m.%y", "31.12.69", datetime(1969, 12, 31)),
    ],
)  # fmt: skip
def test_formats_read_what_they_say(form: str, text: str, when: datetime) -> None:
    assert DateFormat(form).read(text) == when


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("%d.%m.%d", "%d twice"), ("%Y-%m-%d %Y", "%Y twice"), ("%d.%m.%Y %y", "year twice"),
        ("%d.%m.%Y %H:%M %Z", "names of time zones are ambiguous"), ("%Y", "needs a month"),
        ("%Y-%m", "needs a day"), ("%d.%m.", "needs a year"), ("%H:%M", "needs a year"),
        ("%Y-%m-%d %I:%M", "%I needs AM or PM"), ("%Y-%m-%d %H:%M %p", "%p needs an hour"),
        ("%Y-%m-%d %M", "%M needs an hour"), ("%Y-%m-%d %H:%S", "%S needs a minute"),
        ("%Y-%m-%d %f", "%f needs a second"), ("%Y-%W", "needs a month"), ("%s", "write epoch"),
        ("%Q", "write epoch"), ("%e.%m.%Y", "%e is not a code"), ("%Y-%m-%", "must be followed"),
        ("%c %Y", "do not fit"), ("%Y-%V-%u", "do not fit"), ("%Y-%m-%d\n%-H", "%- is not a code"),
    ],
)  # fmt: skip
def test_a_format_that_cannot_be_used_says_why_without_a_made_up_time(form: str, said: str) -> None:
    with pytest.raises(ValueError) as refused:
        DateFormat(form)
    assert said in str(refused.value) and "2001" not in str(refused.value)


@pytest.mark.parametrize(
    ("form", "text", "said"),
    [
        ("%a, %d %b %Y", "Tue, 05 Jan 2026", "that the calendar does not have (Monday, 05 Jan"),
        ("%c", "Tue Jan  5 12:30:12 2026", "calendar"), ("%j-%Y", "366-2025", "calendar"),
        ("%Y-%U-%w", "2025-53-6", "calendar"), ("%Y-%W-%w", "2026-00-1", "calendar"),
        ("%Y-%m-%d (%u)", "2026-01-05 (2)", "calendar"),
        ("%d.%m.%y", "15.03.65", "two digits, which may be 1965 or 2065"),
        ("%x", "03/15/58", "1958 or 2058"), ("%y%m%d", "680315", "1968 or 2068"),
    ],
)  # fmt: skip
def test_a_text_that_names_no_certain_day_is_refused(form: str, text: str, said: str) -> None:
    """Python makes the next year of day 366, and takes 65 for 2065, which other systems do not."""
    with pytest.raises(Untrue) as refused:
        DateFormat(form).read(text)
    assert said in str(refused.value)


@given(st.text(alphabet="%YymdHMSfzZjbBaAIpcxXUWGVuw.- :T", max_size=12))
def test_every_format_is_read_or_refused_in_words(form: str) -> None:
    """Nothing but ValueError: Python raises re.error and others for some."""
    try:
        read = DateFormat(form)
        back = read.read(AT.replace(tzinfo=UTC).strftime(form))
    except ValueError:
        return
    assert back.date() == AT.date()


@given(st.dates(datetime(1000, 1, 1).date()), st.integers(0, 7))
def test_a_compact_date_without_all_its_digits_is_refused(day: object, at: int) -> None:
    text = f"{day:%Y%m%d}"
    with pytest.raises(ValueError):
        DateFormat("%Y%m%d").read(text[:at] + text[at + 1 :])


@given(st.datetimes(timezones=st.just(UTC)))
def test_numbers_that_count_since_1970(when: datetime) -> None:
    seconds = (when - EPOCH) // timedelta(seconds=1)
    whole = when.replace(microsecond=0)
    milli = (when - EPOCH) // timedelta(milliseconds=1)
    assert read_epoch(seconds, "epoch") == read_epoch(str(seconds), "epoch") == whole
    assert read_epoch(f"{seconds}.0", "epoch") == whole
    found = read_odata(f"/Date({milli}+0530)/")
    assert found == (read_epoch(milli, "epoch_ms"), True)
    assert read_odata(f"/Date({milli}+0000)/") == (found[0], False)
    assert timedelta() <= when - found[0] < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    "value", [10**30, -(10**20), float("nan"), float("inf"), True, None, [], "", "1e9", "1_0", "٣"]
)
def test_what_counts_no_time_is_refused(value: object) -> None:
    for form in ("epoch", "epoch_ms"):
        with pytest.raises(ValueError):
            read_epoch(value, form)
