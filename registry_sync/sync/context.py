"""What every phase of a run works with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from registry_sync import runs
from registry_sync.benchling.client import Client
from registry_sync.models import Allowance, Lane, SyncRun
from registry_sync.reporting.app_status import Session
from registry_sync.sync.listener import Listener
from registry_sync.sync.pacing import Pacer, Terms
from registry_sync.sync.phase_timer import PhaseTimer
from registry_sync.sync.plans.write_access import ALL_WRITES, WriteAccess
from registry_sync.sync.setup import Setup

Phase = SyncRun.Phase


class LaneContext(Protocol):
    """A lane and its setup, with the client that reads what Benchling has of it."""

    @property
    def lane(self) -> Lane:
        """Return the lane."""

    @property
    def setup(self) -> Setup:
        """Return its setup."""

    @property
    def client(self) -> Client:
        """Return Benchling's client."""


@dataclass(frozen=True, slots=True)
class RunContext:
    """A run under its lease, the lane it feeds, and the setup as this slice read it.

    It is made once a slice, by `configure_run`, and never changes; the run's row does.
    """

    run: SyncRun
    lease: runs.Lease
    lane: Lane
    setup: Setup
    pacer: Pacer
    last_good: SyncRun | None
    """The lane's last good run; no other one ends before this run has."""
    write_access: WriteAccess = ALL_WRITES
    """What the run may write."""
    passed: dict[str, dict[int, Allowance]] = field(default_factory=dict)
    """Overrides that let records pass and are not used up yet, by external id."""

    @property
    def client(self) -> Client:
        """Return Benchling's client, which waits as the pacer decides."""
        return self.pacer.client

    @property
    def session(self) -> Session:
        """Return the App Status session that mirrors the run."""
        return self.pacer.session

    @property
    def listener(self) -> Listener:
        """Return who watches the run."""
        return self.pacer.listener

    @property
    def terms(self) -> Terms:
        """Return what the operator set."""
        return self.pacer.terms

    @property
    def timed(self) -> PhaseTimer:
        """Return what measures the seconds of each phase: `with ctx.timed("pull"):`."""
        return self.pacer.timed
