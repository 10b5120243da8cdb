"""The schedule, inferred from the runs that it started."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from django.utils import timezone

from registry_sync.core.dates import duration, stamp
from registry_sync.models import SyncRun

LOOKED_BACK = 300
"""Scheduled runs from which the rhythm is inferred: three days at one run per 15 minutes."""
FEWEST = 4
"""Runs that are needed to infer a rhythm."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often the schedule starts a run, when the next is expected, and whether it is overdue."""

    every: timedelta
    expected_at: datetime
    overdue: bool

    def sentence(self) -> str:
        """Return in a sentence when the next scheduled run is expected."""
        often = f"About every {duration(self.every)}"
        if self.overdue:
            return f"{often}; the next was expected about {stamp(self.expected_at)} and is overdue."
        return f"{often}; next expected about {stamp(self.expected_at)}."


def infer_rhythm(*, now: datetime | None = None) -> Rhythm | None:
    """Return the schedule, inferred from the runs that it started; None if they have no rhythm.

    A pause as long as two earlier ones (nights, weekends) is not overdue.
    """
    scheduled = SyncRun.objects.of_app().filter(trigger=SyncRun.Trigger.SCHEDULE)
    # One call of the schedule starts a run of each lane.
    scheduled = scheduled.exclude(lane__position__gt=0)
    begun = list(scheduled.order_by("-id").values_list("created_at", flat=True)[:LOOKED_BACK])
    gaps = [later - earlier for later, earlier in pairwise(begun)]
    if len(begun) < FEWEST:
        return None
    every = sorted(gaps)[len(gaps) // 2]
    like = [gap for gap in gaps if abs(gap - every) <= max(every / 4, timedelta(seconds=20))]
    if len(like) < 0.6 * len(gaps) or every < timedelta(seconds=30):
        return None
    waited = (now or timezone.now()) - begun[0]
    usual = max(every, sorted(gaps)[-2])
    overdue = waited > usual + max(every / 2, timedelta(minutes=2))
    expected_at = begun[0] + every
    if waited > every * 1.5 and not overdue:
        expected_at = begun[0] + usual  # the pause is a long one, as there were before
    return Rhythm(every, expected_at, overdue)
