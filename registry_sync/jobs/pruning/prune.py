"""Prune: delete what the settings no longer keep, in short transactions, and say how much."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from registry_sync.core import stopping
from registry_sync.core.text import number_of
from registry_sync.jobs.pruning.kind import Pruned
from registry_sync.jobs.pruning.old_deliveries import (
    Alerts,
    OldDeliveries,
    OldRefusals,
    TestMessages,
)
from registry_sync.jobs.pruning.old_drafts import Samples
from registry_sync.jobs.pruning.old_errors import Errors, RawRecords, RunRefusals
from registry_sync.jobs.pruning.old_plans import Plans
from registry_sync.jobs.pruning.old_runs import Logs, OldRuns
from registry_sync.monitoring.metrics import tallies

logger = logging.getLogger(__name__)
CHUNK = 500
"""Rows that one transaction deletes, so that no run waits for it."""
KINDS: Sequence[Pruned] = (
    Logs(), RawRecords(), Samples(), RunRefusals(), Errors(), Plans(), OldRuns(),
    OldDeliveries(), OldRefusals(), Alerts(), TestMessages(),
)  # fmt: skip
"""In this order: a closed error or a plan may be the last to refer to a run."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many rows of a kind are older than they are kept; `days` is None: they are kept."""

    name: str
    setting: str
    days: int | None
    before: datetime | None = None
    rows: int = 0


def is_limited() -> bool:
    """Return whether the settings limit how long anything is kept."""
    return any(_days(kind) for kind in KINDS)


def prune(*, dry_run: bool = False) -> list[Outcome]:
    """Delete what is older than the settings keep, or only count it, and return how much of each.

    What was deleted stays deleted when this stops halfway; the next call goes on. Raise Stopping.
    """
    if not dry_run and is_limited():
        tallies.fold(math.inf)  # only what metrics have counted may go
    return [_prune(kind, dry_run=dry_run) for kind in KINDS]


def _prune(kind: Pruned, *, dry_run: bool) -> Outcome:
    days = _days(kind)
    if not days:
        return Outcome(kind.name, kind.setting, None)
    before = timezone.now() - timedelta(days=days)
    count = kind.rows(before).count() if dry_run else _delete(kind, before)
    if count and not dry_run:
        since = f"{before:%Y-%m-%d %H:%M} UTC"
        name, rows = kind.name.replace("_", " "), number_of(count, "row")
        logger.info("Pruned %s: %s before %s (%s)", name, rows, since, kind.setting)
    return Outcome(kind.name, kind.setting, days, before, count)


def _delete(kind: Pruned, before: datetime) -> int:
    count = 0
    while pks := list(kind.counted(before).values_list("pk", flat=True)[:CHUNK]):
        for part in kind.parts(pks):
            _delete_part(part)
        stopping.check()
        with transaction.atomic():
            deleted = kind.delete(pks, before)
        count += deleted
        if not deleted:
            break
    return count


def _delete_part(rows: QuerySet[Any]) -> None:
    while pks := list(rows.values_list("pk", flat=True)[:CHUNK]):
        stopping.check()
        with transaction.atomic():
            rows.model.objects.filter(pk__in=pks).delete()


def _days(kind: Pruned) -> int:
    return int(getattr(settings, kind.setting))
