"""Listeners of a run."""

from __future__ import annotations

from registry_sync.models import SyncRun


class Interrupt:
    """A listener that does something once, after so many records."""

    def __init__(self, after: int, what) -> None:
        self.after, self.what, self.done = after, what, False

    def progress(self, run: SyncRun) -> None:
        if run.read >= self.after and not self.done:
            self.done = True
            self.what()

    def finding(self, external_id, outcome, details) -> None:
        pass
