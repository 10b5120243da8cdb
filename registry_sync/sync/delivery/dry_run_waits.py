"""Records of a dry run that wait for others, and which of them need not wait any longer."""

from __future__ import annotations

from collections.abc import Mapping, Set

from registry_sync import ledger
from registry_sync.core.text import name_key
from registry_sync.ledger.record_outcome import RecordOutcome
from registry_sync.mapping.model import Entity
from registry_sync.mapping.transform import transform
from registry_sync.sync.context import RunContext
from registry_sync.sync.delivery.link_forecast import LinkForecast
from registry_sync.sync.gates.claims import NameClaims
from registry_sync.sync.gates.name_circles import circles_of, holders_of, wished_keys
from registry_sync.sync.records import Candidate, SourceRecord, candidate_of


class DryRunWaits:
    """What waits for a name or a link of another record, until every record was seen."""

    def __init__(self, ctx: RunContext, claims: NameClaims, links: LinkForecast) -> None:
        self.lane, self.setup, self.claims, self.links = ctx.lane, ctx.setup, claims, links
        self.outcomes: list[RecordOutcome] = []
        self.given_up: set[str] = set()
        """The keys of names and aliases that records of this run give up."""
        self._targets: dict[str, frozenset[str]] = {}
        """What waiting records link to, of those that have what others wait for."""

    def pass_some(self) -> list[Candidate]:
        """Return the candidates that pass now. They no longer wait, and have their names."""
        wants = {s.external_id: s.problems[0].waits_for or ("", "") for s in self.outcomes}
        named = {id_: key for id_, (what, key) in wants.items() if what == "name"}
        by_id = {s.external_id: s for s in self.outcomes}
        swapped = self._swapped(named, by_id)
        linkable = self.links.linkable({key for what, key in wants.values() if what == "link"})
        views = ledger.views_of(self.lane, list(wants))
        wanted_from = self._wanted_from(named)
        holders = wanted_from.keys() & by_id.keys()
        in_benchling = self.links.elsewhere(self._targets_of(holders, by_id))
        passing: dict[str, Candidate] = {}
        for external_id, (what, key) in wants.items():
            linked = what == "link" and (key in linkable or self._comes(key))
            free = external_id in named and self._is_free(key)
            following = [external_id] if linked or external_id in swapped or free else []
            while following:  # who passes gives up what others wait for
                current = following.pop()
                if current in passing or not (
                    current == external_id or self._is_free(named[current])
                ):
                    continue
                passing[current] = self._pass(by_id[current], views.get(current))
                if (wanted := wanted_from.get(current)) and not self.links.problem(
                    passing[current].entity, in_benchling
                ):
                    following += self._freed(passing[current], wanted)
        self.outcomes = [s for s in self.outcomes if s.external_id not in passing]
        return list(passing.values())

    def explained(self, outcome: RecordOutcome) -> RecordOutcome:
        """Return a record that still waits, with why what it links to cannot be linked."""
        entity = self._entity_of(outcome)
        if entity is None:
            return outcome
        return outcome._replace(problems=(self.links.explained(outcome.problems[0], entity),))

    def _swapped(self, named: dict[str, str], by_id: Mapping[str, RecordOutcome]) -> set[str]:
        def wished(external_id: str) -> set[str]:
            entity = self._entity_of(by_id[external_id])
            return wished_keys(self.lane, self.setup.mapping, entity)

        circles = circles_of(self.lane, self.setup.mapping, named, wished)
        return {external_id for circle in circles for external_id in circle}

    def _wanted_from(self, named: Mapping[str, str]) -> dict[str, dict[str, str]]:
        """Return which records want which key of a record, by the latter's external id."""
        held, _ = holders_of(self.lane, self.setup.mapping, set(named.values()))
        found: dict[str, dict[str, str]] = {}
        for external_id, key in named.items():
            if (holder := held.get(key)) is not None:
                found.setdefault(holder, {})[external_id] = key
        return found

    def _targets_of(self, external_ids: Set[str], by_id: Mapping[str, RecordOutcome]) -> set[str]:
        """Return what waiting records link to."""
        for external_id in external_ids - self._targets.keys():
            entity = self._entity_of(by_id[external_id])
            self._targets[external_id] = entity.links if entity is not None else frozenset()
        return {target for id_ in external_ids for target in self._targets[id_]}

    def _pass(self, waiting: RecordOutcome, before: ledger.LedgerView | None) -> Candidate:
        entity = self._entity_of(waiting)
        assert entity is not None
        record = SourceRecord(
            waiting.external_id, waiting.raw or {}, waiting.raw_hash, waiting.modified_at
        )
        candidate = candidate_of(record, entity, before, self.setup.schema.entity_type)
        self.claims.add([entity])
        return candidate

    def _freed(self, candidate: Candidate, wanted: Mapping[str, str]) -> list[str]:
        """Return who waits for what a record gives up, the last one first.

        A new one has nothing to give up.
        """
        if candidate.is_new:
            return []
        keys = wished_keys(self.lane, self.setup.mapping, candidate.entity)
        freed = {id_: key for id_, key in wanted.items() if key not in keys}
        self.given_up |= set(freed.values())
        return list(freed)[::-1]

    def _is_free(self, key: str) -> bool:
        return key in self.given_up and not self.claims.holders(name_key(key))

    def _comes(self, registry_id: str) -> bool:
        """Return whether a record of this run would have a registry id, in this very spelling."""
        holders = self.claims.holders(name_key(registry_id))
        ids = (self.setup.mapping.registry_id(h.external_id) for h in holders if h.kind == "id")
        return registry_id in ids

    def _entity_of(self, outcome: RecordOutcome) -> Entity | None:
        return transform(outcome.raw or {}, outcome.external_id, self.setup.mapping).entity
