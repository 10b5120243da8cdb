"""What a process of this run left on its way when it died."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

from registry_sync.benchling.upsert_rows import UpsertRow, in_parts
from registry_sync.core import tracing
from registry_sync.core.problems import SyncError
from registry_sync.models import Batch
from registry_sync.runs.quota import wait_for_room
from registry_sync.sync.context import RunContext
from registry_sync.sync.delivery.batch_items import never_ends
from registry_sync.sync.delivery.batch_log import BatchLog


def recover_batches(
    ctx: RunContext,
    log: BatchLog,
    make_rows: Callable[..., list[UpsertRow]],
    in_use: Callable[[Sequence[UpsertRow]], list[UpsertRow]],
) -> None:
    """Finish the run's open batches. Raise SyncError for a task that Benchling never ends."""
    for batch in Batch.objects.filter(run=ctx.run, done_at__isnull=True):
        with tracing.span("batch", batch=batch.number, entities=batch.size):
            _recover(ctx, log, batch, make_rows, in_use)


def _recover(
    ctx: RunContext,
    log: BatchLog,
    batch: Batch,
    make_rows: Callable[..., list[UpsertRow]],
    in_use: Callable[[Sequence[UpsertRow]], list[UpsertRow]],
) -> None:
    log.open(batch)
    was_sent = batch.asked_at is not None or bool(batch.task_id)
    rows = make_rows(list(batch.packed.values()), again=was_sent)
    log.underway.update((item["external_id"], item["registry_id"]) for item in batch.items())
    _give_up_on_old(ctx, batch)
    if not was_sent:
        rows = in_use(rows)
        wait_for_room(ctx.run, len(rows), per_hour=ctx.terms.objects_per_hour)
        # In parts: a tenant that is near its limit of objects may never take all at once.
        for part in in_parts(rows):
            flight = log.upserter.start(part, spent=batch.calls, size=batch.size)
            with tracing.span("task", batch=batch.number, task=flight.task_id):
                log.upserter.land(flight)
            log.record_landed()
    else:
        _take_up(ctx, log, batch, rows, in_use)
    log.record_landed()


def _give_up_on_old(ctx: RunContext, batch: Batch) -> None:
    """End the run if Benchling has not ended a task for hours. Raise SyncError."""
    task = ctx.client.task(batch.task_id) if batch.task_id and never_ends(batch) else None
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


def _take_up(
    ctx: RunContext,
    log: BatchLog,
    batch: Batch,
    rows: Sequence[UpsertRow],
    in_use: Callable[[Sequence[UpsertRow]], list[UpsertRow]],
) -> None:
    """Finish a batch that was sent: only what is not in Benchling is sent again."""
    started = time.monotonic()
    if batch.task_id:
        _take_up_task(log, batch, {row.external_id: row for row in rows})
        started = -math.inf  # whatever it wrote is there by now
    unwritten: Sequence[UpsertRow] = [row for row in rows if row.external_id in batch.packed]
    if unwritten:
        unwritten = log.upserter.missing(unwritten, started=started)
        log.record_landed()
        unwritten = in_use(unwritten)
    if unwritten:  # its task failed, perhaps for a cause that is gone by now
        wait_for_room(ctx.run, len(unwritten), per_hour=ctx.terms.objects_per_hour)
        log.upserter.land_again(unwritten, spent=batch.calls, size=batch.size)


def _take_up_task(log: BatchLog, batch: Batch, rows: dict[str, UpsertRow]) -> None:
    """Wait for the task of a process that died, and record what it wrote."""
    flying = [rows[i] for i in batch.task_ids if i in rows]
    with tracing.span("task", batch=batch.number, task=batch.task_id):
        task = log.upserter.outcome(log.upserter.resume(flying, batch.task_id)) if flying else None
    if task is not None and not task.succeeded:
        log.failed = set(batch.task_ids)
    if task is not None and task.succeeded:
        log.written(flying, {str(e.get("entityRegistryId")): e for e in task.entities})
        log.record_landed()
