"""Records of a dry run that wait for others, and which of them need not wait any longer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set

from registry_sync import ledger
from registry_sync.core.text import name_key
from registry_sync.core.types import Json
from registry_sync.ledger.record_outcome import RecordOutcome
from registry_sync.mapping.model import Entity
from registry_sync.mapping.transform import transform
from registry_sync.sync.context import RunContext
from registry_sync.sync.delivery.batch_size import most_together
from registry_sync.sync.delivery.link_forecast import LinkForecast
from registry_sync.sync.gates import names
from registry_sync.sync.gates.claims import NameClaims
from registry_sync.sync.gates.name_circles import circle_holders, circles_of, wished_keys
from registry_sync.sync.gates.pass_along import pass_along
from registry_sync.sync.link_circles import circles, circling, closed
from registry_sync.sync.links import own_links
from registry_sync.sync.records import Candidate, SourceRecord, candidate_of

Entities = Mapping[str, Entity | None]
Rivals = Callable[[Entity | None, Collection[str]], bool]


class DryRunWaits:
    """What waits for a name or a link of another record, until every record was seen."""

    def __init__(self, ctx: RunContext, claims: NameClaims, links: LinkForecast) -> None:
        self.lane, self.setup, self.claims, self.links = ctx.lane, ctx.setup, claims, links
        self.most = most_together(ctx)
        self.outcomes: list[RecordOutcome] = []
        self.given_up: set[str] = set()
        """The keys of names and aliases that records of this run give up."""

    def pass_some(self) -> list[Candidate]:
        """Return the candidates that pass now. They no longer wait, and have their names."""
        wants = {s.external_id: s.problems[0].waits_for or ("", "") for s in self.outcomes}
        named = {id_: key for id_, (what, key) in wants.items() if what == "name"}
        waits = {id_: key for id_, (what, key) in wants.items() if what == "link"}
        linking = _by_key((key, id_) for id_, key in waits.items())
        by_id = {s.external_id: s for s in self.outcomes}
        entities = {id_: self._entity_of(outcome) for id_, outcome in by_id.items()}
        rivals = self._rivals(entities[id_] for id_ in named)
        swapped = self._swapped(named, entities, rivals)
        linkable, joined = self.links.linkable(linking.keys()), self._joined(waits, entities)
        views = ledger.views_of(self.lane, list(wants))
        wanted_from = self._wanted_from(named)
        in_benchling = self._in_benchling(entities, {*wanted_from, *linking})
        passing: dict[str, Candidate] = {}

        def may_pass(external_id: str) -> bool:
            what, key = wants[external_id]
            if what == "link":
                return key in linkable or external_id in joined or self._comes(key)
            free = what == "name" and key in self.given_up
            return external_id in swapped or (free and not rivals(entities[external_id], ()))

        def let_pass(external_id: str) -> list[str]:
            candidate = self._pass(by_id[external_id], entities, views.get(external_id))
            passing[external_id] = candidate
            wanted = wanted_from.get(external_id, {})
            pointing = linking.get(candidate.entity.registry_id, [])
            if not (wanted or pointing) or self.links.problem(candidate.entity, in_benchling):
                return []
            return [*pointing, *self._freed(candidate, wanted)]

        pass_along(wants, may_pass, let_pass)
        self.outcomes = [s for s in self.outcomes if s.external_id not in passing]
        return list(passing.values())

    def explained(self, outcome: RecordOutcome) -> RecordOutcome:
        """Return a record that still waits, with why what it links to cannot be linked."""
        entity = self._entity_of(outcome)
        if entity is None:
            return outcome
        return outcome._replace(problems=(self.links.explained(outcome.problems[0], entity),))

    def _rivals(self, waiting: Iterable[Entity | None]) -> Rivals:
        """Return what tells whether others have what an entity is to have, unless it is given."""
        taken = names.holders(self.lane, names.name_keys_of(filter(None, waiting)))

        def has_rivals(entity: Entity | None, given: Collection[str]) -> bool:
            return entity is None or any(
                holder.external_id != entity.external_id
                for key in names.name_keys_of([entity])
                for holder in (
                    *self.claims.holders(key),
                    *(() if key in self.given_up or key in given else taken.get(key, ())),
                )
            )

        return has_rivals

    def _swapped(self, named: dict[str, str], entities: Entities, has_rivals: Rivals) -> set[str]:
        """Return the records that only wait for each other's names or aliases."""

        def wished(external_id: str) -> set[str]:
            return wished_keys(self.lane, self.setup.mapping, entities[external_id])

        found: set[str] = set()
        for circle in circles_of(self.lane, self.setup.mapping, named, wished):
            given = {named[external_id] for external_id in circle}
            if not any(has_rivals(entities[external_id], given) for external_id in circle):
                found |= set(circle)
        return found

    def _joined(self, linking: Mapping[str, str], entities: Entities) -> set[str]:
        """Return the records that only link to each other, whichever pages they came on.

        `linking` is what each waits for. Where one of them cannot have its name, the others wait.
        """
        mapping, schema = self.setup.mapping, self.setup.schema
        ids = {mapping.registry_id(external_id): external_id for external_id in linking}
        links: dict[str, set[str]] = {}
        for id_ in circling({id_: linking[ids[id_]] for id_ in ids}):
            if (entity := entities[ids[id_]]) is not None:
                links[id_] = own_links(entity, schema)
        outside = set[str]().union(*links.values()) - links.keys()
        there = self.links.linkable(outside) | {id_ for id_ in outside if self._comes(id_)}
        links = closed({id_: to - there for id_, to in links.items()})
        order = [id_ for circle in circles(links, self.most) for id_ in circle]
        named = self._named_alone([entities[ids[id_]] for id_ in order]) if order else set()
        links = closed({id_: to for id_, to in links.items() if ids[id_] in named})
        return {ids[id_] for id_ in links}

    def _named_alone(self, circle: Sequence[Entity | None]) -> set[str]:
        """Return which of these can have their names; of two with one name, the first."""
        has_rivals, found, taken = self._rivals(circle), set[str](), set[str]()
        for entity in filter(None, circle):
            keys = set(names.name_keys_of([entity]))
            if not (keys & taken or has_rivals(entity, ())):
                found.add(entity.external_id)
            taken |= keys
        return found

    def _wanted_from(self, named: Mapping[str, str]) -> dict[str, dict[str, str]]:
        """Return which records want which key of a record, by the latter's external id."""
        held, _ = circle_holders(self.lane, self.setup.mapping, set(named.values()))
        found: dict[str, dict[str, str]] = {}
        for external_id, key in named.items():
            if (holder := held.get(key)) is not None:
                found.setdefault(holder, {})[external_id] = key
        return found

    def _in_benchling(self, entities: Entities, awaited: Set[str]) -> dict[str, Json]:
        """Return what Benchling has of the link targets of records that others wait for.

        `awaited` has their external ids or their registry ids.
        """
        registry_id = self.setup.mapping.registry_id
        asked = [e for id_, e in entities.items() if e and {id_, registry_id(id_)} & awaited]
        return self.links.elsewhere({target for entity in asked for target in entity.links})

    def _pass(
        self, waiting: RecordOutcome, entities: Entities, before: ledger.LedgerView | None
    ) -> Candidate:
        entity = entities[waiting.external_id]
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

    def _comes(self, registry_id: str) -> bool:
        """Return whether a record of this run would have a registry id, in this very spelling."""
        holders = self.claims.holders(name_key(registry_id))
        ids = (self.setup.mapping.registry_id(h.external_id) for h in holders if h.kind == "id")
        return registry_id in ids

    def _entity_of(self, outcome: RecordOutcome) -> Entity | None:
        return transform(outcome.raw or {}, outcome.external_id, self.setup.mapping).entity


def _by_key(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, external_id in pairs:
        found.setdefault(key, []).append(external_id)
    return found
