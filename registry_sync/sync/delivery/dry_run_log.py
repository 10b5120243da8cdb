"""What a dry run found, kept in its log, as it may run where no one watches."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone

from registry_sync.core.text import storable
from registry_sync.models import RunLog, SyncRun
from registry_sync.sync.listener import Listener

MOST = 200
"""Records that are kept; a first load would find as many as the registry has."""
LONGEST = 2000


class LoggedFindings:
    """A listener that writes the first findings of a dry run to its log, and passes all on."""

    def __init__(self, run: SyncRun, inner: Listener) -> None:
        self.run, self.inner = run, inner
        self._count = 0

    def progress(self, run: SyncRun) -> None:
        self.inner.progress(run)

    def finding(self, external_id: str, outcome: str, details: Sequence[str]) -> None:
        self.inner.finding(external_id, outcome, details)
        self._count += 1
        if self._count <= MOST:
            level = "WARNING" if outcome == "refused" else "INFO"
            self._write(level, f"{external_id} would be {outcome}. {'; '.join(details)}")
        elif self._count == MOST + 1:
            self._write("INFO", "There are more: sync_registry --dry-run --details lists them all.")

    def _write(self, level: str, text: str) -> None:
        # Past the service's own log, which holds no values of records.
        said = str(storable(text))[:LONGEST]
        RunLog.objects.create(run=self.run, at=timezone.now(), level=level, text=said)
