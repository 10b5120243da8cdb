"""Runs and their logs. What the history of changes names stays, and so does where runs go on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db.models import CASCADE, Exists, ForeignObjectRel, OuterRef, Q, QuerySet

from registry_sync import runs
from registry_sync.jobs.pruning.kind import Pruned, runs_ended_before
from registry_sync.models import (
    Batch,
    HistoryResult,
    Lane,
    LedgerEntry,
    Refusal,
    RunLog,
    SyncRun,
)


class Logs(Pruned):
    """The lines of runs' logs. The run and its counts stay."""

    name, setting = "logs", "KEEP_LOGS_DAYS"

    def rows(self, before: datetime) -> QuerySet[RunLog]:
        return RunLog.objects.filter(run__in=runs_ended_before(before).values("pk")).order_by("pk")


class OldRuns(Pruned):
    """Runs before the last good one of their lane, with logs, batches and refusals.

    A run stays that any row refers to: changes and links of their chain, errors, decisions,
    differences, withdrawals, plans, canvases. So runs that wrote something stay for the audit.
    """

    name, setting = "runs", "KEEP_RUNS_DAYS"

    def rows(self, before: datetime) -> QuerySet[SyncRun]:
        old = runs_ended_before(before).filter(is_passed())
        old = old.filter(session_open=False, follow_up__isnull=True)
        old = old.filter(Q(kind__in=SyncRun.DRY) | Q(created=0, updated=0, archived=0))
        old = old.filter(*(~rows for rows in _referring()))
        free = old.filter(~_is_named_in_the_ledger(), ~_owes_a_result(), ~_has_words())
        return free.filter(~_has_open_batches()).order_by("pk")

    def counted(self, before: datetime) -> QuerySet[SyncRun]:
        return self.rows(before).filter(tallied=True)

    def parts(self, pks: Sequence[int]) -> list[QuerySet[Any]]:
        return [model.objects.filter(run__in=pks) for model in (RunLog, Refusal, Batch)]


def _referring() -> Iterator[Exists]:
    """Yield whether rows refer to a run, by each relation that does not delete them with it.

    Relations without a name at the run are among them.
    """
    for relation in SyncRun._meta.get_fields(include_hidden=True):
        if isinstance(relation, ForeignObjectRel) and relation.on_delete is not CASCADE:
            rows = relation.related_model._default_manager.all()
            yield Exists(rows.filter(**{relation.field.name: OuterRef("pk")}))


def is_passed() -> Q:
    """Return which runs come before the last good one of their lane, or of every lane.

    The next run goes on from that one, and looks at those after it.
    """
    passed, goods = Q(pk__in=[]), []
    for lane in Lane.objects.of_app():
        if (good := runs.good_runs(lane).first()) is not None:
            passed |= Q(lane=lane, pk__lt=good.pk)
            goods.append(good.pk)
    return passed | Q(lane=None, pk__lt=min(goods)) if goods else passed


def _is_named_in_the_ledger() -> Q:
    """Return which runs wrote a record last, or found it gone: records' pages show them."""
    named: set[int | None] = set()
    for column in ("written_run_id", "gone_run_id"):
        named.update(LedgerEntry.objects.values_list(column, flat=True).distinct())
    return Q(pk__in=named - {None})


def _owes_a_result() -> Exists:
    waiting = HistoryResult.objects.filter(state=HistoryResult.State.WAITING)
    return Exists(waiting.filter(run=OuterRef("pk")))


def _has_open_batches() -> Exists:
    """Return whether a later run must still find out what became of a batch."""
    return Exists(Batch.objects.filter(run=OuterRef("pk"), done_at__isnull=True))


def _has_words() -> Exists:
    """Return whether a later run refused a record in words that are kept with this run."""
    later = Refusal.objects.filter(same_as__run=OuterRef("pk"))
    return Exists(later.exclude(run=OuterRef("pk")))
