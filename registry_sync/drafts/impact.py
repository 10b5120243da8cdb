"""What a mapping would do to records against today: counts, values by field, and examples.

Compared with the ledger, which knows what this app wrote to Benchling, and with Benchling for
what it does not. Grows with the mapping, not with the registry: of records, ids and values it keeps
a fixed number; names lie in the preview's notes.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from registry_sync.core.problems import Kind, Problem
from registry_sync.core.text import storable
from registry_sync.core.types import Json
from registry_sync.drafts.preview_counts import Counts
from registry_sync.drafts.preview_parts import Parts
from registry_sync.drafts.preview_rivals import Claimant, Rivals
from registry_sync.drafts.row_preview import text_of
from registry_sync.ledger.pins import is_outdated, open_pins, pinned
from registry_sync.ledger.shared_items import own_items
from registry_sync.mapping.departures import has_left
from registry_sync.mapping.model import Entity, Mapping
from registry_sync.mapping.transform import transform
from registry_sync.mapping.values import same_value
from registry_sync.models import Allowance, Lane, LedgerEntry, Pin
from registry_sync.runs import open_errors
from registry_sync.source.paths import ABSENT
from registry_sync.sync.duplicate_ids import duplicate_problem
from registry_sync.sync.gates.claims import Holder
from registry_sync.sync.gates.guards import is_other_substance, substance_problem
from registry_sync.sync.records import Candidate, SourceRecord


@dataclass(frozen=True, slots=True)
class Before:
    """What Benchling holds of a record, as the ledger or Benchling's own list says."""

    name: str
    name_key: str
    fields: Json
    own_aliases: frozenset[str] = frozenset()
    """The keys of the aliases that this app added."""


@dataclass(slots=True)
class Effect:
    """What a mapping does to one entity: whether it is new or renamed, and which values change."""

    claimant: Claimant
    renamed: bool
    changes: list[list[str]]
    """The id of each changed field, and its value in words before and after."""

    @property
    def sort(self) -> str:
        """Return the outcome, as a run would count it."""
        if self.claimant.is_new:
            return "new"
        return "changed" if self.renamed or self.changes else "unchanged"


