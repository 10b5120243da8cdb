"""Batches on their way: recorded before they are sent, and accounted for row by row.

One batch flies while the next is prepared, and a batch that has landed is written to the ledger
while the next one flies. A process that dies leaves Batch rows behind, from which `recover`
takes up their tasks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone

from registry_sync import ledger, runs
from registry_sync.benchling.bulk_upsert import Upserter
from registry_sync.benchling.client import Client
from registry_sync.benchling.errors import Refused, Wait, retry_time
from registry_sync.benchling.upsert_rows import Flight, Row, batch_length, size_of
from registry_sync.core.problems import Problem, SyncError
from registry_sync.core.text import storable
from registry_sync.core.types import Json
from registry_sync.core.waits import FIELD_KEYS
from registry_sync.ledger.record_outcome import Outcome, RecordOutcome
from registry_sync.mapping.codec import payload
from registry_sync.mapping.model import Entity
from registry_sync.models import Batch, Lane, SyncRun
from registry_sync.runs.quota import wait_for_room
from registry_sync.sync.delivery import refusals
from registry_sync.sync.delivery.batch_items import (
    FieldKeys,
    _item,
    entity_of_item,
    never_ends,
    outcome_of_item,
)
from registry_sync.sync.delivery.unmapped_fields import Unmapped
from registry_sync.sync.gates import names
from registry_sync.sync.gates.admission import present
from registry_sync.sync.records import Candidate
from registry_sync.sync.setup import Setup


@dataclass
class Delivery:
    """Takes candidates in order and sees each one written, refused or set aside."""

    run: SyncRun
    lease: runs.Lease
    lane: Lane
    setup: Setup
    client: Client
    claims: names.Claims
    pause: Callable[[float, str], None]
    on_failed_batch: Callable[[Refused | None], None]
    batch_size: int
    in_flight: int
    objects_per_hour: int = 0
    pending: list[Candidate] = field(default_factory=list)
    underway: dict[str, str] = field(default_factory=dict)
    """External id to registry id of what is pending or flying."""
    _flights: deque[tuple[Batch, Flight]] = field(default_factory=deque)
    _landed: list[tuple[Batch, list[RecordOutcome]]] = field(default_factory=list)
    _batch: Batch | None = None

    def __post_init__(self) -> None:
        self.upserter = Upserter(self.client, self, self.pause)
        self.unmapped = Unmapped(self.run, self.lease, self.lane, self.setup, self.client)
        if self.objects_per_hour:
            self.batch_size = min(self.batch_size, self.objects_per_hour)

    # -- from the line ---------------------------------------------------------------------

    def settled(
        self,
        sightings: Sequence[RecordOutcome],
        known: dict[str, ledger.LedgerView],
        **run_values: Any,
    ) -> None:
        """Record what needs no sending; `known` is what the ledger holds of it."""
        if sightings or run_values:
            ledger.record(self.run, self.lease, sightings, before=known, **run_values)

    def oldest_position(self) -> Json | None:
        """Name the page of the first candidate that is in no batch yet, if there is one."""
        return self.pending[0].position if self.pending else None

    def add(self, candidates: Sequence[Candidate]) -> None:
        """Take candidates whose names are settled."""
        self.pending += candidates
        self.underway.update((c.entity.external_id, c.entity.registry_id) for c in candidates)

    def send_full_batches(self) -> None:
        """Send what fills a batch; the rest waits for more."""
        while len(self.pending) >= self.batch_size:
            self._send(self.pending[: self.batch_size])

    def flush(self) -> None:
        """Send everything and see it landed and recorded."""
        while self.pending:
            self._send(self.pending[: self.batch_size])
        self._land_all()

    def _land_all(self) -> None:
        """See all that flies landed, each written down at once; a Wait leaves only its own.

        The wait may be long, for a person may pause the run in it, and tasks are soon forgotten.
        """
        while self._flights:
            try:
                self._land_oldest()
            except Wait:
                self._record_landed()
                self._land_all()
                raise
            self._record_landed()

    def rename(self, entities: Sequence[Entity]) -> None:
        """Give entities a name for the moment, so that others can take theirs."""
        for entity in entities:
            registry_id = self.setup.config.registry_id
            by_id = self.lane.field_keys == FieldKeys.ID
            body = payload(
                entity, self.setup.schema, registry_id=registry_id, folder_id=None, by_id=by_id
            )
            self.unmapped.trial([body])
            self.unmapped.fill([body])
            self.sending()
            try:
                self.client.upsert_one(body)
            except Refused as refused:
                text = f"{entity.registry_id} could not be renamed for a moment: {refused}"
                runs.log(self.run, "WARNING", text)
            else:
                ledger.record(self.run, self.lease, [ledger.passing_name(self.lane, entity)])
            self.unmapped.conclude()

    def recover(self) -> None:
        """Finish what a process of this run left on its way when it died."""
        for batch in Batch.objects.filter(run=self.run, done_at__isnull=True):
            self._batch = batch
            rows = {row.external_id: row for row in self._rows(batch.items)}
            self.underway.update((i["external_id"], i["registry_id"]) for i in batch.items)
            self._give_up_on_old(batch)
            self._learn(batch, rows)
            rest = [rows[item["external_id"]] for item in batch.items]
            if rest:  # its task failed, perhaps for a cause that is gone by now
                wait_for_room(self.run, len(rest), per_hour=self.objects_per_hour)
                self.upserter.land(self.upserter.start(rest, spent=batch.calls))
            self._record_landed()
        self.unmapped.conclude()

    def _give_up_on_old(self, batch: Batch) -> None:
        """End the run where Benchling has not ended a task for hours. Raises SyncError."""
        task = self.client.task(batch.task_id) if never_ends(batch) else None
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

    def _learn(self, batch: Batch, rows: dict[str, Row]) -> None:
        """Take up the task of a process that died: what it wrote must not be sent again."""
        flying = [rows[i] for i in batch.task_ids if i in rows] if batch.task_id else []
        if not flying:
            return
        task = self.upserter.outcome(self.upserter.resume(flying, batch.task_id))
        if task is not None and task.succeeded:
            self.written(flying, {str(e.get("entityRegistryId")): e for e in task.entities})
            self._record_landed()

    # -- sending ---------------------------------------------------------------------------

    def _send(self, some: Sequence[Candidate]) -> None:
        alone = self._trial(some)
        some = [alone] if alone else some
        items = [_item(candidate) for candidate in some]
        rows = self._rows(items)
        fit = batch_length([size_of(row.body) for row in rows], most=self.batch_size)
        items, rows = items[:fit], rows[:fit]
        batch = self._new_batch(items)
        del self.pending[:fit]
        while len(self._flights) >= self.in_flight:
            self._land_oldest()
        self._batch = batch
        self._flights.append((batch, self._start(rows)))
        self._record_landed()
        if alone:
            self._land_oldest()
            self._record_landed()
            self.unmapped.conclude()

    def _trial(self, some: Sequence[Candidate]) -> Candidate | None:
        """Choose the lane's first update, to be sent alone and read back."""
        together = {candidate.entity.registry_id for candidate in some}
        updates = [c for c in some if not c.is_new and not c.entity.links & together]
        bodies = [self._row(_item(candidate)).body for candidate in updates]
        registry_id = self.unmapped.trial(bodies) if updates else ""
        for candidate in updates:
            if candidate.entity.registry_id == registry_id:
                self.pending.remove(candidate)
                self.pending.insert(0, candidate)
                self._land_all()  # nothing else is on its way while we look
                return candidate
        return None

    def _start(self, rows: Sequence[Row]) -> Flight:
        """Send rows. Raises Wait at an hourly limit, with all that flies written down first."""
        try:
            wait_for_room(self.run, len(rows), per_hour=self.objects_per_hour)
            return self.upserter.start(rows)
        except Wait:
            self._record_landed()
            self._land_all()
            raise

    def _new_batch(self, items: list[Json]) -> Batch:
        with transaction.atomic():
            runs.renew(self.lease)
            return Batch.objects.create(
                run=self.run,
                number=self.run.batches.count() + 1,
                items=storable(items),
                size=len(items),
            )

    def _land_oldest(self) -> None:
        self._batch, flight = self._flights.popleft()
        self.upserter.land(flight)

    def _rows(self, items: Sequence[Json]) -> list[Row]:
        rows = [self._row(item) for item in items]
        old = [row.body for row, item in zip(rows, items, strict=True) if not item["new"]]
        if old:
            self.unmapped.fill(old)
        return rows

    def _row(self, item: Json, *, by_id: bool = False) -> Row:
        config = self.setup.config
        body = payload(
            entity_of_item(item),
            self.setup.schema,
            registry_id=config.registry_id,
            # Set at creation only: people may move an entity, and it stays where they put it.
            folder_id=config.folder_id if item["new"] else None,
            by_id=by_id or self.lane.field_keys == FieldKeys.ID,
        )
        return Row(item["external_id"], body)

    # -- what the upserter reports -----------------------------------------------------------

    def sending(self) -> None:
        runs.renew(self.lease)

    def sent(self, rows: Sequence[Row], task_id: str) -> None:
        batch = self._current()
        batch.task_id, batch.task_ids = task_id, [row.external_id for row in rows]
        batch.calls = self.upserter.calls
        batch.sent_at = timezone.now()
        columns = ("task_id", "task_ids", "calls", "sent_at")
        try:
            with transaction.atomic():
                runs.renew(self.lease)
                batch.save(update_fields=columns)
        except runs.LeaseLost:
            # A person ended the run: whoever settles the batch must know of its task.
            told = {name: getattr(batch, name) for name in columns}
            Batch.objects.filter(pk=batch.pk, task_id="", done_at=None).update(**told)
            raise

    def written(self, rows: Sequence[Row], entities: dict[str, Json]) -> None:
        sightings = []
        for _, item in self._with_items(rows):
            entity = entity_of_item(item)
            answer = entities.get(entity.registry_id, {})
            outcome = Outcome.CREATED if item["new"] else Outcome.UPDATED
            sightings.append(
                outcome_of_item(item, outcome, entity=entity, entity_id=str(answer.get("id") or ""))
            )
        self._landed.append((self._current(), sightings))
        if not self.lane.field_keys:
            self._prove(FieldKeys.NAME)
        if len(rows) < self._current().size:  # isolating: each part is safe as soon as it is in
            self._record_landed()

    def refused(self, row: Row, refusal: Refused) -> None:
        ((_, item),) = self._with_items([row])
        entity = entity_of_item(item)
        missing = self._missing(entity)
        problem = refusals.refusal(entity, refusal, self.setup.schema, missing_links=missing)
        self._give_up(item, problem)

    def set_aside(self, rows: Sequence[Row], message: str) -> None:
        for _, item in self._with_items(rows):
            self._give_up(item, refusals.set_aside(item["external_id"], message))

    def suspect(self, refusal: Refused | None) -> None:
        self._record_landed()
        self.on_failed_batch(refusal)
        if not self.lane.field_keys:
            self._try_ids()

    def _try_ids(self) -> None:
        """See, where no upsert ever passed, whether this tenant takes fields by id alone.

        The contract says names; an official example sends ids. Raises Wait where it does.
        """
        items = self._current().items
        for item in [items[0], items[-1]]:
            row = self._row(item, by_id=True)
            self.sending()
            try:
                entity = self.client.upsert_one(row.body)
            except Refused:
                continue
            self._prove(FieldKeys.ID)
            self.written([row], {row.body["entityRegistryId"]: entity})
            self._record_landed()
            raise Wait(retry_time(0), FIELD_KEYS)

    def _prove(self, keys: Lane.FieldKeys) -> None:
        runs.renew(self.lease)
        Lane.objects.filter(pk=self.lane.pk).update(field_keys=keys)
        self.lane.field_keys = keys

    def _give_up(self, item: Json, problem: Problem) -> None:
        self._landed.append(
            (self._current(), [outcome_of_item(item, Outcome.FAILED, problems=(problem,))])
        )
        self._record_landed()

    def _missing(self, entity: Entity) -> list[str]:
        """Say which of an entity's link targets are not in Benchling."""
        targets = set(entity.links)
        if not targets:
            return []
        targets -= present(self.lane, targets)
        if targets:
            registry_id = self.setup.config.registry_id
            found = self.client.entities_registered(sorted(targets), registry_id=registry_id)
            targets -= {str(entity.get("entityRegistryId")) for entity in found}
        return sorted(targets)

    # -- bookkeeping -----------------------------------------------------------------------

    def _record_landed(self) -> None:
        for batch, sightings in self._landed:
            ledger.record(self.run, self.lease, sightings, batch=batch)
            ids = [sighting.external_id for sighting in sightings]
            self.claims.release(ids)
            for external_id in ids:
                self.underway.pop(external_id, None)
        self._landed.clear()

    def _current(self) -> Batch:
        assert self._batch is not None
        return self._batch

    def _with_items(self, rows: Sequence[Row]) -> list[tuple[Row, Json]]:
        items = {item["external_id"]: item for item in self._current().items}
        return [(row, items[row.external_id]) for row in rows]
