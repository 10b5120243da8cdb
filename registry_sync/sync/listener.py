"""Who watches a run as it goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from registry_sync.models import SyncRun


class Listener(Protocol):
    """Watches a run: a terminal, a canvas or a log."""

    def progress(self, run: SyncRun) -> None:
        """Follow the run's counts, which have just changed."""

    def finding(self, external_id: str, outcome: str, details: Sequence[str]) -> None:
        """Report what would happen to a record in a dry run (created, changed, refused …)."""


class NullListener:
    """The listener of a run that no one watches."""

    def progress(self, run: SyncRun) -> None:
        pass

    def finding(self, external_id: str, outcome: str, details: Sequence[str]) -> None:
        pass
