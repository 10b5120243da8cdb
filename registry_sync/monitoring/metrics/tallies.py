"""Tallies: counts that never go backwards, kept by lane, whatever is pruned."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

from registry_sync.models import Tally, WebhookRefusal
from registry_sync.monitoring.metrics.counted_rows import KINDS, Numbers, Part, Refusals, Tallied
from registry_sync.runs import app_key
from registry_sync.runs.lease import write_past_frozen

CHUNK = 500
"""Rows that one transaction adds."""
PATIENCE = 2.0
"""Seconds after which no further transaction begins; the next call goes on."""
ATTEMPTS = 5
Totals = dict[int | None, Numbers]
"""Numbers by the lane's id; those of the app have None."""


def fold(patience: float = PATIENCE) -> int:
    """Add rows that have ended to the tallies, and return how many, for up to `patience` seconds.

    Does nothing while another process does it.
    """
    deadline, count = time.monotonic() + patience, 0
    for kind in KINDS:
        while time.monotonic() < deadline:
            ids = list(kind.ended().values_list("pk", flat=True)[:CHUNK])
            done = write_past_frozen(lambda: _fold(kind, ids)) if ids else 0  # noqa: B023
            count += done
            if not done:
                break
    return count


def _fold(kind: Tallied, ids: list[int]) -> int:
    """Add some rows and mark them; a row that is marked already is left."""
    if not _lock():
        return 0
    rows = kind.ended().filter(pk__in=ids)
    _store(kind.parts(rows))
    return kind.model.objects.filter(pk__in=ids, tallied=False).update(tallied=True)


def add_refused(rows: QuerySet[WebhookRefusal]) -> None:
    """Add counts of refused webhooks that the caller deletes in the same transaction."""
    _lock(skip=False)
    _store(Refusals().parts(rows))


def _lock(*, skip: bool = True) -> bool:
    """Take the app's tally, which whoever adds holds; False if another process has it."""
    Tally.objects.get_or_create(**app_key(), lane=None)
    app_tally = Tally.objects.of_app().filter(lane=None)
    return bool(app_tally.select_for_update(skip_locked=skip))


def _store(parts: Iterable[Part]) -> None:
    for lane_id, added in sum_up(parts).items():
        which: dict[str, Any] = {**app_key(), "lane_id": lane_id}
        tally, _ = Tally.objects.get_or_create(**which)
        tally.numbers = _sum(tally.numbers, added)
        tally.save(update_fields=["numbers"])


def totals() -> Totals:
    """Return all that was ever counted.

    Rows may be folded between two of the queries. The tallies then differ, and all is read again:
    at last while this process holds the app's tally, so that no one folds.
    """
    before = _stored()
    for _ in range(ATTEMPTS):
        live = _live()
        after = _stored()
        if before == after:
            return sum_up([*before.items(), *live])
        before = after
    return write_past_frozen(_held_totals)


def _held_totals() -> Totals:
    _lock(skip=False)
    return sum_up([*_stored().items(), *_live()])


def _live() -> list[Part]:
    """Return what no tally includes yet."""
    return [part for kind in KINDS for part in kind.parts(kind.counted())]


def _stored() -> Totals:
    return dict(Tally.objects.of_app().values_list("lane", "numbers"))


def sum_up(parts: Iterable[Part]) -> Totals:
    """Return the sums of some parts by lane."""
    found: Totals = {}
    for lane_id, numbers in parts:
        found[lane_id] = _sum(found.get(lane_id, {}), numbers)
    return found


def _sum(one: Numbers, other: Numbers) -> Numbers:
    both = dict(one)
    for name, number in other.items():
        both[name] = round(both.get(name, 0) + number, 3)
    return both
