"""What a dry run found, kept in its log, as it may run where no one watches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from django.db.models import Count
from django.utils import timezone

from registry_sync.core.text import number_of, storable
from registry_sync.models import Refusal, RunLog, SyncRun
from registry_sync.reporting.catalogue import record_actor, record_cause
from registry_sync.sync.links import LINK_WAITS
from registry_sync.sync.listener import Listener

CHANGES, REFUSALS = 200, 10_000
"""Lines that are kept of each; a first load would change as many records as the registry has."""
LONGEST = 2000
CHUNK = 1000


class LoggedFindings:
    """A listener that keeps what a dry run found for its log, and passes all on."""

    def __init__(self, run: SyncRun, inner: Listener) -> None:
        self.run, self.inner = run, inner
        self._changes: list[str] = []
        self._count = 0

    def progress(self, run: SyncRun) -> None:
        self.inner.progress(run)

    def finding(self, external_id: str, outcome: str, details: Sequence[str]) -> None:
        self.inner.finding(external_id, outcome, details)
        if outcome == "refused":
            return  # kept with its cause, also beyond this log
        self._count += 1
        if self._count <= CHANGES:
            self._changes.append(f"{external_id} would be {outcome}. {'; '.join(details)}")

    def write(self) -> None:
        """Write all refusals by cause, then a sample of the changes."""
        lines = iter([*refused_lines(self.run)] + [("INFO", text) for text in self._changes_kept()])
        now = timezone.now()
        while chunk := list(islice(lines, CHUNK)):
            RunLog.objects.bulk_create(
                # Past the service's own log, which holds no values of records.
                RunLog(run=self.run, at=now, level=level, text=str(storable(text))[:LONGEST])
                for level, text in chunk
            )

    def _changes_kept(self) -> Iterator[str]:
        yield from self._changes
        if self._count > CHANGES:
            yield (
                f"These are {CHANGES} of {self._count:,} changes. "
                "sync_registry --dry-run --details lists them all."
            )


def predicted_causes(run: SyncRun) -> Iterator[tuple[str, str, int]]:
    """Yield the code, kind and number of records of each cause, the most frequent first."""
    counted = Refusal.objects.filter(run=run).values_list("code", "kind").annotate(n=Count("pk"))
    yield from counted.order_by("-n", "code", "kind")


def predicted_verdict(code: str) -> str:
    """Return what would become of a record that is not written: refused, or waiting."""
    return "wait" if code == LINK_WAITS else "be refused"


def cause_line(code: str, kind: str, count: int) -> str:
    """Return how many records a dry run would refuse for a cause, and who must act."""
    title, who = record_cause(code).title, record_actor(code, kind).label
    records = number_of(count, "record")
    if code == LINK_WAITS:
        return f"{records} would wait, and sync automatically later: {title}."
    return f"{records} would be refused: {title}. Who must act: {who}."


def refused_lines(run: SyncRun) -> Iterator[tuple[str, str]]:
    """Yield the level and text of each line on what a dry run would refuse, by cause."""
    rows = Refusal.objects.filter(run=run)
    remaining = REFUSALS
    for code, kind, count in predicted_causes(run):
        yield "WARNING", cause_line(code, kind, count)
        for row in rows.filter(code=code, kind=kind).order_by("pk")[:remaining].iterator(CHUNK):
            yield (
                "WARNING",
                f"{row.external_id} would {predicted_verdict(code)}. {row.message} {row.remedy}",
            )
        remaining = max(0, remaining - count)
    if (total := rows.count()) > REFUSALS:
        yield "INFO", f"These are {REFUSALS:,} of {total:,} refused records. The run's CSV has all."
