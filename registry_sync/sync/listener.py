"""Who watches a run as it goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from registry_sync.models import SyncRun


class Listener(Protocol):
    """Watches a run: a terminal, a canvas or a log."""

    def progress(self, run: SyncRun) -> None:
        """Called when the run's counts have changed."""

    def finding(self, external_id: str, outcome: str, details: Sequence[str]) -> None:
        """Called by a dry run: what would happen to a record (created, changed, refused …)."""


class NullListener:
    """The listener of a run that no one watches."""

    def progress(self, run: SyncRun) -> None:
        pass

    def finding(self, external_id: str, outcome: str, details: Sequence[str]) -> None:
        pass
