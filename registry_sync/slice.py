"""What one slice of a run works with."""

from __future__ import annotations

from dataclasses import dataclass

from . import runs
from .benchling import Client
from .configure import Setup
from .models import Lane, SyncRun


@dataclass(frozen=True, slots=True)
class Slice:
    """A run under its lease, the lane it feeds, the set-up as it was read, Benchling's client."""

    run: SyncRun
    lease: runs.Lease
    lane: Lane
    setup: Setup
    client: Client
