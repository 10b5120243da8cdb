"""What an ended run left on its way: learned, and recorded under the run that sent it.

A run that was cancelled or failed may have had a batch flying. What Benchling took of it is known
from the batch's task or, where that is unknown or forgotten by now, by the entities themselves; the
auditor finds each value under the run, the person and the mapping that wrote it. What was not
written is read again from the registry.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from registry_sync import ledger, runs
from registry_sync.benchling.entity_reads import as_type
from registry_sync.benchling.errors import Refused
from registry_sync.benchling.lost_answers import LATE, paced_lookups
from registry_sync.benchling.schema import parse_schema
from registry_sync.core.text import number_of
from registry_sync.core.types import Json
from registry_sync.core.waits import EARLIER_TASK
from registry_sync.models import Batch, Lane, SyncRun
from registry_sync.sync.context import RunContext
from registry_sync.sync.delivery.batch_items import (
    entity_of_item,
    never_ends,
    outcome_of_item,
    written_outcome,
)
from registry_sync.sync.delivery.landed import Landing


def close_leftover_batches(ctx: RunContext, *, own: bool) -> None:
    """Close every batch that an ended run of this lane left open.

    The first lane also closes those of lanes that are no longer configured. `own`: this run's as
    well, because the mapping that made them has changed.
    """
    run = ctx.run
    leftover = Batch.objects.filter(
        Q(run=run) | _is_concerned(ctx.lane),  # its own may be of the lane that it fed before
        run__tenant=run.tenant,
        run__app_id=run.app_id,
        done_at=None,
    )
    senders = {run.pk: run}
    for batch in leftover:  # there are few, so their runs, which are wide, are not joined
        if batch.run_id == run.pk and not own:
            continue
        if batch.run_id not in senders:
            senders[batch.run_id] = batch.run
        sender = senders[batch.run_id]
        entities, failed = _by_task(ctx, batch)
        unread = [item for item in batch.items() if item["registry_id"] not in entities]
        entities |= _as_sent(ctx, sender, batch, unread, failed) if unread else {}
        _close(ctx, sender, batch, entities)


def _is_concerned(lane: Lane) -> Q:
    of_lane = Q(run__lane=lane)
    if lane.position != 0:
        return of_lane
    return of_lane | (Q(run__lane__position=None) & ~Q(run__status__in=SyncRun.ACTIVE))


def _close(ctx: RunContext, sender: SyncRun, batch: Batch, entities: dict[str, Json]) -> None:
    """Record what is in Benchling (`entities`, by registry id) under the run that sent it."""
    outcomes = [
        outcome_of_item(
            item,
            written_outcome(item),
            entity=entity_of_item(item),
            entity_id=str(entities[item["registry_id"]].get("id") or ""),
        )
        for item in batch.items()
        if item["registry_id"] in entities
    ]
    with transaction.atomic():
        ledger.record(sender, ctx.lease, outcomes)
        Batch.objects.filter(pk=batch.pk).update(lines="", done_at=timezone.now())
    if outcomes:
        text = f"{len(outcomes):,} records that were on their way are in Benchling: recorded "
        if len(outcomes) == 1:
            text = "1 record that was on its way is in Benchling: recorded "
        text += f"by run {ctx.run.pk}."
        runs.log(sender, "INFO", text)


def _by_task(ctx: RunContext, batch: Batch) -> tuple[dict[str, Json], list[str]]:
    """Wait for the batch's last task; what it wrote, by registry id, and what failed with it."""
    if not batch.task_id:
        return {}, []
    while (task := ctx.client.task(batch.task_id)) is not None and task.running:
        if never_ends(batch):
            return {}, []  # what it wrote is looked for
        ctx.pacer.pause(1.0, EARLIER_TASK)
    if task is None:
        return {}, []
    if not task.succeeded:
        return {}, batch.task_ids
    answered = {str(raw.get("entityRegistryId")): raw for raw in task.entities}
    flown = {item["registry_id"] for item in batch.items() if item["external_id"] in batch.task_ids}
    return {registry_id: answered.get(registry_id, {}) for registry_id in flown}, []


def _as_sent(
    ctx: RunContext,
    sender: SyncRun,
    batch: Batch,
    items: Sequence[Json],
    failed: Sequence[str],
) -> dict[str, Json]:
    """Read from Benchling which entities are there as these items would have made them."""
    if batch.asked_at is None and not batch.task_id:
        return {}  # it was never sent
    client, lane = ctx.client, sender.lane
    assert lane is not None
    try:
        schema = parse_schema(client.entity_schema(lane.schema_id), {})
        landing = Landing(client, lane, schema)
        # Benchling may still be working on a request whose answer was lost.
        unknown = batch.asked_at is not None and not batch.task_id
        late = time.monotonic() + LATE if unknown else -math.inf
        with as_type(client, schema.entity_type):
            for _ in paced_lookups(late, ctx.pacer.pause):
                landed, _ = landing.of(items, batch.asked_at, failed=failed)
                if len(landed) == len(items):
                    break
    except Refused as refused:
        text = f"Run {sender.pk} had sent {number_of(len(items), 'record')} when it ended, and "
        text += f"whether Benchling took them cannot be seen: {refused}"
        runs.log(ctx.run, "WARNING", text)
        return {}
    registry_ids = {item["external_id"]: item["registry_id"] for item in items}
    return {registry_ids[external_id]: raw for external_id, raw in landed.items()}
