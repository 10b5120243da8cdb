"""What is known of one reading of a list, and when it can be trusted."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_sync.source.completeness.reading import Reading, counts_records, is_settled

pytestmark = pytest.mark.once
BEGAN = datetime(2026, 1, 5, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
RECORDS = st.lists(st.integers(0, 40), unique=True, max_size=30)


def read(order: list[int], *, size: int, before: str = "") -> Reading:
    """Read records page by page, as a run does, each process going on from what was kept."""
    reading = Reading(began=BEGAN.isoformat(), before=before)
    seen: set[int] = set()
    for start in range(0, max(len(order), 1), size):
        page = order[start : start + size]
        more = {"offset": start + size} if start + size < len(order) else None
        reading.follow(more, [str(number) for number in page])
        for number in set(page) & seen:
            reading.come_again(str(number), None, changed=False)
        reading.add(f"{hash((number, 1)) % 2**128:032x}" for number in set(page) - seen)
        seen |= set(page)
        reading = Reading.of(json.loads(json.dumps(reading.kept())))
    return reading


@given(RECORDS, st.integers(1, 7), st.randoms())
def test_a_list_that_stands_still_shows_no_sign(order: list[int], size: int, random: Any) -> None:
    first = read(order, size=size)
    assert first.moved(stable_order=None) == []
    random.shuffle(order)
    assert read(order, size=size + 1, before=first.digest).agrees


@given(RECORDS.filter(bool), st.integers(1, 7), st.data())
@pytest.mark.invariant(1)
def test_a_record_on_a_later_page_again_is_a_sign(order: list[int], size: int, data: Any) -> None:
    place = data.draw(st.integers(0, len(order) - 1))
    reading = read([*order, order[place]], size=size)
    on_one_page = place // size == len(order) // size
    assert bool(reading.moved(stable_order=True)) != on_one_page


@given(RECORDS.filter(bool), st.integers(1, 7), st.data())
@pytest.mark.invariant(1)
def test_readings_that_miss_different_records_do_not_agree(
    order: list[int], size: int, data: Any
) -> None:
    one = read(order, size=size)
    missed = data.draw(st.sampled_from(order))
    assert not read([n for n in order if n != missed], size=size, before=one.digest).agrees


@pytest.mark.parametrize(
    ("order", "pages", "stable", "sign"),
    [
        ([3, 1, 2], 2, None, True),
        ([3, 1, 2], 2, True, False),
        ([3, 1, 2], 1, None, False),
        ([1, 2, 3], 2, None, False),
        ([9, 10, 11], 2, None, False),
        ([3, 2, 1], 2, None, False),
    ],
)
@pytest.mark.parametrize(("after", "late"), [(0.5, False), (1.5, True)])
def test_an_edit_is_a_sign_where_pages_are_counted_in_no_known_order(
    order: list[int], pages: int, stable: bool | None, sign: bool, after: float, late: bool
) -> None:
    reading = read(order, size=4 - pages)
    reading.counted = True
    times = [("1", None), ("2", BEGAN + timedelta(seconds=after)), ("3", BEGAN - HOUR)]
    reading.follow_times([*times, ("4", BEGAN + HOUR)], BEGAN + timedelta(minutes=5))
    assert bool(reading.moved(stable_order=stable)) == (sign and late)


@pytest.mark.parametrize("counted", [True, False])
@pytest.mark.parametrize(
    ("changed", "after", "sign"),
    [(False, None, True), (True, None, False), (True, 60, False), (True, -7200, True)],
)
def test_an_edited_record_comes_again_at_the_end_of_a_keyset_list(
    counted: bool, changed: bool, after: int | None, sign: bool
) -> None:
    reading = Reading(began=BEGAN.isoformat(), counted=counted)
    when = None if after is None else BEGAN + timedelta(seconds=after)
    reading.come_again("A", when, changed=changed)
    assert bool(reading.moved(stable_order=None)) == (sign or counted)


@pytest.mark.parametrize(
    ("position", "counts"),
    [
        (None, False),
        ({"offset": 5}, True),
        ({"page": 2}, True),
        ({"cursor": "12"}, False),
        ({"url": "http://r/list?start=5&since=20260101"}, True),
        ({"url": "http://r/list?page=2&per_page=50"}, True),
        ({"url": "http://r/list?page[number]=2"}, True),
        ({"url": "http://r/list?$skip=500"}, True),
        ({"url": "http://r/list?b_start=25"}, True),
        ({"url": "http://r/list?per_page=50&after=1200"}, False),
        ({"url": "http://r/list?$skiptoken=500"}, False),
        ({"url": "http://r/list?startkey=77"}, False),
        ({"url": "http://r/list?page=eyJhIjoxfQ"}, False),
        ({"url": "http://r/list?from=1767225600&after=x"}, False),
        ({"url": "http://r/list?page_size=50&_next=2026,C-1"}, False),
    ],
)
def test_which_positions_count(position: Any, counts: bool) -> None:
    assert counts_records(position) == counts


def test_when_a_reading_is_settled() -> None:
    for signs, attempt, agrees, complete, twice in itertools.product(
        [True, False], [1, 2, 3], [True, False], [True, False], [True, False]
    ):
        settled = is_settled(
            signs=signs, attempt=attempt, agrees=agrees, complete=complete, twice=twice
        )
        if not signs and not twice:
            assert settled, "one reading without a sign is enough"
        if (signs or twice) and attempt == 1 and not agrees:
            assert not settled, "a sign is looked into"
        if not agrees and not complete and (signs or twice):
            assert not settled
