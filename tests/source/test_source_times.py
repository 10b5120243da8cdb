"""Times as registries write them, and as they are asked: nothing shifts, nothing is lost."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_sync.core.epochs import UNITS
from registry_sync.source.connector import Incremental
from registry_sync.source.connector_settings import parse_connector
from registry_sync.source.record_reader import RecordReader
from registry_sync.source.timestamps import read_time, write_time
from registry_sync.source.watermark import since_from
from tests.support.odd import Asked, endpoint, ids

pytestmark = pytest.mark.once
AT = datetime(2026, 1, 5, 12, 30, 15, tzinfo=UTC)
SINCE = "{incremental.start_value}"


@pytest.mark.parametrize(
    ("value", "terms", "expected"),
    [
        ("2026-01-05T12:30:15Z", {}, AT),
        ("2026-01-05T13:30:15+01:00", {}, AT),
        ("2026-01-05 12:30:15", {}, AT),
        ("2026-01-05T12:30:15.123456789Z", {}, AT.replace(microsecond=123456)),
        ("2026-01-05 13:30:15", {"timezone": "Europe/Berlin"}, AT),
        ("2026-01-05", {}, AT.replace(hour=0, minute=0, second=0)),
        ("05.01.2026 12:30", {"datetime_format": "%d.%m.%Y %H:%M"}, AT.replace(second=0)),
        ("2026-01-05T12:30:15Z", {"datetime_format": "%Y-%m-%d"}, AT),
        (1767616215, {"datetime_format": "epoch"}, AT),
        (1767616215000, {"datetime_format": "epoch_ms"}, AT),
        ("1767616215", {"datetime_format": "epoch"}, AT),
        (1767616215000000, {"datetime_format": "epoch_us"}, AT),
        ("1767616215000000000", {"datetime_format": "epoch_ns"}, AT),
        (1767616215000000, {}, AT),
        (1767616215000000000, {}, AT),
        (1767616215000, {}, AT),
        (1767616215.5, {}, AT.replace(microsecond=500000)),
        ("/Date(1767616215000)/", {}, AT),
        ("/Date(1767616215000+0000)/", {}, AT),
        ("20260105123015Z", {"datetime_format": "%Y%m%d%H%M%S%z"}, AT),
        ("20260105133015+0100", {"datetime_format": "%Y%m%d%H%M%S%z"}, AT),
        (20260105123015, {"datetime_format": "%Y%m%d%H%M%S"}, AT),
        (1767616215, {"datetime_format": "%Y-%m-%d"}, AT),
        ("20260105T123015,0z", {}, AT),
        ("2026-W02-1T12:30:15Z", {}, AT),
        ("2026-01-05 12:30:15,0", {}, AT),
        ("2026-005", {}, None),
        ("26-01-05T12:30:15Z", {}, None),
        ("2026-01-05T12:30:60Z", {}, None),
        ("1767616215,5", {"datetime_format": "epoch"}, None),
        ("2026-01-05T12:30:15 CET", {}, None),
        ("2026-366", {"datetime_format": "%Y-%j"}, None),
        ("05.01.50", {"datetime_format": "%d.%m.%y"}, None),
        ("20260105123015Z", {}, None),
        ("20260105123015+0100", {}, None),
        ("20260105T12301578Z", {}, None),
        ("2026-01-05T12:30:15:5Z", {}, None),
        ("2026-01-05T24:00:00Z", {}, None),
        (20260105, {}, None),
        (20260105123015, {}, None),
        (202601051230, {}, None),
        (46027.5, {}, None),
        (639032322120000000, {}, None),
        (46027, {"datetime_format": "epoch"}, datetime(1970, 1, 1, 12, 47, 7, tzinfo=UTC)),
        (0, {}, datetime(1970, 1, 1, tzinfo=UTC)),
        ("2026010512301", {"datetime_format": "%Y%m%d%H%M%S"}, None),
        ("0001-01-01T00:00:00+01:00", {}, None),
        (float("nan"), {}, None),
        ([1767616215], {}, None),
        ("yesterday", {}, None),
        ("", {}, None),
        (None, {}, None),
        (True, {}, None),
        ({"$date": 1}, {}, None),
        (1e300, {}, None),
        ("9" * 400, {"datetime_format": "epoch"}, None),
    ],
)
def test_reading(value: Any, terms: Any, expected: datetime | None) -> None:
    assert read_time(value, Incremental(**terms)) == expected


@pytest.mark.parametrize(
    ("terms", "text"),
    [
        ({}, "2026-01-05T12:30:15Z"),
        ({"granularity": timedelta(microseconds=1)}, "2026-01-05T12:30:15.000000Z"),
        ({"granularity": timedelta(days=1)}, "2026-01-05"),
        ({"timezone": "Europe/Berlin"}, "2026-01-05T13:30:15+01:00"),
        ({"datetime_format": "%Y-%m-%d %H:%M:%S"}, "2026-01-05 12:30:15"),
        ({"datetime_format": "%Y-%m-%d %H:%M"}, "2026-01-05 12:30"),
        ({"datetime_format": "epoch"}, "1767616215"),
        ({"datetime_format": "epoch_ms"}, "1767616215000"),
        ({"datetime_format": "epoch_us"}, "1767616215000000"),
        ({"datetime_format": "epoch_ns"}, "1767616215000000000"),
        (
            {"datetime_format": "%Y-%m-%d %H:%M:%S", "timezone": "America/New_York"},
            "2026-01-05 07:30:15",
        ),
    ],
)
def test_writing(terms: Any, text: str) -> None:
    assert write_time(AT, Incremental(**terms)) == text


def test_a_time_that_counts_another_unit_is_none_and_told() -> None:
    """Seconds that the settings call milliseconds would be January 1970, in the audit as well."""
    terms = {"cursor_path": "at", "datetime_format": "epoch_ms"}
    settings = endpoint(params={"since": SINCE}, incremental=terms)
    reader = RecordReader(parse_connector(settings, api_url="https://r.example/list"))
    assert reader.cursor_of({"id": 1, "at": 1767616215000}) == AT
    assert reader.cursor_of({"id": 2, "at": 1767616215}) is None
    assert reader.bad_cursors == (1, "1767616215") and reader.untimed == "2"


ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]
MOMENTS = st.datetimes(datetime(1960, 1, 1), datetime(2100, 1, 1)).map(
    lambda when: when.replace(tzinfo=UTC)
)


@given(MOMENTS, st.sampled_from([*UNITS, "iso"]), st.sampled_from(ZONES))
def test_what_is_written_reads_as_no_later(when: datetime, style: str, zone: str) -> None:
    terms = Incremental(datetime_format=style, timezone=zone)
    back = read_time(write_time(when, terms), terms)
    assert back is not None
    assert timedelta() <= when - back < timedelta(hours=2, seconds=1)


@given(MOMENTS, st.sampled_from(ZONES))
def test_a_date_never_shifts_a_day(when: datetime, zone: str) -> None:
    day: date = when.date()
    terms = Incremental(granularity=timedelta(days=1), timezone=zone)
    read = read_time(day.isoformat(), terms)
    assert read is not None and read.astimezone(ZoneInfo(zone)).date() == day
    assert write_time(read, terms) == day.isoformat()


NIGHTS = [
    ("Europe/Berlin", datetime(2026, 10, 24, 23, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 3, 28, 23, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 11, 1, 4, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 13, tzinfo=UTC)),
]


@pytest.mark.parametrize(("zone", "begin"), NIGHTS)
@pytest.mark.parametrize("lag", [0, 300])
@pytest.mark.invariant(1)
def test_an_edit_after_the_watermark_is_asked_for_in_the_nights_of_the_clock_change(
    zone: str, begin: datetime, lag: int
) -> None:
    """A registry that writes and compares local time without offset loses no edit."""
    terms = Incremental(timezone=zone, datetime_format="%Y-%m-%d %H:%M:%S")

    def local(when: datetime) -> str:
        return when.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S")

    minutes = [begin + timedelta(minutes=5 * n) for n in range(60)]
    for at, newest in enumerate(minutes):
        watermark = read_time(local(newest), terms)
        assert watermark is not None and watermark <= newest
        asked = write_time(
            since_from(watermark, timedelta(seconds=lag), timedelta(seconds=1)), terms
        )
        missed = [edited for edited in minutes[at:] if local(edited) < asked]
        assert not missed, f"asked since {asked} after {newest}"


def test_a_time_that_no_clock_showed_is_read_as_the_earlier() -> None:
    terms = Incremental(timezone="Europe/Berlin")
    assert read_time("2026-03-29 02:30:00", terms) == datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
    assert read_time("2026-10-25 02:30:00", terms) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_since_is_put_where_the_settings_say(serve: Any) -> None:
    registry = serve(lambda asked: [])
    settings = endpoint(
        params={"filter": f"m ge {SINCE}", "since": SINCE, "size": 5},
        incremental={"cursor_path": "m"},
        paginator="single_page",
    )
    source = registry.source(settings)
    ids(source, AT)
    ids(source)
    assert registry.asked[0].query == {
        "filter": "m ge 2026-01-05T12:30:15Z",
        "since": "2026-01-05T12:30:15Z",
        "size": "5",
    }
    assert registry.asked[1].query == {"size": "5"}, "a full read asks for no time"
    assert source.since_text(AT) == "2026-01-05T12:30:15Z" and source.since_text(None) == ""


def test_since_in_a_body_and_the_initial_value_of_a_full_read(serve: Any) -> None:
    registry = serve(lambda asked: [])
    settings = endpoint(
        json={"domain": [["m", ">=", SINCE], ["text", "=", f"since {SINCE}"]]},
        incremental={"cursor_path": "m", "datetime_format": "epoch", "initial_value": "1970-01-02"},
        paginator="single_page",
    )
    source = registry.source(settings)
    ids(source, AT)
    ids(source)
    assert registry.asked[0].json == {
        "domain": [["m", ">=", 1767616215], ["text", "=", "since 1767616215"]]
    }
    assert registry.asked[1].json["domain"][0] == ["m", ">=", 86400]


def test_the_other_terms_of_a_filter_stay_in_a_full_read(serve: Any) -> None:
    """Left out with the time, they would let in what was never to come."""
    registry = serve(lambda asked: [])
    settings = endpoint(
        params={"$filter": f"Plant eq '1000' and Changed ge {SINCE}"},
        incremental={"initial_value": "1970-01-01"},
    )
    ids(registry.source(settings))
    asked = registry.asked[0].query["$filter"]
    assert asked == "Plant eq '1000' and Changed ge 1970-01-01T00:00:00Z"


def test_modified_since_parameter_alone(serve: Any) -> None:
    registry = serve(lambda asked: [])
    ids(registry.source(modified_since_parameter="updated_after"), AT)
    assert registry.asked[0].query == {"updated_after": "2026-01-05T12:30:15Z"}


def test_a_resumed_read_asks_by_the_same_since(serve: Any) -> None:
    def answer(asked: Asked) -> Any:
        assert asked.query["since"] == "2026-01-05T12:30:15Z"
        return [{"id": asked.query["page"]}] if int(asked.query["page"]) < 4 else []

    settings = endpoint(paginator="page_number", params={"since": SINCE}, incremental={})
    registry = serve(answer)
    page = next(registry.source(settings).pages(AT))
    assert ids(registry.source(settings), AT, position=page.next_position) == ["2", "3"]


def test_times_that_cannot_be_read_are_counted_with_an_example(serve: Any) -> None:
    settings = endpoint(params={"s": SINCE}, incremental={"cursor_path": "meta.at"})
    source = serve(None).source(settings)
    assert source.cursor_of({"meta": {"at": "2026-01-05T12:30:15Z"}}) == AT
    assert source.cursor_of({"id": "C-7", "meta": {"at": "soon"}}) is None
    assert source.cursor_of({}) is None
    assert source.bad_cursors == (2, "“soon”") and source.untimed == "C-7"
