"""The books of batches on their way: what was sent, and what came of every row."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from registry_sync import ledger, runs
from registry_sync.benchling.bulk_upsert import Upserter
from registry_sync.benchling.errors import Refused, Wait, retry_time
from registry_sync.benchling.upsert_rows import UpsertRow
from registry_sync.core.problems import Problem
from registry_sync.core.types import Json
from registry_sync.core.waits import FIELD_KEYS
from registry_sync.ledger.record_outcome import in_chunks
from registry_sync.mapping.model import Entity
from registry_sync.models import Batch, Lane
from registry_sync.sync.context import RunContext
from registry_sync.sync.delivery import refusals
from registry_sync.sync.delivery.batch_items import Ended, entity_of_item, outcomes_of
from registry_sync.sync.delivery.known_ids import name_by_id
from registry_sync.sync.delivery.landed import MADE_BY_OTHERS, Landing, benchling_time
from registry_sync.sync.delivery.turns import Turns
from registry_sync.sync.delivery.upsert_bodies import body_of_item, items_of_rows, row_of
from registry_sync.sync.gates.claims import NameClaims
from registry_sync.sync.gates.substances import forget_uniqueness, is_taken, refused_as_taken
from registry_sync.sync.link_targets import LinkTargets, unfit_links
from registry_sync.sync.links import present
from registry_sync.sync.plans.plan_gate import hold_records
from registry_sync.sync.rebuild import remember_page
from registry_sync.sync.recheck import recheck_access

FieldKeys = Lane.FieldKeys


class BatchLog:
    """Writes down what the upserter reports about the current batch.

    Outcomes are gathered and recorded together; what is recorded is no longer underway.
    """

    def __init__(self, ctx: RunContext, claims: NameClaims) -> None:
        self.ctx, self.claims = ctx, claims
        self.upserter = Upserter(ctx.client, self, ctx.pacer.pause)
        self.turns = Turns(ctx)
        self.underway: dict[str, str] = {}
        self._landed: list[tuple[Batch, list[Ended]]] = []
        self._batch: Batch | None = None
        self._first = False
        self.failed: set[str] = set()
        """External ids whose last task is known to have failed."""

    def open(self, batch: Batch) -> None:
        """Take what the upserter reports from now on as news about this batch."""
        self._batch, self.failed = batch, set()

    def record_landed(self) -> None:
        """Record every outcome that was gathered. Raise LeaseLost."""
        for batch, ended in self._landed:
            for chunk in in_chunks(ended):  # others must not wait long for the database
                outcomes = outcomes_of(batch, chunk)
                ledger.record(self.ctx.run, self.ctx.lease, outcomes, batch=batch)
                forget_uniqueness(
                    self.ctx, [outcome.entity for outcome in outcomes if outcome.entity is not None]
                )
                ids = [end.external_id for end in chunk]
                self.claims.release(ids)
                for external_id in ids:
                    self.underway.pop(external_id, None)
        self._landed.clear()

    # -- what the upserter reports -----------------------------------------------------------

    def sending(self, rows: Sequence[UpsertRow]) -> None:
        """Write down that rows may be in Benchling from now on. Raise LeaseLost."""
        batch = self._current()
        self.turns.take(batch)
        self._first = batch.asked_at is None
        batch.task_id, batch.task_ids = "", []
        self.failed = self.failed - {row.external_id for row in rows}
        batch.asked_at = batch.asked_at or benchling_time(self.ctx.client)
        with transaction.atomic():
            runs.renew(self.ctx.lease)
            batch.save(update_fields=["task_id", "task_ids", "asked_at"])
        self.turns.pass_on()

    def unsent(self) -> None:
        """Write down that nothing of the batch was ever taken. Raise LeaseLost."""
        if self._first:
            self._current().asked_at = None
            with transaction.atomic():
                runs.renew(self.ctx.lease)
                self._current().save(update_fields=["asked_at"])

    def sent(self, rows: Sequence[UpsertRow], task_id: str) -> None:
        """Write the task down before it is polled, so that another process can take it up."""
        batch = self._current()
        batch.task_id, batch.task_ids = task_id, [row.external_id for row in rows]
        batch.calls = self.upserter.calls
        batch.sent_at = timezone.now()
        columns = ("task_id", "task_ids", "calls", "sent_at")
        try:
            with transaction.atomic():
                runs.renew(self.ctx.lease)
                batch.save(update_fields=columns)
        except runs.LeaseLost:
            # The run was cancelled: whoever closes its batch must know of the task.
            values = {name: getattr(batch, name) for name in columns}
            Batch.objects.filter(pk=batch.pk, task_id="", done_at=None).update(**values)
            raise

    def written(self, rows: Sequence[UpsertRow], entities: dict[str, Json]) -> None:
        """Note rows that are in Benchling; `entities` are its answers, by registry id."""
        ended = []
        for row in rows:
            answer = entities.get(self.underway[row.external_id], {})
            canonical = str(answer.get("canonicalizedSmiles") or "")
            ended.append(Ended(row.external_id, str(answer.get("id") or ""), None, canonical))
        self._landed.append((self._current(), ended))
        if not self.ctx.lane.field_keys:
            self._keep_field_keys(FieldKeys.NAME)
        if len(rows) < self._current().size:  # isolating: each part is safe as soon as it is in
            self.record_landed()

    def find_written(self, rows: Sequence[UpsertRow]) -> dict[str, Json | Refused]:
        """Return by external id the rows that are in Benchling, or that others have taken."""
        batch = self._current()
        where = Landing(self.ctx.client, self.ctx.lane, self.ctx.setup.schema)
        written, others = where.of(items_of_rows(rows, batch), batch.asked_at, failed=self.failed)
        if written and batch.sent_at is None:
            batch.sent_at = timezone.now()  # it counts for the hour's objects
            batch.save(update_fields=["sent_at"])
        if others:
            remember_page(self.ctx, list(others.values()))
        return written | dict.fromkeys(others, Refused(0, MADE_BY_OTHERS))

    def refused(self, row: UpsertRow, refusal: Refused) -> None:
        """Record that Benchling refused a row, in words for the person who must act."""
        (item,) = items_of_rows([row], self._current())
        entity = entity_of_item(item)
        if is_taken(entity, refusal.message, self.ctx.setup.schema):
            self._give_up(item, refused_as_taken(self.ctx, entity, refusal.message))
            return
        schema = self.ctx.setup.schema
        missing, unfit = self._missing(entity, refusal.message)
        self._give_up(
            item, unfit or refusals.entity_problem(entity, refusal, schema, missing_links=missing)
        )

    def set_aside(self, rows: Sequence[UpsertRow], message: str) -> None:
        """Record rows whose cause was not found within the budget of requests."""
        for item in items_of_rows(rows, self._current()):
            self._give_up(item, refusals.set_aside(item["external_id"], message))

    def suspect(self, refusal: Refused | None) -> None:
        """Look, after a failed batch, for a cause that holds for every row.

        Raise SyncError or Wait if there is one.
        """
        self.record_landed()
        recheck_access(self.ctx, refusal)
        if not self.ctx.lane.field_keys:
            self._try_ids()

    def _try_ids(self) -> None:
        """Find out, where no upsert ever passed, whether this tenant takes fields by id alone.

        The contract says names; an official example sends ids. Raise Wait if it does.
        """
        items = self._current().items()
        for item in [items[0], items[-1]]:
            body = body_of_item(self.ctx, item, by_id=True)
            if not item["new"]:
                name_by_id(self.ctx, [body])
            row = row_of(item["external_id"], body)
            try:
                entity = self.upserter.upsert_one(row)
            except Refused:
                continue
            self._keep_field_keys(FieldKeys.ID)
            self.written([row], {row.body["entityRegistryId"]: entity})
            self.record_landed()
            raise Wait(retry_time(0), FIELD_KEYS)

    def _keep_field_keys(self, keys: Lane.FieldKeys) -> None:
        lane = self.ctx.lane
        runs.renew(self.ctx.lease)
        Lane.objects.filter(pk=lane.pk).update(field_keys=keys)
        lane.field_keys = keys

    def hold(self, rows: Sequence[UpsertRow]) -> None:
        """Record that rows were not sent, as a plan does not permit them. Raise LeaseLost."""
        if not rows:
            return
        ids = [row.external_id for row in rows]
        batch = self._current()
        outcomes = hold_records(self.ctx, [(external_id, None, False) for external_id in ids])
        ledger.record(self.ctx.run, self.ctx.lease, outcomes, batch=batch)
        self.claims.release(ids)
        for external_id in ids:
            self.underway.pop(external_id, None)

    def _give_up(self, item: Json, problem: Problem) -> None:
        self._landed.append((self._current(), [Ended(item["external_id"], problem=problem)]))
        self.record_landed()

    def _missing(self, entity: Entity, message: str) -> tuple[list[str], Problem | None]:
        """Return which of an entity's link targets are not in Benchling, or which is unfit.

        The ledger is believed, except about those that Benchling's words name.
        """
        targets = set(entity.links)
        if not targets:
            return [], None
        targets -= present(self.ctx.lane, {target for target in targets if target not in message})
        if targets:
            registry_id = self.ctx.setup.config.registry_id
            found = LinkTargets(self.ctx.client, registry_id).among(targets)
            targets -= found.keys()
            named = [target for target in entity.links if target in message]
            unfit = unfit_links(entity, self.ctx.setup.schema, found.values(), archived=named)
            if not targets and unfit:
                return [], unfit[min(unfit)]
        return sorted(targets), None

    def _current(self) -> Batch:
        assert self._batch is not None
        return self._batch
