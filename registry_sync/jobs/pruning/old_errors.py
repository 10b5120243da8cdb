"""Errors of records that have been in Benchling again for long. Open ones always stay."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import QuerySet

from registry_sync.jobs.pruning.kind import Pruned
from registry_sync.ledger.refusals import outdated_refusals
from registry_sync.models import EntityError, Lane, Refusal, SyncRun


def _closed(before: datetime) -> QuerySet[EntityError]:
    errors = EntityError.objects.filter(lane__in=Lane.objects.of_app().values("pk"))
    return errors.filter(closed_at__lt=before).order_by("closed_at", "pk")


class RawRecords(Pruned):
    """The records that closed errors keep, as the registry sent them. The errors stay."""

    name, setting = "raw_records", "KEEP_RAW_RECORDS_DAYS"

    def rows(self, before: datetime) -> QuerySet[EntityError]:
        return _closed(before).filter(raw__isnull=False)

    def delete(self, pks: Sequence[int], before: datetime) -> int:
        return self.rows(before).filter(pk__in=pks).order_by().update(raw=None)


class RunRefusals(Pruned):
    """What runs refused, as each said it, except for errors that are still open."""

    name, setting = "refusals", "KEEP_ERRORS_DAYS"

    def rows(self, before: datetime) -> QuerySet[Refusal]:
        return outdated_refusals(before).filter(run__in=SyncRun.objects.of_app().values("pk"))


class Errors(Pruned):
    """Closed errors."""

    name, setting = "errors", "KEEP_ERRORS_DAYS"

    def rows(self, before: datetime) -> QuerySet[EntityError]:
        return _closed(before)
