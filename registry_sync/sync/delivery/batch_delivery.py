"""Batches on their way: written down before they are sent, and accounted for row by row.

One batch flies while the next is prepared, and a batch that has landed is written to the ledger
while the next one flies. A process that dies leaves Batch rows behind, from which `recover`
takes up their tasks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from registry_sync import ledger, runs
from registry_sync.benchling.entity_types.parts import item_keys
from registry_sync.benchling.errors import Refused, Wait
from registry_sync.benchling.lost_answers import send_once
from registry_sync.benchling.upsert_rows import Flight, UpsertRow, batch_length
from registry_sync.core import tracing
from registry_sync.core.packed_json import unpack
from registry_sync.core.types import Json
from registry_sync.ledger.record_outcome import RecordOutcome, in_chunks
from registry_sync.mapping.model import Entity
from registry_sync.models import Batch
from registry_sync.runs.quota import wait_for_room
from registry_sync.sync.context import RunContext
from registry_sync.sync.delivery.batch_items import Pending, pack_candidate
from registry_sync.sync.delivery.batch_log import BatchLog
from registry_sync.sync.delivery.batch_size import BatchSize
from registry_sync.sync.delivery.known_ids import name_by_id
from registry_sync.sync.delivery.recovery import recover_batches
from registry_sync.sync.delivery.shared_lists import merge_shared
from registry_sync.sync.delivery.unmapped_fields import UnmappedFields
from registry_sync.sync.delivery.upsert_bodies import body_of_item, row_of, temporary_body
from registry_sync.sync.gates.claims import NameClaims
from registry_sync.sync.records import Candidate


class BatchDelivery:
    """The delivery that writes to Benchling, in batches."""

    def __init__(self, ctx: RunContext, claims: NameClaims) -> None:
        self.ctx = ctx
        self.log = BatchLog(ctx, claims)
        self.unmapped = UnmappedFields(ctx, self.log.turns)
        self.underway = self.log.underway
        self.size = BatchSize(ctx)
        self._pending: list[Pending] = []
        self._flights: deque[tuple[Batch, Flight, Any]] = deque()

    def record(
        self,
        outcomes: Sequence[RecordOutcome],
        views: dict[str, ledger.LedgerView],
        same: Sequence[int] = (),
        **run_values: Any,
    ) -> None:
        if outcomes or same or run_values:
            run, lease = self.ctx.run, self.ctx.lease
            ledger.record(run, lease, outcomes, before=views, same=same, **run_values)

    def oldest_position(self) -> Json | None:
        return self._pending[0].position if self._pending else None

    def add(self, candidates: Sequence[Candidate]) -> None:
        self._pending += map(pack_candidate, candidates)
        self.underway.update((c.entity.external_id, c.entity.registry_id) for c in candidates)

    def send_full_batches(self) -> None:
        while len(self._pending) >= (rows := self.size.shared(self._unsent())):
            self._send(self._pending[:rows])

    def flush(self, *, together: bool = False) -> None:
        self.size.together = len(self._pending) if together else 0
        while self._pending:
            self._send(self._pending[: self.size.shared(len(self._pending))])
        self._land_all()
        self.size.together = 0

    def conclude(self) -> None:
        """Do nothing: whatever was taken is sent by `flush`."""

    def recover(self) -> None:
        recover_batches(self.ctx, self.log, self._rows, self._in_use)
        self.unmapped.conclude()

    def rename(self, entities: Sequence[Entity]) -> None:
        for entity in entities:
            body = temporary_body(self.ctx, entity)
            self.unmapped.trial([body])
            self.unmapped.fill([body])
            if entity.registry_id in self.unmapped.archived:
                continue
            temporary: Json = {key: body[key] for key in ("name", "aliases") if key in body}
            self.ctx.write_access.note_rename(entity.external_id, temporary)
            try:
                self._send_name(entity, body)
            except Refused as refused:
                change = "lose an alias" if "aliases" in body else "be renamed"
                text = f"{entity.registry_id} could not {change} for a moment: {refused}"
                runs.log(self.ctx.run, "WARNING", text)
                self.unmapped.conclude()
            else:
                renamed = ledger.temporary_name_outcome(self.ctx.lane, entity)
                ledger.record(self.ctx.run, self.ctx.lease, [renamed])
                self.unmapped.conclude()
                self.ctx.write_access.note_changed([entity.external_id])

    def _send_name(self, entity: Entity, body: Json) -> None:
        client, registry_id = self.ctx.client, self.ctx.setup.config.registry_id

        def send() -> None:
            runs.renew(self.ctx.lease)
            client.upsert_one(body)

        def is_there() -> bool:
            found = client.entities_with_ids([entity.registry_id], registry_id=registry_id)
            aliases = item_keys(body["aliases"]) if "aliases" in body else None
            return any(
                raw["name"] == entity.name and aliases in (None, item_keys(raw.get("aliases")))
                for raw in found
            )

        with self.log.turns.turn():
            send_once(send, is_there, self.ctx.pacer.pause)

    def _unsent(self) -> int | None:
        """Return how many entities may still be sent, by the registry's own total."""
        run = self.ctx.run
        if run.source_total is None:
            return None
        return run.source_total - run.read - len(self.underway) + len(self._pending)

    # -- sending ---------------------------------------------------------------------------

    def _send(self, sendable: Sequence[Pending]) -> None:
        alone = self._trial(sendable)
        sendable = [alone] if alone else self._alike(sendable)
        rows = self._rows([pending.text for pending in sendable])
        fit = batch_length([len(row.text) for row in rows], most=self.size.rows)
        rows = rows[:fit]
        batch = self._new_batch(sendable[:fit])
        sent_ids = {pending.external_id for pending in sendable[:fit]}
        self._pending = [p for p in self._pending if p.external_id not in sent_ids]
        while len(self._flights) >= self.ctx.terms.in_flight:
            self._land_oldest()
        self.log.open(batch)
        with tracing.span("batch", batch=batch.number, entities=len(rows)):
            if going := self._in_use(rows):
                self._flights.append((batch, self._start(going), tracing.here()))
            self.log.record_landed()
        if alone:
            self._land_all()
            self.unmapped.conclude()

    def _alike(self, candidates: Sequence[Pending]) -> Sequence[Pending]:
        """Return new entities or known ones: of types that are updated by id, never both.

        New ones go first, and have landed when known ones name them in their links.
        """
        if not self.ctx.setup.schema.entity_type.empty_on_create:
            return candidates
        new = [pending for pending in candidates if pending.is_new]
        if not new:
            self._land_all()
        return new or candidates

    def _trial(self, candidates: Sequence[Pending]) -> Pending | None:
        """Choose the lane's first update, to be sent alone and read back."""
        together = {pending.registry_id for pending in candidates}
        updates = [p for p in candidates if not p.is_new and not p.links & together]
        bodies = (body_of_item(self.ctx, pending.item) for pending in updates)
        registry_id = self.unmapped.trial(bodies) if updates else ""
        for pending in updates:
            if pending.registry_id == registry_id:
                self._land_all()  # nothing else may be on its way during the trial
                return pending
        return None

    def _rows(self, texts: Sequence[str], *, again: bool = False) -> list[UpsertRow]:
        rows: list[UpsertRow] = []
        for chunk in in_chunks(texts):
            items = [unpack(text) for text in chunk]
            bodies = [body_of_item(self.ctx, item) for item in items]
            updates = [(i, b) for i, b in zip(items, bodies, strict=True) if not i["new"]]
            if updates:
                old = [body for _, body in updates]
                merge_shared(self.ctx, [item for item, _ in updates], old, again=again)
                self.unmapped.fill(old)
                name_by_id(self.ctx, old)
            rows += [row_of(i["external_id"], b) for i, b in zip(items, bodies, strict=True)]
        return rows

    def _in_use(self, rows: Sequence[UpsertRow]) -> list[UpsertRow]:
        """Return the rows to send. One whose entity is archived is not: it might be unarchived.

        Nor is one that a plan does not permit as Benchling stands now.
        """
        rows = self._permitted(rows)
        if not self.unmapped.archived:
            return list(rows)
        archived = [r for r in rows if r.body["entityRegistryId"] in self.unmapped.archived]
        for row in archived:
            message = f"Entity {row.body['entityRegistryId']} is archived."
            self.log.refused(row, Refused(400, message))
        return [row for row in rows if row not in archived]

    def _permitted(self, rows: Sequence[UpsertRow]) -> list[UpsertRow]:
        fit = set(self.ctx.write_access.still_allowed([row.external_id for row in rows]))
        withheld = [row for row in rows if row.external_id not in fit]
        self.log.hold(withheld)
        return [row for row in rows if row.external_id in fit] if withheld else list(rows)

    def _new_batch(self, entities: Sequence[Pending]) -> Batch:
        run = self.ctx.run
        with transaction.atomic():
            runs.renew(self.ctx.lease)
            batch = Batch.objects.create(
                run=run,
                number=run.batches.count() + 1,
                lines="\n".join(pending.text for pending in entities),
                size=len(entities),
            )
        batch.lines = ""
        batch.packed = {pending.external_id: pending.text for pending in entities}
        return batch

    def _start(self, rows: Sequence[UpsertRow]) -> Flight:
        """Send rows. Raise Wait at an hourly limit, once all that flies is written down."""
        try:
            wait_for_room(self.ctx.run, len(rows), per_hour=self.ctx.terms.objects_per_hour)
            return self.log.upserter.start(rows)
        except Wait:
            self.log.record_landed()
            self._land_all()
            raise

    # -- landing ---------------------------------------------------------------------------

    def _land_oldest(self) -> None:
        batch, flight, place = self._flights.popleft()
        self.log.open(batch)
        with tracing.span("task", under=place, batch=batch.number, task=flight.task_id):
            self.log.upserter.land(flight)
        clean = self.log.upserter.calls == flight.calls == 1 and flight.lost is None
        self.size.landed(len(flight.rows), clean=clean)

    def _land_all(self) -> None:
        """See all that flies landed, each recorded at once; a Wait leaves only its own batch.

        The wait may be long, as the run may be paused in it, and Benchling soon forgets tasks.
        """
        while self._flights:
            try:
                self._land_oldest()
            except Wait:
                self.log.record_landed()
                self._land_all()
                raise
            self.log.record_landed()
