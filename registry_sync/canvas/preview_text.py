"""What a preview found: its counts, and the first records that a sync would refuse."""

from __future__ import annotations

from collections.abc import Iterator

from registry_sync.canvas import text as words
from registry_sync.canvas.markdown import escaped
from registry_sync.models import Refusal, SyncRun
from registry_sync.reporting.catalogue import record_actor
from registry_sync.sync.delivery.dry_run_log import predicted_causes, predicted_verdict

MOST = 5
"""Refused records that are named."""


def preview_lines(run: SyncRun) -> list[str]:
    """Return how a preview ended, then a list item for each of the first refused records."""
    if run.status not in SyncRun.GOOD or not run.failed:
        return [words.ended(run)]
    first = list(first_refused(run))
    lines = [words.ended(run), *(f"- {_sentence(refusal)}" for refusal in first)]
    if (more := run.failed - len(first)) > 0:
        lines.append(f"- And {more:,} more, which your integration owner can list.")
    return lines


def first_refused(run: SyncRun) -> Iterator[Refusal]:
    """Yield the first refused records: one of each cause, and then more of the most frequent."""
    rows = Refusal.objects.filter(run=run).select_related("same_as").order_by("pk")
    causes = list(predicted_causes(run))[:MOST]
    remaining = MOST - len(causes)
    for code, kind, count in causes:
        shown = min(count, 1 + remaining)
        remaining -= shown - 1
        yield from rows.filter(code=code, kind=kind)[:shown]


def _sentence(refusal: Refusal) -> str:
    ask = record_actor(refusal.code, refusal.kind).ask
    message = words.without_codes(refusal.words.message)
    who = f"**{escaped(refusal.external_id)}** would {predicted_verdict(refusal.code)}"
    return f"{who}: {message} {ask}".strip()
