"""The source's time: what is asked is never later than what may be missing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_sync.source.watermark import (
    GRANULARITIES,
    advance,
    asked_at,
    floor,
    ignores_filter,
    next_since,
    settled,
    since_from,
)

pytestmark = pytest.mark.once
MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1)).map(
    lambda when: when.replace(tzinfo=UTC)
)
ODD = [timedelta(milliseconds=100), timedelta(minutes=15), timedelta(hours=5)]
GRAINS: Any = st.sampled_from([*GRANULARITIES.values(), *ODD])
LAGS = st.timedeltas(timedelta(), timedelta(days=40))


@given(MOMENTS, GRAINS)
def test_floor_cuts_down_to_the_unit_and_stays_there(when: datetime, grain: timedelta) -> None:
    cut = floor(when, grain)
    assert timedelta() <= when - cut < grain
    assert floor(cut, grain) == cut
    midnight = when.replace(hour=0, minute=0, second=0, microsecond=0)
    assert (cut - midnight) % grain == timedelta()


def test_floor_by_example() -> None:
    when = datetime(2026, 1, 5, 12, 34, 56, 789123, tzinfo=UTC)
    assert floor(when, GRANULARITIES["millisecond"]).microsecond == 789000
    assert floor(when, GRANULARITIES["minute"]) == datetime(2026, 1, 5, 12, 34, tzinfo=UTC)
    assert floor(when, GRANULARITIES["day"]) == datetime(2026, 1, 5, tzinfo=UTC)


@given(MOMENTS, LAGS, GRAINS, st.integers(-14, 14))
@pytest.mark.invariant(1)
def test_since_never_lies_after_the_watermark_less_the_lag(
    watermark: datetime, lag: timedelta, grain: timedelta, hours: int
) -> None:
    since = since_from(watermark, lag, grain)
    assert watermark - lag - grain < since <= watermark - lag
    elsewhere = watermark.astimezone(timezone(timedelta(hours=hours)))
    assert since_from(elsewhere, lag, grain) == since and since.utcoffset() == timedelta()


@given(MOMENTS, MOMENTS, LAGS, GRAINS)
@pytest.mark.invariant(1)
def test_a_later_watermark_never_asks_for_less(
    one: datetime, other: datetime, lag: timedelta, grain: timedelta
) -> None:
    early, late = sorted([one, other])
    assert since_from(early, lag, grain) <= since_from(late, lag, grain)


MAYBE = st.none() | MOMENTS


@given(MAYBE, MAYBE, MAYBE)
@pytest.mark.invariant(1)
def test_advance_never_goes_back_nor_past_what_was_seen_nor_past_the_sources_clock(
    current: datetime | None, seen: datetime | None, server: datetime | None
) -> None:
    moved = advance(current, seen, server)
    if current is not None:
        assert moved is not None and moved >= current
    if moved != current:
        assert moved is not None and seen is not None and moved <= seen
        assert server is None or moved <= server
    if seen is None:
        assert moved == current


@given(st.lists(MOMENTS, min_size=1), MOMENTS)
def test_the_order_of_records_does_not_matter(times: list[datetime], server: datetime) -> None:
    def after(order: list[datetime]) -> datetime | None:
        watermark = None
        for when in order:
            watermark = advance(watermark, when, server)
        return watermark

    assert after(times) == after(sorted(times)) == min(max(times), server)


@pytest.mark.invariant(1)
def test_a_record_dated_in_the_future_hides_nothing() -> None:
    now = datetime(2026, 1, 5, tzinfo=UTC)
    assert advance(None, now + timedelta(days=3650), now) == now


@given(MAYBE, MOMENTS)
@pytest.mark.invariant(1)
def test_neither_clock_alone_is_believed(theirs: datetime | None, ours: datetime) -> None:
    asked = asked_at(theirs, ours)
    assert asked <= ours and (theirs is None or asked <= theirs)
    assert asked in (ours, theirs)


COUNTS = st.integers(0, 10_000)


@given(COUNTS, COUNTS, COUNTS, st.none() | COUNTS)
def test_a_filter_is_called_ignored_by_share(
    older: int, on_page: int, collection: int, total: int | None
) -> None:
    ignored = ignores_filter(older, on_page, collection, total)
    if older < 2:
        assert not ignored
    elif older * 2 >= collection:
        assert ignored
    elif total is None or older < on_page // 2:
        assert not ignored
    if ignored:
        assert ignores_filter(older + 1, on_page, collection, total)


@given(MAYBE, MAYBE, MAYBE, st.booleans(), st.booleans())
@pytest.mark.invariant(1)
def test_a_held_watermark_does_not_pass_since(
    seen: datetime | None,
    asked: datetime | None,
    since: datetime | None,
    by_cursor: bool,
    held: bool,
) -> None:
    watermark = settled(seen, asked, since, by_cursor=by_cursor, held=held)
    if held:
        assert watermark == since
    else:
        assert watermark in (seen, asked)
        assert watermark is not None or (seen is None and asked is None)
    if not held and not by_cursor and asked is not None:
        assert watermark == asked


@given(MOMENTS, LAGS, GRAINS)
@pytest.mark.invariant(1)
def test_a_held_watermark_asks_from_the_same_time_again(
    watermark: datetime, lag: timedelta, grain: timedelta
) -> None:
    since = next_since(watermark, lag, grain, held=False)
    assert since == since_from(watermark, lag, grain)
    assert next_since(since, lag, grain, held=True) == since
