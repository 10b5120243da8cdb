"""A kind of rows that retention deletes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.db.models import QuerySet

from registry_sync.models import SyncRun


class Pruned(ABC):
    """Rows of one kind: which of them are old and not needed, and how they are deleted."""

    name: ClassVar[str]
    """As in the command's output, such as `logs`."""
    setting: ClassVar[str]
    """The setting that says for how many days they are kept; 0: for ever."""

    @abstractmethod
    def rows(self, before: datetime) -> QuerySet[Any]:
        """Return the rows from before a time that may go, the oldest first.

        Metrics may not have counted all of them yet. `prune` has them counted before it deletes.
        """

    def counted(self, before: datetime) -> QuerySet[Any]:
        """Return those of them that metrics have counted, if they count them at all."""
        return self.rows(before)

    def parts(self, pks: Sequence[int]) -> list[QuerySet[Any]]:
        """Return the rows that go with some of them and may be many. They are deleted first."""
        return []

    def delete(self, pks: Sequence[int], before: datetime) -> int:
        """Delete some of them in the caller's transaction, and return how many there were.

        They are asked for once more: what has become needed by now stays.
        """
        rows = self.counted(before).filter(pk__in=pks)
        count = rows.count()
        rows.delete()
        return count


def runs_ended_before(before: datetime) -> QuerySet[SyncRun]:
    """Return this app's runs that ended before a time."""
    return SyncRun.objects.of_app().filter(finished_at__lt=before).exclude(
        status__in=SyncRun.ACTIVE
    )  # fmt: skip
