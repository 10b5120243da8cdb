"""One sync of several lanes in one process: slices in turn, and one outcome a lane.

A lane that waits, fails or loads for hours holds up no other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from registry_sync import runs
from registry_sync.core import stopping
from registry_sync.jobs import runner as jobs
from registry_sync.management.run_summary import (
    busy_sentence,
    does_as_much,
    left_sentence,
    run_summary,
    taken_sentence,
)
from registry_sync.models import Lane, SyncRun
from registry_sync.sync.listener import Listener

LOOK_EVERY = 1.0
"""Seconds between two looks at runs that wait or that workers hold."""


class LaneOutcome(Enum):
    """What became of a lane."""

    SUCCEEDED = "succeeded"
    WARNED = "warned"
    FAILED = "failed"
    BUSY = "busy"
    GONE = "no longer configured"


@dataclass
class LaneWork:
    """A lane's runs that this process worked on, or why it left the lane alone.

    `lane` is None where no run has found one yet.
    """

    lane: Lane | None
    runs: list[SyncRun] = field(default_factory=list)
    busy: str = ""

    @property
    def outcome(self) -> LaneOutcome:
        """Judge the lane by its runs; one that followed the first may have settled its errors."""
        if self.busy:
            return LaneOutcome.BUSY
        if all(run.status == SyncRun.Status.CANCELLED for run in self.runs) and not self._stays:
            return LaneOutcome.GONE
        if any(run.status not in SyncRun.GOOD for run in self.runs):
            return LaneOutcome.FAILED
        warned = self.runs[-1].status != SyncRun.Status.SUCCEEDED
        return LaneOutcome.WARNED if warned or any(r.warnings for r in self.runs) else (
            LaneOutcome.SUCCEEDED
        )  # fmt: skip

    @property
    def _stays(self) -> bool:
        lane = self.lane
        return lane is None or Lane.objects.filter(pk=lane.pk, position__isnull=False).exists()

    def outcome_text(self) -> str:
        """Return the lane's outcome in a line, and what it says in further ones."""
        lines = [self.busy] if self.busy else [run_summary(run) for run in self.runs[:1]]
        head, *details = "\n".join(lines).split("\n")
        for run in self.runs[1:]:
            head += f" Then {run_summary(run)[0].lower()}{run_summary(run)[1:]}".split("\n")[0]
        return "\n".join([head, *details])


class SeveralLanes:
    """Requests a run of each lane, works them in turn, and tells what became of each.

    `values` are the arguments of `runs.request_run`. `say` and `complain` write lines. `listen`
    returns who watches a run.
    """

    def __init__(
        self,
        values: dict[str, Any],
        *,
        say: Callable[[str], object],
        complain: Callable[[str], object],
        listen: Callable[[SyncRun], Listener],
    ) -> None:
        self.values, self.say, self.complain, self.listen = values, say, complain, listen
        self.work: dict[int, LaneWork] = {}
        self._queue: deque[int] = deque()
        self._seen: set[int] = set()
        self._taken_over: set[int] = set()
        self._newest = SyncRun.objects.of_app().values_list("pk", flat=True).first() or 0

    def request(self, lanes: Sequence[Lane]) -> list[SyncRun]:
        """Request a run of each lane; return those that this process may work on."""
        own_runs = []
        for lane in lanes:
            run, is_new = runs.request_run(**{**self.values, "lane": lane})
            work = self.work.setdefault(lane.pk, LaneWork(lane))
            if not is_new and (why := busy_sentence(run)):
                work.busy = why
                continue
            if not is_new:
                self.say(f"{self._name(lane)}: {taken_sentence(run)}")
                self._taken_over.add(run.pk)
            self._add(run)
            own_runs.append(run)
        return own_runs

    def take(self, run: SyncRun) -> None:
        """Count a run that was worked already; the runs requested since are worked as well."""
        self._newest = run.pk
        if run.is_active:
            self._leave(run)
        else:
            self._end(run)

    def work_all(self) -> None:
        """Work every run to its end, and those that they led to."""
        idle = 0
        try:
            while self._queue or self._add_new():
                run_id = self._queue.popleft()
                moved = self._work(run_id)
                idle = 0 if moved else idle + 1
                if self._queue and idle > len(self._queue):
                    idle = 0
                    stopping.sleep_or_stop(LOOK_EVERY, grace=0)
        except stopping.Stopping:
            pass
        for run_id in self._queue:
            self._leave(_row(run_id))

    def outcomes(self) -> list[LaneOutcome]:
        """Return what became of each lane that is configured."""
        every = [work.outcome for work in self.reported()]
        return [outcome for outcome in every if outcome is not LaneOutcome.GONE]

    def reported(self) -> list[LaneWork]:
        """Return the lanes that something became of: not one whose run fed its successor."""
        return [work for work in self.work.values() if work.runs or work.busy]

    def tell(self) -> None:
        """Write what became of each lane."""
        for work in self.reported():
            write = self.complain if work.busy else self.say
            write(f"{self._name(work.lane)}: {work.outcome_text()}")

    def _work(self, run_id: int) -> bool:
        """Work one slice of a run, unless it waits. Return whether anything was done."""
        run, end = _row(run_id), None
        if run.is_active and not runs.is_waiting(run):
            end = jobs.work_slice(run_id, self.listen(run))
            moved = end in (jobs.SliceEnd.MORE, jobs.SliceEnd.DONE)
            run = _row(run_id)
        else:
            moved = not run.is_active
        taken_over = end is jobs.SliceEnd.BUSY and runs.is_held(run)
        if not run.is_active:
            self._end(run)
        elif run.paused_at is not None or taken_over:
            self._leave(run)
        else:
            self._queue.append(run_id)
        if stopping.requested():
            raise stopping.Stopping
        return moved

    def _end(self, run: SyncRun) -> None:
        lane = run.lane
        if lane is None:
            return
        self.work.setdefault(lane.pk, LaneWork(lane)).runs.append(run)
        kind, reads_all = self.values["kind"], self.values["reads_all"]
        if run.pk in self._taken_over and not does_as_much(run, kind, reads_all=reads_all):
            self.request([lane])

    def _leave(self, run: SyncRun) -> None:
        if run.lane is not None:
            self.work.setdefault(run.lane.pk, LaneWork(run.lane)).busy = left_sentence(run)

    def _add(self, run: SyncRun) -> None:
        self._queue.append(run.pk)
        self._seen.add(run.pk)

    def _add_new(self) -> bool:
        """Add runs that the same trigger has requested since, such as those of new lanes."""
        if stopping.requested():
            return False
        since = SyncRun.objects.of_app().filter(pk__gt=self._newest, status__in=SyncRun.ACTIVE)
        new_runs = since.filter(trigger=self.values["trigger"], paused_at=None, lane__isnull=False)
        for run in new_runs.exclude(pk__in=self._seen).order_by("pk"):
            self._add(run)
        return bool(self._queue)

    def _name(self, lane: Lane | None) -> str:
        return runs.LaneNames().of(lane)


def _row(run_id: int) -> SyncRun:
    return SyncRun.objects.select_related("lane").get(pk=run_id)
