"""What one slice of a run works with."""

from __future__ import annotations

from dataclasses import dataclass

from registry_sync import runs
from registry_sync.benchling.client import Client
from registry_sync.models import Lane, SyncRun
from registry_sync.sync.setup import Setup


@dataclass(frozen=True, slots=True)
class Slice:
    """A run under its lease, the lane it feeds, the set-up as it was read, Benchling's client."""

    run: SyncRun
    lease: runs.Lease
    lane: Lane
    setup: Setup
    client: Client
