"""What a run would refuse in a preview for a structure or sequence: a second one, lost drawings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from registry_sync.benchling.client import Client
from registry_sync.core.problems import Problem
from registry_sync.drafts.preview_notes import SUBSTANCE, Notes
from registry_sync.drafts.tenant_view import TenantView
from registry_sync.ledger.substances import holders_of, substance_of
from registry_sync.mapping.model import Entity
from registry_sync.models import Allowance, Lane
from registry_sync.sync.gates import substances
from registry_sync.sync.gates.claims import Holder, substance_claim
from registry_sync.sync.gates.drawings import losses
from registry_sync.sync.records import Candidate
from registry_sync.sync.setup import Setup


@dataclass(frozen=True, slots=True)
class _LaneContext:
    lane: Lane
    setup: Setup
    client: Client


class Parts:
    """Judges the parts of records page by page, as the gates of a run do before names."""

    def __init__(self, notes: Notes, tenant: TenantView, lane: Lane | None) -> None:
        self.notes, self.tenant, self.lane = notes, tenant, lane
        self._unique = substances.are_unique(lane, tenant.setup.schema)

    def judge(self, candidates: Sequence[Candidate]) -> dict[str, Problem]:
        """Return the problems of candidates, by external id."""
        problems: dict[str, Problem] = {}
        if self._unique:
            self.notes.look_up(_keys_of(candidate.entity for candidate in candidates))
            mapping = self.tenant.setup.mapping
            problems = substances.taken_substances(
                self.lane, mapping, candidates, self, is_tried=lambda candidate: False
            )
        if self.lane is not None:
            ctx = _LaneContext(self.lane, self.tenant.setup, self.tenant.client)
            going = [c for c in candidates if c.entity.external_id not in problems]
            problems |= losses(ctx, going, self._is_allowed)
        return problems

    def holders(self, key: str) -> list[Holder]:
        """Return which records of earlier pages were given a substance, by its claim."""
        return self.notes.holders(_stored(key))

    def claim(self, entity: Entity) -> None:
        """Note that a record gets its structure or sequence."""
        self.notes.claim_aliases(entity.external_id, self.keys_of(entity))

    def keys_of(self, entity: Entity) -> set[str]:
        """Return under which key a record's structure or sequence is unique, if it must be."""
        return _keys_of([entity]) if self._unique else set()

    def _is_allowed(self, external_id: str) -> bool:
        allowances = Allowance.objects.filter(lane=self.lane, external_id=external_id, used_by=None)
        return allowances.filter(what=Allowance.What.DRAWINGS).exists()


def owners_of(lane: Lane | None, keys: Iterable[str]) -> dict[str, list[str]]:
    """Return who has these structures or sequences; keys are as `substance_note` returns them."""
    substance_keys = [key.removeprefix(SUBSTANCE) for key in keys]
    owners = holders_of(lane, substance_keys) if lane is not None else {}
    return {SUBSTANCE + key: external_ids for key, external_ids in owners.items()}


def substance_note(key: str) -> str:
    """Return the key of a structure or sequence as the notes keep it: PostgreSQL takes no NUL."""
    return _stored(substance_claim(key))


def _keys_of(entities: Iterable[Entity]) -> set[str]:
    found = (substance_of(entity) for entity in entities)
    return {substance_note(substance.key) for substance in found if substance}


def _stored(claim: str) -> str:
    return claim.replace("\x00", SUBSTANCE)
