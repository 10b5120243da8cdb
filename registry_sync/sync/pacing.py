"""How a slice uses its time: when it ends, how it waits, and what it shows while it works."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from django.utils import timezone

from registry_sync import runs
from registry_sync.benchling.client import Client
from registry_sync.benchling.errors import Wait, retry_time
from registry_sync.core import stopping
from registry_sync.core.waits import OBJECT_LIMIT
from registry_sync.models import SyncRun
from registry_sync.reporting import app_status
from registry_sync.reporting.session_messages import counts_sentence
from registry_sync.runs import estimate
from registry_sync.sync.listener import Listener
from registry_sync.sync.phase_timer import PhaseTimer

WaitPolicy = Callable[[float, str], None]
"""How a client waits: called with the seconds and the reason; it may raise to give up."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the operator set: pace, patience and the key that opens secure values."""

    private_key: str = field(repr=False)
    batch_size: int = 2500
    in_flight: int = 1
    objects_per_hour: int = 0
    slice_seconds: float = 60.0
    full_after: timedelta = timedelta(days=7)
    great_change_percent: int = 50
    plan_days: int = 7


def wait_outside_run(seconds: float, reason: str) -> None:
    """Wait outside a run, whatever the reason. Raise Stopping."""
    stopping.sleep_or_stop(seconds)


class Pacer:
    """The clock of one slice: it ends the slice, waits under the lease and shows progress.

    `open_client` makes Benchling's client from the way to wait, which is `pause`.
    """

    def __init__(
        self,
        run: SyncRun,
        lease: runs.Lease,
        terms: Terms,
        open_client: Callable[[WaitPolicy], Client],
        listener: Listener,
    ) -> None:
        self.run, self.lease, self.terms, self.listener = run, lease, terms, listener
        self.open_client = open_client
        self.client = open_client(self.pause)
        self.session = app_status.Session(run, lease, self.client)
        self.timed = PhaseTimer(run.phase_seconds)
        self._deadline = time.monotonic() + terms.slice_seconds
        self._renewed = time.monotonic()
        self._holds_lease = True

    def out_of_time(self) -> bool:
        """Return whether the slice ends here: its time is up, or it must stop, or was paused."""
        return time.monotonic() > self._deadline or stopping.requested() or runs.is_paused(self.run)

    def pause(self, seconds: float, reason: str = "") -> None:
        """Wait while the lease is kept alive.

        A wait for a `reason` is shown if it is long. Raise Wait if there is a reason and the
        slice's time is up, LeaseLost if another process took the run over, and Stopping.
        """
        if not self._holds_lease:
            stopping.sleep_or_stop(seconds)
            return
        if reason == OBJECT_LIMIT and self.run.limited_at is None:
            written = self.run.created + self.run.updated
            now = timezone.now()
            runs.save_columns(self.run, self.lease, limited_at=now, limited_written=written)
        if reason and self.out_of_time():
            raise Wait(retry_time(seconds), reason)
        if reason and seconds > 1:
            self.session.progress(f"Waiting for {reason}; next try in {seconds:.0f} s.")
        # First, so that a holder whose lease was taken over stops here and sends nothing more.
        runs.renew(self.lease)
        self._renewed = time.monotonic()
        until, often = time.monotonic() + seconds, runs.lease_time().total_seconds() / 9
        while (remaining := until - time.monotonic()) > 0:
            if reason and stopping.requested():
                raise Wait(retry_time(remaining), reason)
            stopping.sleep_or_stop(min(remaining, often, stopping.STEP))
            self._renew_after(often)
        if reason:
            runs.count_wait(self.run, reason, seconds)

    def keep_alive(self) -> None:
        """Renew the lease now and then while the registry is read. Raise LeaseLost, Stopping."""
        stopping.check()
        self._renew_after(runs.lease_time().total_seconds() / 9)

    def _renew_after(self, often: float) -> None:
        now = time.monotonic()
        if now - self._renewed > often:
            self._renewed = now
            runs.renew(self.lease)

    def leave_lease(self) -> None:
        """Stop renewing the lease: it is given up, and later waits are plain waits."""
        self._holds_lease = False

    def show_wait(self, reason: str) -> None:
        """Show what the run waits for: to its listener and in App Status."""
        self.listener.progress(self.run)
        self.session.progress(f"Waiting for {reason}.", at_once=True)

    def show_progress(self) -> None:
        """Show how far the run is: to its listener and in App Status."""
        self.listener.progress(self.run)
        total = self.run.source_total
        of_total = f" of {total:,}" if total else ""
        time_left = estimate.time_left_sentence(self.run, per_hour=self.terms.objects_per_hour)
        counts = counts_sentence(self.run)
        self.session.progress(f"So far{of_total}: {counts} {time_left}".strip())
