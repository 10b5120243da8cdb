"""Record what a dry run would write as the rows of a plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from registry_sync import ledger, runs
from registry_sync.benchling.entity_types.parts import PART_KEYS, plain_part
from registry_sync.core.text import storable
from registry_sync.core.types import Json
from registry_sync.mapping.model import UNKNOWN, Entity
from registry_sync.mapping.values import holds_value
from registry_sync.models import LedgerEntry, PlanRow
from registry_sync.sync.context import RunContext
from registry_sync.sync.plans import lifecycle
from registry_sync.sync.plans.plan_digests import benchling_digest, row_digest
from registry_sync.sync.rebuild import entity_of, link_targets
from registry_sync.sync.records import Candidate

Action = PlanRow.Action
COLUMNS = [
    "entity_registry_id", "entity_id", "name", "values", "source_digest", "entity_digest",
    "benchling_digest", "digest",
]  # fmt: skip
CHUNK = 500


class NoPlan:
    """Records nothing: the dry run of a lane without plans."""

    def add(
        self, candidates: Sequence[Candidate], entity_ids: dict[str, str] | None = None
    ) -> None:
        """Add the writes of candidates, by their records' entities in Benchling."""

    def add_withdrawals(self, entries: Sequence[LedgerEntry], action: PlanRow.Action) -> None:
        """Add that entities would be archived or unarchived."""

    def close(self, days: int) -> None:
        """End the plan, which expires after some days."""


class PlanRecorder(NoPlan):
    """Records the rows of a run's plan. A run that starts over starts its plan over."""

    def __init__(self, ctx: RunContext) -> None:
        self.ctx = ctx
        self.plan = lifecycle.begin_plan(ctx.run, ctx.lane, ctx.lease)

    def add(
        self, candidates: Sequence[Candidate], entity_ids: dict[str, str] | None = None
    ) -> None:
        """Add the writes of candidates. Raise LeaseLost, and what Benchling's client raises."""
        entries = self._entries([c for c in candidates if not c.is_new])
        ids = {key: entry.entity_id for key, entry in entries.items()} | (entity_ids or {})
        raws = self._entities(list(ids.values()))
        definitions = self.ctx.setup.mapping.definitions
        targets = link_targets(list(raws.values()), definitions, self.ctx.client)
        rows = []
        for candidate in candidates:
            id_ = candidate.entity.external_id
            entry, raw = entries.get(id_), raws.get(ids.get(id_, ""))
            row = self._row(candidate, entry, raw, targets)
            row.entity_id = ids.get(id_, "")
            rows.append(row)
        self._save(rows)

    def add_withdrawals(self, entries: Sequence[LedgerEntry], action: PlanRow.Action) -> None:
        reason = self.ctx.lane.withdrawn_reason
        values = [
            ["archived", None, reason] if action == Action.ARCHIVE else ["archived", reason, None]
        ]
        for chunk in _chunks(entries):
            raws = self._entities([entry.entity_id for entry in chunk])
            self._save(
                PlanRow(
                    external_id=entry.external_id, entity_registry_id=entry.entity_registry_id,
                    entity_id=entry.entity_id, name=entry.name, action=action, values=values,
                    benchling_digest=benchling_digest(raws.get(entry.entity_id)),
                )
                for entry in chunk
            )  # fmt: skip

    def close(self, days: int) -> None:
        expires = timezone.now() + timedelta(days=days)
        kept = lifecycle.close(self.plan, self.ctx.lease, expires)
        self.ctx.run.plan = kept

    def _entries(self, candidates: Sequence[Candidate]) -> dict[str, LedgerEntry]:
        ids = [c.entity.external_id for c in candidates]
        rows = self.ctx.lane.ledger.filter(external_id__among=ids).exclude(entity_hash="")
        return {row.external_id: row for row in rows}

    def _entities(self, ids: Sequence[str]) -> dict[str, Json]:
        entity_ids = [id_ for id_ in ids if id_]
        found = self.ctx.client.entities_by_id(entity_ids) if entity_ids else []
        return {str(raw["id"]): raw for raw in found}

    def _row(
        self,
        candidate: Candidate,
        entry: LedgerEntry | None,
        raw: Json | None,
        targets: dict[str, str],
    ) -> PlanRow:
        entity = candidate.entity
        is_change = entry is not None or raw is not None
        existing = entity_of(entity.external_id, raw, self.ctx.setup, targets) if raw else None
        return PlanRow(
            external_id=entity.external_id,
            entity_registry_id=entity.registry_id,
            name=entity.name,
            action=Action.CHANGE if is_change else Action.CREATE,
            values=storable([list(value) for value in _values(entry, existing, entity)]),
            source_digest=candidate.record.raw_hash,
            entity_digest=entity.digest(),
            benchling_digest=benchling_digest(raw) if is_change else "",
        )

    def _save(self, rows: Iterator[PlanRow] | Sequence[PlanRow]) -> None:
        kept = []
        for row in rows:
            row.plan, row.digest = self.plan, row_digest(row)
            kept.append(row)
        if not kept:
            return
        with transaction.atomic():
            runs.renew(self.ctx.lease)
            PlanRow.objects.bulk_create(
                kept, batch_size=CHUNK, update_conflicts=True, update_fields=COLUMNS,
                unique_fields=["plan", "external_id", "action"],
            )  # fmt: skip


def _values(
    entry: LedgerEntry | None, existing: Entity | None, entity: Entity
) -> Iterator[tuple[str, Any, Any]]:
    """Yield what would change: field id, value before and after.

    What people changed since the last sync is overwritten as well, so the value before is
    Benchling's own where it can be read.
    """
    if existing is None:
        yield from ledger.differences(entry, entity)
        return
    if existing.registry_id != entity.registry_id:
        yield "registry id", existing.registry_id, entity.registry_id
    if existing.name != entity.name:
        yield "name", existing.name, entity.name
    old_values = (
        {} if entry is None else {f: was for f, was, _ in ledger.differences(entry, entity)}
    )
    for field_id, value in entity.fields.items():
        in_benchling = existing.fields.get(field_id)
        readable = in_benchling != UNKNOWN and field_id not in PART_KEYS
        if field_id in old_values:
            yield (
                field_id,
                plain_part(field_id, in_benchling) if readable else old_values[field_id],
                value,
            )
        elif (readable or entry is None) and not _is_held(field_id, value, in_benchling):
            yield (
                field_id,
                "?" if in_benchling == UNKNOWN else plain_part(field_id, in_benchling),
                value,
            )


def _is_held(field_id: str, value: Any, in_benchling: Any) -> bool:
    nothing = value in (None, []) and in_benchling in (None, [])
    return nothing or holds_value(field_id, value, in_benchling)


def _chunks(entries: Sequence[LedgerEntry]) -> Iterator[Sequence[LedgerEntry]]:
    for start in range(0, len(entries), CHUNK):
        yield entries[start : start + CHUNK]
