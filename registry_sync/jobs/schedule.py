"""When the scheduler starts a sync: an interval or a cron expression, quiet hours, and jitter."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

INTERVAL = re.compile(r"(\d+)([smhd])")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
LOOKED_AT, LOOKED_AHEAD = 400, timedelta(days=2)
"""A schedule of which so many times, and all of so long, lie in quiet hours never starts."""
LONGEST = timedelta(days=366)


class ScheduleError(ValueError):
    """A schedule that cannot be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Times at which syncs start. Times of cron and of quiet hours are those of `zone`."""

    every: timedelta | None
    cron: str
    zone: ZoneInfo
    quiet: tuple[time, time] | None = None
    jitter: timedelta = timedelta()

    def after(self, now: datetime) -> datetime:
        """Return the next time after `now`, in UTC, with its jitter.

        Raise ScheduleError if there is none, or if every time lies in the quiet hours.
        """
        looked_at = -1
        for looked_at, local in enumerate(self._times(now)):
            at = local.astimezone(UTC)
            if at > now and not self._is_quiet(at):
                return self._later(at)
            if looked_at > LOOKED_AT and at > now + LOOKED_AHEAD:
                break
        if looked_at < 0:
            raise ScheduleError(f"no day ever fits “{self.cron}”")
        raise ScheduleError("every time of the schedule is in its quiet hours")

    def _later(self, at: datetime) -> datetime:
        """Return a time up to the jitter later; the time itself if that would be in quiet hours."""
        moved = at + self.jitter * random.random()
        return at if self._is_quiet(moved) else moved

    def _times(self, now: datetime) -> Iterator[datetime]:
        """Yield the times from about `now` on.

        Where a clock is put back, cronsim gives the first of two equal times, also after it.
        """
        if self.every is None:
            yield from CronSim(self.cron, now.astimezone(self.zone))
            return
        # Counted from midnight UTC of 1970, so that a restart changes nothing.
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        number = (now - epoch) // self.every
        while True:
            number += 1
            yield epoch + number * self.every

    def _is_quiet(self, at: datetime) -> bool:
        if self.quiet is None:
            return False
        begin, end = self.quiet
        clock = at.astimezone(self.zone).time()
        if begin <= end:
            return begin <= clock < end
        return clock >= begin or clock < end


def parse_schedule(
    *, every: str = "", cron: str = "", zone: str = "UTC", quiet: str = "", jitter: str = ""
) -> Schedule:
    """Return a schedule from texts such as `15m`, `0 6 * * *`, `22:00-06:00` and `30s`.

    Raise ScheduleError.
    """
    if bool(every) == bool(cron):
        raise ScheduleError("give either an interval or a cron expression")
    try:
        where = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ScheduleError(f"{zone} is not a time zone; write one like Europe/Berlin") from error
    schedule = Schedule(
        _interval(every, least=timedelta(seconds=1)) if every else None,
        cron,
        where,
        _quiet(quiet) if quiet else None,
        _interval(jitter) if jitter else timedelta(),
    )
    try:
        schedule.after(datetime.now(UTC))
    except CronSimError as error:
        raise ScheduleError(f"“{cron}” is not a cron expression: {error}") from error
    return schedule


def _interval(text: str, *, least: timedelta = timedelta()) -> timedelta:
    read = INTERVAL.fullmatch(text.strip())
    if read is None:
        raise ScheduleError(f"“{text}” is not a duration; write one like 30s, 15m, 6h or 1d")
    try:
        length = timedelta(**{UNITS[read[2]]: int(read[1])})
    except (OverflowError, ValueError) as error:
        raise ScheduleError(f"{text} is too long") from error
    if length < least:
        raise ScheduleError(f"{text} is shorter than {least.total_seconds():g} s")
    if length > LONGEST:
        raise ScheduleError(f"{text} is longer than {LONGEST.days} days")
    return length


def _quiet(text: str) -> tuple[time, time]:
    begin, dash, end = text.partition("-")
    end = "00:00" if end.strip() in ("24:00", "24:00:00") else end.strip()
    try:
        hours = time.fromisoformat(begin.strip()), time.fromisoformat(end)
    except ValueError:
        dash = ""
    if not dash or any(hour.tzinfo for hour in hours):
        raise ScheduleError(f"“{text}” are not hours; write them like 22:00-06:00")
    if hours[0] == hours[1]:
        raise ScheduleError(f"“{text}” begin and end at the same time")
    return hours
