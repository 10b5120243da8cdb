"""What a process of this run left on its way when it died."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from registry_sync.benchling.upsert_rows import Row
from registry_sync.core.problems import SyncError
from registry_sync.core.types import Json
from registry_sync.models import Batch
from registry_sync.runs.quota import wait_for_room
from registry_sync.sync.context import RunContext
from registry_sync.sync.delivery.batch_items import never_ends
from registry_sync.sync.delivery.batch_log import BatchLog


def recover_batches(
    ctx: RunContext, log: BatchLog, make_rows: Callable[[Sequence[Json]], list[Row]]
) -> None:
    """Finish the run's open batches. Raises SyncError for a task that Benchling never ends."""
    for batch in Batch.objects.filter(run=ctx.run, done_at__isnull=True):
        log.open(batch)
        rows = {row.external_id: row for row in make_rows(batch.items)}
        log.underway.update((i["external_id"], i["registry_id"]) for i in batch.items)
        _give_up_on_old(ctx, batch)
        _take_up_task(log, batch, rows)
        rest = [rows[item["external_id"]] for item in batch.items]
        if rest:  # its task failed, perhaps for a cause that is gone by now
            wait_for_room(ctx.run, len(rest), per_hour=ctx.terms.objects_per_hour)
            log.upserter.land(log.upserter.start(rest, spent=batch.calls))
        log.record_landed()


def _give_up_on_old(ctx: RunContext, batch: Batch) -> None:
    """End the run if Benchling has not ended a task for hours. Raises SyncError."""
    task = ctx.client.task(batch.task_id) if never_ends(batch) else None
    if task is not None and task.running:
        raise SyncError(
            f"Benchling has not ended the task {batch.task_id} since "
            f"{batch.sent_at:%Y-%m-%d %H:%M} UTC.",
            remedy="A Benchling admin asks Benchling's support about that task; the next run "
            "sends its records again.",
            kind="benchling",
            code="endless_task",
            transient=True,
        )


def _take_up_task(log: BatchLog, batch: Batch, rows: dict[str, Row]) -> None:
    """Wait for the task of a process that died: what it wrote must not be sent again."""
    flying = [rows[i] for i in batch.task_ids if i in rows] if batch.task_id else []
    if not flying:
        return
    task = log.upserter.outcome(log.upserter.resume(flying, batch.task_id))
    if task is not None and task.succeeded:
        log.written(flying, {str(e.get("entityRegistryId")): e for e in task.entities})
        log.record_landed()
