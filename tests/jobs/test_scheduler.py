"""The built-in scheduler: its times, what it says, and when it prunes."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings as deployment
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_sync.jobs.schedule import ScheduleError, parse_schedule
from registry_sync.jobs.sole_holder import SoleHolder
from registry_sync.management.commands import scheduler
from tests.support.commands import manage

pytestmark = pytest.mark.once
NOON = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


def at(now: datetime = NOON, **given: str) -> str:
    return f"{parse_schedule(**given).after(now):%d %H:%M:%S}"


def test_an_interval_is_counted_from_midnight_so_a_restart_changes_nothing() -> None:
    assert at(every="15m") == at(NOON + timedelta(minutes=14), every="15m") == "28 12:15:00"
    assert at(every="6h") == "28 18:00:00" and at(every="1d") == "29 00:00:00"


def test_cron_and_quiet_hours_are_told_in_the_zone() -> None:
    assert at(cron="0 6 * * *", zone="Europe/Berlin") == "29 05:00:00"
    assert at(every="1h", quiet="13:00-18:00") == "28 18:00:00"
    assert at(every="1h", quiet="13:00-24:00") == "29 00:00:00"
    night = {"every": "1h", "quiet": "22:00-06:00", "zone": "America/New_York"}
    assert at(NOON.replace(hour=3, minute=30), **night) == "28 11:00:00"


def test_a_time_that_summer_time_skips_starts_once() -> None:
    schedule = parse_schedule(cron="30 2 * * *", zone="Europe/Berlin")
    found, now = [], datetime(2026, 3, 28, 12, tzinfo=UTC)
    for _ in range(3):
        now = schedule.after(now)
        found.append(now.date().day)
    assert found == [29, 30, 31]


@pytest.mark.parametrize(
    ("cron", "then"),
    [("30 2 * * *", "26 01:30"), ("15 1-5 * * *", "25 02:15"), ("*/20 * * * *", "25 01:20")],
)
def test_in_the_hour_that_comes_twice_the_next_time_is_still_to_come(cron: str, then: str) -> None:
    again = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)  # 02:10 in Berlin, for the second time
    assert at(again, cron=cron, zone="Europe/Berlin").startswith(then)


@settings(max_examples=30)
@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),
    st.sampled_from(["7m", "20m", "45m"]),
    st.lists(st.integers(0, 23), min_size=2, max_size=2, unique=True),
)
def test_the_next_time_is_later_and_never_quiet(when, every, hours) -> None:
    quiet = "{:02}:00-{:02}:00".format(*hours)
    now, zone = when.replace(tzinfo=UTC), ZoneInfo("Europe/Berlin")
    schedule = parse_schedule(every=every, quiet=quiet, zone=zone.key)
    found = schedule.after(now)
    assert found > now
    clock = found.astimezone(zone).time()
    begin, end = time(hours[0]), time(hours[1])
    inside = begin <= clock < end if begin <= end else clock >= begin or clock < end
    assert not inside


def test_jitter_starts_later_and_never_earlier() -> None:
    schedule = parse_schedule(every="1h", jitter="30s")
    late = [schedule.after(NOON) - NOON.replace(hour=13) for _ in range(50)]
    assert timedelta() <= min(late) < max(late) <= timedelta(seconds=30)


def test_jitter_moves_no_start_into_quiet_hours() -> None:
    schedule = parse_schedule(every="1h", jitter="30m", quiet="13:01-18:00")
    starts = [schedule.after(NOON) for _ in range(50)]
    assert max(starts) < NOON.replace(hour=13, minute=1), "most of the 30 minutes are quiet"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"every": "soon"}, "“soon” is not a duration"),
        ({"every": "0s"}, "0s is shorter than 1 s"),
        ({"cron": "61 * * * *"}, "“61 * * * *” is not a cron expression"),
        ({"every": "1h", "zone": "Mars/Base"}, "Mars/Base is not a time zone"),
        ({"every": "4000000d"}, "4000000d is longer than 366 days"),
        ({"every": "1h", "jitter": "400d"}, "400d is longer than 366 days"),
        ({"every": "1h", "quiet": "night"}, "“night” are not hours"),
        ({"every": "1h", "quiet": "00:00-24:00"}, "“00:00-24:00” begin and end at the same time"),
        ({"cron": "0 0 */31 * sun#5"}, "no day ever fits “0 0 */31 * sun#5”"),
        ({"every": "1h", "quiet": "22:00Z-06:00Z"}, "“22:00Z-06:00Z” are not hours"),
        ({"cron": "0 23 * * *", "quiet": "22:00-06:00"}, "every time of the schedule is in"),
        ({}, "either an interval or a cron expression"),
    ],
)
def test_a_schedule_that_cannot_be_used_says_why(given: dict[str, str], said: str) -> None:
    with pytest.raises(ScheduleError, match=said.replace("*", r"\*")):
        parse_schedule(**given)


def test_wrong_usage_exits_with_64() -> None:
    done = manage("scheduler", "--every", "soon", DEBUG="1")
    assert done.returncode == 64 and "The schedule cannot be used" in done.stderr


@pytest.mark.parametrize(
    ("status", "words", "said"),
    [
        (0, [], "The sync ended: succeeded"),
        (1, [], "The sync ended: failed"),
        (0, ["--enqueue"], "The runs are queued for the workers"),
        (75, ["--enqueue"], "Nothing was queued: another run was active"),
        (1, ["--enqueue"], "Not every run could be handed to the workers; see above"),
    ],
)
def test_what_was_only_queued_has_not_succeeded(status: int, words: list[str], said: str) -> None:
    assert scheduler._outcome(status, ["sync_registry", *words]) == said


def test_it_prunes_once_a_day_where_a_setting_says_so(monkeypatch) -> None:
    command, begun = scheduler.Command(), []
    monkeypatch.setattr(command, "_start", lambda words: begun.append(words) or 0)
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    assert command._prune(long_ago) == long_ago and not begun
    monkeypatch.setattr(deployment, "KEEP_LOGS_DAYS", 30)
    last = command._prune(long_ago)
    assert begun == [["prune"]] and command._prune(last) == last
    assert begun == [["prune"]]
    command._prune(last - timedelta(days=1))
    assert begun == [["prune"], ["prune"]]


def test_it_says_why_it_waits(monkeypatch, capsys) -> None:
    command, place = scheduler.Command(), SoleHolder("a lane")
    answers = iter([False, False, False, True])
    troubles = iter(["", "connection refused", "connection refused", ""])

    def holds() -> bool:
        place.trouble = next(troubles)
        return next(answers)

    monkeypatch.setattr(place, "holds", holds)
    monkeypatch.setattr(scheduler.stopping, "sleep_or_stop", lambda *_, **__: None)
    command._wait_for_place(place)
    first, second = (line.partition("UTC  ")[2] for line in capsys.readouterr().out.splitlines())
    assert first.startswith("Another scheduler of this lane is running.")
    assert second.startswith("The database cannot be used: connection refused. The operator must")
