"""Entities that were in Benchling before this app: adopted where equal, else someone decides.

An entity that this app did not make is written only after it was adopted: by id, or by name, which
gives it the registry id of its record.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from registry_sync import ledger, runs
from registry_sync.benchling import chemistry
from registry_sync.benchling.entity_types.parts import plain_part
from registry_sync.benchling.errors import Refused
from registry_sync.benchling.lost_answers import send_once
from registry_sync.core.text import name_key
from registry_sync.core.types import Json
from registry_sync.ledger.record_outcome import Outcome, RecordOutcome
from registry_sync.mapping.model import UNKNOWN, Entity
from registry_sync.mapping.values import holds_value
from registry_sync.models import Adoption, TakenName
from registry_sync.sync import rebuild
from registry_sync.sync.context import RunContext
from registry_sync.sync.gates import names
from registry_sync.sync.plans.plan_gate import hold_unplanned
from registry_sync.sync.plans.plan_recorder import NoPlan
from registry_sync.sync.records import Candidate, record_outcome

How, State = Adoption.How, Adoption.State
UNDECIDED = (State.OPEN, State.APPROVED)


class AdoptionGate:
    """Finds out which new candidates are in Benchling already, and not made by this app.

    What waits for a decision stays a candidate, which the name gate refuses.
    """

    def __init__(self, ctx: RunContext, plan: NoPlan) -> None:
        self.ctx, self.plan = ctx, plan

    def check(self, candidates: Sequence[Candidate]) -> tuple[list[Candidate], list[RecordOutcome]]:
        """Return the candidates, adopted ones no longer new, and the outcomes of equal ones."""
        ctx = self.ctx
        candidates = rebuild.find_new(ctx, candidates)
        new = [candidate for candidate in candidates if candidate.is_new]
        taken_names = names.held_by_others(ctx.lane, [candidate.entity for candidate in new])
        found: dict[str, Json] = {}
        if taken_names:
            entities = ctx.client.entities_by_id(sorted({name.entity_id for name in taken_names}))
            rebuild.remember_page(ctx, entities)
            taken_names = names.held_by_others(ctx.lane, [candidate.entity for candidate in new])
            found = {str(raw["id"]): raw for raw in entities}
        matches = _Matches(ctx, found)
        matches.open({candidate.entity.external_id for candidate in new})
        for candidate in new if taken_names else ():
            matches.judge(candidate, [name for name in taken_names if name.entity_id in found])
        matches.close()
        taken_over = [c for c in new if c.entity.external_id in matches.adopted]
        if ctx.run.dry_run and taken_over:
            self.plan.add(taken_over, matches.adopted)
        going, settled = matches.sort(candidates)
        unplanned = [c for c in going if c.entity.external_id in matches.unplanned]
        if unplanned:
            going = [c for c in going if c not in unplanned]
            settled += hold_unplanned(ctx, unplanned)
        return going, settled


class _Matches:
    """Judges candidates against the entities found, and keeps their Adoption rows."""

    def __init__(self, ctx: RunContext, found: dict[str, Json]) -> None:
        self.ctx = ctx
        self.run, self.lease, self.lane = ctx.run, ctx.lease, ctx.lane
        self.setup, self.client, self.found = ctx.setup, ctx.client, found
        self.pause = ctx.pacer.pause
        of_schema = [raw for raw in found.values() if self._in_our_schema(raw)]
        definitions = ctx.setup.mapping.definitions
        self.targets = rebuild.link_targets(of_schema, definitions, ctx.client)
        self.equal: set[str] = set()
        self.adopted: dict[str, str] = {}
        """The Benchling ids of entities that are taken over, by external id."""
        self.taken: set[str] = set()
        """The Benchling ids of entities that records of these have by now."""
        self.unplanned: set[str] = set()
        """Records whose entities may not be taken over without a plan."""
        self.rows: dict[tuple[str, str], Adoption] = {}
        self.met: set[int] = set()

    def open(self, external_ids: Collection[str]) -> None:
        """Read what is undecided about these records."""
        rows = Adoption.objects.filter(lane=self.lane, external_id__among=external_ids)
        # In no order: by the key, SQLite would read the whole lane.
        for row in rows.filter(state__in=UNDECIDED).order_by():
            self.rows[row.external_id, row.entity_id] = row

    def judge(self, candidate: Candidate, taken_names: Sequence[TakenName]) -> None:
        """Decide about one candidate: take its entity over, or keep what the owner will see."""
        entity = candidate.entity
        registry_key, key = entity.registry_key, entity.name_key
        holders = {name.entity_id: name for name in taken_names if name.key == registry_key}
        # The holder of the id comes first; without one, every holder of the name.
        if not any(name.kind == "id" for name in holders.values()):
            holders |= {name.entity_id: name for name in taken_names if name.key == key}
        for entity_id in holders:
            if candidate.entity.external_id not in self.adopted.keys() | self.equal:
                self._weigh(candidate, self.found[entity_id])

    def close(self) -> None:
        """Void what no longer stands in the way of these records."""
        obsolete = [row.pk for row in self.rows.values() if row.pk not in self.met]
        if obsolete and not self.run.dry_run:
            Adoption.objects.filter(pk__in=obsolete).update(state=State.VOID)

    def sort(self, candidates: Sequence[Candidate]) -> tuple[list[Candidate], list[RecordOutcome]]:
        going, settled = [], []
        for candidate in candidates:
            external_id = candidate.entity.external_id
            if external_id in self.equal:
                outcome = Outcome.UNCHANGED
            elif external_id in self.adopted and self.run.dry_run:
                outcome = Outcome.UPDATED
            else:
                is_adopted = external_id in self.adopted
                going.append(replace(candidate, is_new=False) if is_adopted else candidate)
                continue
            settled.append(record_outcome(candidate.record, outcome, identity=candidate.identity))
        return going, settled

    def _weigh(self, candidate: Candidate, raw: Json) -> None:
        if str(raw["id"]) in self.taken:
            return  # approved for two records; the first one has it
        how = self._how(candidate.entity, raw)
        external_id = candidate.entity.external_id
        current = rebuild.entity_of(external_id, raw, self.setup, self.targets)
        differences = self._differences(candidate.entity, current) if self._comparable(how) else []
        if how == How.SAME_ID and not differences:
            self._take_over(candidate, raw, current)
            self.equal.add(external_id)
            self.taken.add(str(raw["id"]))
            return
        row = self._row(candidate, raw, how, differences)
        if row.state != State.APPROVED:
            return
        if not self._permitted(candidate):
            self.unplanned.add(external_id)
        elif self._carried_out(candidate, row, raw, current):
            self.adopted[external_id] = str(raw["id"])
            self.taken.add(str(raw["id"]))

    def _permitted(self, candidate: Candidate) -> bool:
        as_update = replace(candidate, is_new=False)
        permit = self.ctx.write_access
        ids = [candidate.entity.external_id]
        return bool(permit.allowed([as_update])) and permit.may_change(ids)

    def _how(self, entity: Entity, raw: Json) -> Adoption.How:
        if not self._in_our_schema(raw):
            return How.OTHER_SCHEMA
        if raw.get("archiveRecord"):
            return How.ARCHIVED
        if name_key(raw.get("entityRegistryId") or "") == entity.registry_key:
            return How.SAME_ID
        same = name_key(raw["name"]) == entity.name_key
        return How.SAME_NAME if same else How.SAME_ALIAS

    def _in_our_schema(self, raw: Json) -> bool:
        return (raw.get("schema") or {}).get("id") == self.setup.schema.id

    def _comparable(self, how: Adoption.How) -> bool:
        return how != How.OTHER_SCHEMA

    def _differences(self, entity: Entity, current: Entity) -> list[list[Any]]:
        """Return what a takeover would change: field, Benchling's value, the registry's."""
        named = {field.id: field.name for field in self.setup.schema.fields}
        found: list[list[Any]] = []
        if current.registry_id != entity.registry_id:
            found.append(["registry id", current.registry_id, entity.registry_id])
        if current.name != entity.name:
            found.append(["name", current.name, entity.name])
        for field_id, value in entity.fields.items():
            in_benchling = current.fields.get(field_id)
            nothing = in_benchling in (None, []) and value in (None, [])
            if not nothing and not _is_equal(field_id, value, in_benchling):
                shown = "?" if in_benchling == UNKNOWN else plain_part(field_id, in_benchling)
                found.append([named.get(field_id, field_id), shown, value])
        return found

    def _row(
        self, candidate: Candidate, raw: Json, how: Adoption.How, differences: list[list[Any]]
    ) -> Adoption:
        """Keep both sides as shown. A decision about other values has to be made again."""
        external_id = candidate.entity.external_id
        row = self.rows.get((external_id, str(raw["id"])))
        if row is None:
            row = Adoption(lane=self.lane, external_id=external_id, entity_id=raw["id"])
            row.found_at = timezone.now()
        elif row.state == State.APPROVED and (
            how not in Adoption.ADOPTABLE
            or _benchling_values(row.differences) != _benchling_values(differences)
        ):
            row.state = State.OPEN
            row.note = "It was changed in Benchling since it was approved. Please review it again."
        row.how, row.differences = how, differences
        row.entity_registry_id = raw.get("entityRegistryId") or ""
        row.name = raw["name"].strip()
        row.schema_name = (raw.get("schema") or {}).get("name") or ""
        row.modified_at = parse_datetime(str(raw.get("modifiedAt"))) or timezone.now()
        row.save()
        self.met.add(row.pk)
        return row

    def _carried_out(self, candidate: Candidate, row: Adoption, raw: Json, current: Entity) -> bool:
        if self.run.dry_run:
            return True
        if current.registry_id != candidate.entity.registry_id:
            try:
                self._give_registry_id(row.entity_id, candidate.entity.registry_id)
            except Refused as refused:
                row.state, row.note = State.OPEN, f"Benchling refused it: {refused.message}"
                row.save()
                return False
            self.ctx.write_access.note_changed([candidate.entity.external_id])
        self._take_over(candidate, raw, current, row)
        return True

    def _give_registry_id(self, entity_id: str, registry_id: str) -> None:
        def send() -> None:
            runs.renew(self.lease)
            self.client.give_registry_id(entity_id, registry_id)

        def is_there() -> bool:
            found = self.client.entities_by_id([entity_id])
            return any(raw.get("entityRegistryId") == registry_id for raw in found)

        send_once(send, is_there, self.pause)

    def _take_over(
        self, candidate: Candidate, raw: Json, current: Entity, row: Adoption | None = None
    ) -> None:
        """Let the ledger hold what Benchling holds; who decided it, and when, is kept."""
        if self.run.dry_run:
            return
        now = timezone.now()
        row = row or self.rows.get((candidate.entity.external_id, str(raw["id"]))) or Adoption(
            lane=self.lane,
            external_id=candidate.entity.external_id,
            entity_id=raw["id"],
            entity_registry_id=current.registry_id,
            name=current.name,
            how=How.SAME_ID,
            modified_at=parse_datetime(str(raw.get("modifiedAt"))) or now,
            found_at=now,
        )  # fmt: skip
        if row.state != State.APPROVED:
            row.actor, row.decided_at = "", now
            row.reason = "Every mapped value equalled the registry's."
        row.state, row.run = State.ADOPTED, self.run
        with transaction.atomic():
            ledger.import_entity(self.run, self.lease, current, entity_id=str(raw["id"]))
            TakenName.objects.filter(lane=self.lane, entity_id=raw["id"]).delete()
            row.save()
            others = Adoption.objects.filter(lane=self.lane, state__in=UNDECIDED)
            others.filter(entity_id=raw["id"]).update(state=State.VOID)
        self.met.add(row.pk)


def _is_equal(field_id: str, value: Any, in_benchling: Any) -> bool:
    if field_id == "structure" and not chemistry.available():
        return False  # without RDKit, whether it is the same substance is for someone to see
    return holds_value(field_id, value, in_benchling)


def _benchling_values(differences: Sequence[Sequence[Any]]) -> list[tuple[Any, Any]]:
    return [(field, value) for field, value, _ in differences]
