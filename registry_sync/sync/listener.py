"""Who watches a run as it goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from registry_sync.models import SyncRun


class Listener(Protocol):
    """Who watches a run as it goes: a terminal, or nobody."""

    def progress(self, run: SyncRun) -> None:
        """The counts of the run have moved."""

    def finding(self, external_id: str, outcome: str, details: Sequence[str]) -> None:
        """A dry run found what would become of a record."""


class Nobody:
    """The listener where nobody watches."""

    def progress(self, run: SyncRun) -> None:
        pass

    def finding(self, external_id: str, outcome: str, details: Sequence[str]) -> None:
        pass