class Forecast:
    """Adds records, a page at a time, to the counts and examples in `found`."""

    def __init__(self, found: Json, mapping: Mapping, lane: Lane | None, rivals: Rivals) -> None:
        self.mapping, self.lane, self.rivals = mapping, lane, rivals
        self.parts = Parts(rivals.notes, rivals.tenant, lane)
        self.counts = Counts(found, mapping, rivals.notes)
        self.pins = Pin.objects.filter(lane=lane, closed_at=None).exists()

    def add(self, arrived: Sequence[SourceRecord]) -> None:
        """Add some records."""
        records = dict(self._alone(arrived))
        self.counts.found["read"] += len(records)
        entities: dict[str, Entity] = {}
        ledger = self._ledger(list(records))
        self._count_now(ledger)
        for external_id, (record, problem) in records.items():
            row = ledger.get(external_id)
            if problem is not None:
                self.counts.refuse(record, [problem])
            elif has_left(record.raw, self.mapping):  # nothing is written for it
                self.counts.count("unchanged", record, None)
            else:
                self.counts.count_paths(record.raw, row.fields if row is not None else {})
                if (entity := self._transformed(record, row)) is not None:
                    entities[external_id] = entity
        current = {id_: _before(row) for id_, row in ledger.items() if row.entity_hash}
        self._write(records, entities, current)

    def settle(self) -> None:
        """Count those that waited for a name or a link, now that every record was read."""
        for note in self.rivals.settle():
            data = note.data
            self.counts.apply(data["sort"], data["renamed"], data["changes"], note.external_id)
            self.counts.keep_row(data["sort"], data["row"])
        for waiting in self.rivals.notes.waiting():
            for note in waiting:
                problem = Problem(**{"kind": "source", **note.data["problem"]})
                self.counts.count_refused(note.external_id, note.data["name"], [problem])
                self.counts.keep_row("refused", note.data["row"])
            self.rivals.notes.flush()
        self.rivals.notes.keep_refused_alone()

    # -- one record ------------------------------------------------------------------------

    def _alone(
        self, arrived: Sequence[SourceRecord]
    ) -> Iterator[tuple[str, tuple[SourceRecord, Problem | None]]]:
        """Yield each record once, with its problem if it has one already."""
        hashes: dict[str, set[str]] = {}
        for record in arrived:
            hashes.setdefault(record.external_id, set()).add(record.raw_hash)
        for record in arrived:
            problem = record.problem
            if problem is None and len(hashes[record.external_id]) > 1:
                problem = duplicate_problem(record.external_id, "neither was written")
            yield record.external_id, (record, problem)

    def _ledger(self, ids: Sequence[str]) -> dict[str, LedgerEntry]:
        if self.lane is None:
            return {}
        rows = LedgerEntry.objects.filter(lane=self.lane, external_id__among=ids)
        return {row.external_id: row for row in rows}

    def _count_now(self, ledger: dict[str, LedgerEntry]) -> None:
        """Count how many of these records are refused today, and how many are up to date."""
        if self.lane is None:
            return
        rows = self.lane.errors.filter(closed_at__isnull=True, external_id__among=list(ledger))
        refused = set(rows.values_list("external_id", flat=True))
        found = self.counts.found
        found["refused_now"] += len(refused)
        found["good_now"] += sum(
            bool(row.entity_hash) and id_ not in refused for id_, row in ledger.items()
        )

    def _transformed(self, record: SourceRecord, row: LedgerEntry | None) -> Entity | None:
        """Return a record's entity, or None after counting it as refused."""
        done = transform(record.raw, record.external_id, self.mapping)
        problems = list(done.problems)
        if done.entity is not None and not problems and row is not None:
            problems = self._as_before(record, row)
        if done.entity is None or problems:
            self.counts.refuse(record, problems)
            return None
        return pinned(done.entity, self._pins(done.entity))

    def _pins(self, entity: Entity) -> list[Pin]:
        """Return the accepted differences of an entity that would still stand."""
        pins = open_pins(self.lane, [entity.external_id]) if self.pins and self.lane else {}
        found = pins.get(entity.external_id, [])
        return [pin for pin in found if not is_outdated(pin, entity)]

    def _as_before(self, record: SourceRecord, row: LedgerEntry) -> list[Problem]:
        """Return why a run would refuse a known record whose values are all right."""
        identity = self.mapping.identity_of(record.raw)
        if is_other_substance(row.identity, identity):
            allowed = Allowance.objects.filter(
                lane=self.lane, what=Allowance.What.IDENTITY, external_id=record.external_id,
                used_by__isnull=True,
            )  # fmt: skip
            if not allowed.exists():
                return [substance_problem(record.external_id, row.identity, identity)]
        if row.outcome != LedgerEntry.Outcome.FAILED or row.raw_hash != record.raw_hash:
            return []
        assert self.lane is not None
        # Benchling refused the very same: a run does not send it again.
        errors = open_errors(self.lane).filter(external_id=record.external_id)
        errors = errors.exclude(waits_for__in=["name", "link", "substance"])
        error = errors.exclude(kind="transient").first()
        if error is None:
            return []
        return [
            Problem(
                kind=cast(Kind, error.kind), code=error.code, message=error.message,
                remedy=error.remedy, field=error.field,
            )
        ]  # fmt: skip

    # -- together --------------------------------------------------------------------------

    def _write(
        self,
        records: dict[str, tuple[SourceRecord, Problem | None]],
        entities: dict[str, Entity],
        current: dict[str, Before],
    ) -> None:
        """Compare entities with what Benchling has, and see who gets a name, an id and links."""
        new = [entity for id_, entity in entities.items() if id_ not in current]
        seen = self.rivals.tenant.entities(new)
        current |= {id_: Before(e.name, e.name_key, e.fields) for id_, e in seen.existing.items()}
        effects = {
            id_: self._effect(entity, current.get(id_))
            for id_, entity in entities.items()
            if id_ not in seen.equal
        }
        going = [effect.claimant for effect in effects.values() if effect.sort != "unchanged"]
        lacking = self._part_problems(records, going, seen.holders)
        nameless = self._judged(going, seen.holders, lacking)
        problems = {**nameless, **lacking}
        for claimant in going:
            if claimant.entity.external_id not in problems:
                self.parts.claim(claimant.entity)
        for id_ in entities:
            record, effect = records[id_][0], effects.get(id_)
            problem = problems.get(id_)
            if effect is None:
                self.counts.count("unchanged", record, entities[id_])
            elif problem is None:
                self.counts.apply(effect.sort, effect.renamed, effect.changes, id_)
                self.counts.keep_row(
                    effect.sort, self.counts.row(effect.sort, record, entities[id_])
                )
            elif (id_ in lacking and id_ in nameless) or not self._wait(effect, problem, record):
                self.counts.refuse(record, [problem], entities[id_])
        for entity in entities.values():
            self.counts.count_filled(entity)

    def _part_problems(
        self,
        records: dict[str, tuple[SourceRecord, Problem | None]],
        going: Sequence[Claimant],
        holders: dict[str, list[Holder]],
    ) -> dict[str, Problem]:
        """Return the problems of structures and sequences, where no other entity has the id."""
        return self.parts.judge([
            Candidate(records[claimant.entity.external_id][0], claimant.entity, claimant.is_new)
            for claimant in going
            if claimant.entity.registry_key not in holders
        ])  # fmt: skip

    def _judged(
        self,
        going: Sequence[Claimant],
        holders: dict[str, list[Holder]],
        lacking: Container[str],
    ) -> dict[str, Problem]:
        return self.rivals.judge(going, holders, lacking) if going else {}

    def _wait(self, effect: Effect, problem: Problem, record: SourceRecord) -> bool:
        entity = effect.claimant.entity
        row = self.counts.row(effect.sort, record, entity)
        return self.rivals.wait(
            effect.claimant, problem, self.parts.keys_of(entity), sort=effect.sort,
            renamed=effect.renamed, changes=effect.changes,
            row=row if self.counts.has_room(effect.sort) else None,
        )  # fmt: skip

    def _effect(self, entity: Entity, current: Before | None) -> Effect:
        if current is None:
            return Effect(Claimant(entity, is_new=True), renamed=False, changes=[])
        old_key = current.name_key if current.name_key != entity.name_key else ""
        changes = []
        for mapped in self.mapping.fields:
            value = entity.fields.get(mapped.field.id, ABSENT)
            before = current.fields.get(mapped.field.id)
            if (
                value is not ABSENT
                and not same_value(mapped.field.id, before, value)
                and (before or value)
            ):
                texts = [text_of(before, mapped.field), text_of(value, mapped.field)]
                changes.append([mapped.field.id, *storable(texts)])
        lost = current.own_aliases - entity.alias_keys
        old_aliases = lost if "aliases" in entity.fields else frozenset[str]()
        claimant = Claimant(entity, is_new=False, old_key=old_key, old_aliases=old_aliases)
        return Effect(claimant, current.name != entity.name, changes)


def _before(row: LedgerEntry) -> Before:
    own_aliases = frozenset(own_items(row, "aliases"))
    return Before(row.name, row.name_key, row.fields, own_aliases)
