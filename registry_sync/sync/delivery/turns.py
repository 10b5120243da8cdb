"""Turns at a Benchling registry: lanes write to it one batch after the other.

Benchling registers one batch at a time, so two would only stop each other. A lane that loads for
hours lets every other lane send a batch after each of its own. A run says since when it waits
(`SyncRun.turn_since`) before it looks who waits longer, so two never see themselves first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property

from django.db.models import Q, QuerySet

from registry_sync import runs
from registry_sync.core.waits import WaitReason, turn_after
from registry_sync.models import Batch, Lane, SyncRun
from registry_sync.runs.lease import write_past_frozen
from registry_sync.sync.context import RunContext

SOON, LATER = 0.1, 1.0
"""Seconds between two looks, at first and at most."""


class Turns:
    """The turns of one run among those of the other lanes."""

    def __init__(self, ctx: RunContext) -> None:
        self.ctx = ctx

    @cached_property
    def _alone(self) -> bool:
        return len(runs.current_lanes()) < 2

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold a turn during a write that is no batch: no other run could see it fly.

        Raise what `take` raises.
        """
        self.take()
        try:
            yield
        finally:
            self.pass_on()

    def take(self, batch: Batch | None = None) -> None:
        """Wait until this run may send a part of a batch. Raise Wait, LeaseLost or Stopping."""
        if self._alone:
            return
        if self.ctx.run.turn_since is None:
            write_past_frozen(self._stand_in_line)
        wait = SOON
        while (ahead := self._longest_in_line() or self._flying(batch)) is not None:
            reason = turn_after(f"run {ahead.pk}{self._lane_of(ahead)}")
            if wait >= LATER:
                self._show(reason)
            self.ctx.pacer.pause(wait, reason)
            wait = min(LATER, wait * 1.5)

    def pass_on(self) -> None:
        """Let the others go on: what was sent is written down. Raise LeaseLost."""
        if self.ctx.run.turn_since is not None:
            runs.save_columns(self.ctx.run, self.ctx.lease, **runs.NOT_WAITING)

    def _stand_in_line(self) -> None:
        """Write down since when this run waits, before anyone who comes later can look.

        The time is read under a lock that all lanes of the Benchling registry share: one that is
        read earlier and committed later would not be seen by a run that came in between.
        """
        lanes = Lane.objects.of_app().filter(registry_id=self.ctx.lane.registry_id).order_by("pk")
        lanes.select_for_update(no_key=True).first()
        runs.renew(self.ctx.lease)  # SQLite locks with the first write
        runs.save_columns(self.ctx.run, self.ctx.lease, turn_since=runs.database_now())

    def _show(self, reason: WaitReason) -> None:
        """Show for whom this run waits, wherever runs are shown. Raise LeaseLost."""
        if self.ctx.run.waiting_for != reason:
            why = {"waiting_code": reason.code, "waiting_for": str(reason)}
            runs.save_columns(self.ctx.run, self.ctx.lease, **why)
            self.ctx.pacer.show_wait(reason)

    def _lane_of(self, run: SyncRun) -> str:
        name = runs.LaneNames().of(run.lane)
        return f" ({name})" if name else ""

    def _longest_in_line(self) -> SyncRun | None:
        """Return the run that waits longest, if it waits longer than this one."""
        since, pk = self.ctx.run.turn_since, self.ctx.run.pk
        longer = Q(turn_since__lt=since) | Q(turn_since=since, pk__lt=pk)
        live = self._others().filter(longer, lease_until__gt=runs.now_in_query())
        return live.select_related("lane").order_by("turn_since", "pk").first()

    def _flying(self, batch: Batch | None) -> SyncRun | None:
        """Return a run whose batch leaves no room for one more of this run's; else None."""
        own_batches = Batch.objects.filter(run=self.ctx.run, done_at=None).exclude(task_id="")
        own_batches = own_batches.exclude(pk=batch.pk) if batch is not None else own_batches
        room = max(1, self.ctx.terms.in_flight - own_batches.count())
        flying = 0
        for other in self._sent_by_others():
            flying += not other.task_id or self._is_running(other.task_id)
            if flying >= room:
                return other.run
        return None

    def _sent_by_others(self) -> Iterable[Batch]:
        """Return open batches of other lanes: with a task, or on their way to get one."""
        live = Q(run__lease_until__gt=runs.now_in_query(), run__turn_since=None)
        sent = ~Q(task_id="") | (live & Q(asked_at__isnull=False))
        found = Batch.objects.filter(sent, run__in=self._others(), done_at=None)
        return found.only("task_id", "run")  # `lines` may be megabytes

    def _is_running(self, task_id: str) -> bool:
        task = self.ctx.client.task(task_id)
        return task is not None and task.running

    def _others(self) -> QuerySet[SyncRun]:
        run, lane = self.ctx.run, self.ctx.lane
        active = SyncRun.objects.of_same_app(run).filter(status__in=SyncRun.ACTIVE)
        return active.filter(lane__registry_id=lane.registry_id).exclude(pk=run.pk)
