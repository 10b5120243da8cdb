"""Why a link leads nowhere: it names an alias, or what is in another Benchling registry."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from registry_sync.benchling.errors import Refused
from registry_sync.core.problems import Problem
from registry_sync.core.text import name_key
from registry_sync.mapping.codec import external_id_of
from registry_sync.mapping.model import Entity
from registry_sync.sync.context import RunContext
from registry_sync.sync.gates.claims import Holder
from registry_sync.sync.gates.names import holders
from registry_sync.sync.links import links_by_schema, missing_target, others_linked
from registry_sync.sync.records import Candidate

MOST = 1000
"""So many targets are asked about in a slice: what only comes later in the list is missing, too."""


class MissingLink(NamedTuple):
    """A link that leads nowhere: the entity it is of, its target, and the target's schema."""

    entity: Entity
    target: str
    schema_id: str


class LinkReasons:
    """Tells more of link targets that are not in Benchling."""

    def __init__(self, ctx: RunContext) -> None:
        self.ctx = ctx
        self._registries: dict[str, str] | None = None
        self._registry_names: dict[str, str] = {}
        self._looked_up = 0

    def explain(
        self, candidates: Sequence[Candidate], waiting: Mapping[str, Problem]
    ) -> dict[str, Problem]:
        """Return the problems of which more is known, by external id. Raise Wait."""
        targets = [
            (c.entity, target)
            for c in candidates
            if (problem := waiting.get(c.entity.external_id))
            and (target := missing_target(problem))
        ]
        if not targets:
            return {}
        reasons = self._misnamed(targets)
        unexplained = [
            (entity, target) for entity, target in targets if entity.external_id not in reasons
        ]
        abroad = self.elsewhere({target for _, target in unexplained})
        for entity, target in unexplained:
            if target in abroad:
                reasons[entity.external_id] = self._in_another(entity, target, abroad[target])
        return {
            external_id: replace(
                waiting[external_id],
                kind="source",
                code="link_missing",
                message=message,
                remedy=remedy,
            )
            for external_id, (message, remedy) in reasons.items()
        }

    def elsewhere(self, targets: Collection[str]) -> dict[str, str]:
        """Return the names of the other Benchling registries that have these registry ids."""
        unknown = sorted(set(targets) - self._registry_names.keys())[: MOST - self._looked_up]
        found: dict[str, str] = {}
        answered = True
        for registry_id, name in self._others().items() if unknown else ():
            try:
                entities = self.ctx.client.entities_registered(unknown, registry_id=registry_id)
            except Refused:
                answered = False
                continue
            found |= {str(raw.get("entityRegistryId")): name for raw in entities}
        self._looked_up += len(unknown)
        self._registry_names |= (dict.fromkeys(unknown, "") if answered else {}) | found
        return {
            target: name for target in targets if (name := self._registry_names.get(target, ""))
        }

    def _misnamed(self, targets: Sequence[tuple[Entity, str]]) -> dict[str, tuple[str, str]]:
        """Return what is said of targets that are another name of what is in the linked lane."""
        own, schema = self.ctx.lane, self.ctx.setup.schema
        lanes = {lane.schema_id: lane for lane in [*others_linked(own, schema), own]}
        links = [
            MissingLink(entity, target, schema_id)
            for entity, target in targets
            for schema_id, linked in links_by_schema(entity, schema).items()
            if schema_id in lanes and target in linked
        ]
        reasons: dict[str, tuple[str, str]] = {}
        for schema_id, lane in lanes.items():
            of_lane = [link for link in links if link.schema_id == schema_id]
            texts = {text for link in of_lane for text in (link.target, self._as_given(link))}
            by_key = holders(lane, sorted({name_key(text) for text in texts}))
            for link in of_lane:
                if words := self._by_another_name(link, by_key):
                    reasons.setdefault(link.entity.external_id, words)
        return reasons

    def _as_given(self, link: MissingLink) -> str:
        """Return a target as the registry has it: its id without the linked lane's template."""
        return external_id_of(link.target, self.ctx.setup.mapping, link.schema_id) or link.target

    def _by_another_name(
        self, link: MissingLink, by_key: Mapping[str, Sequence[Holder]]
    ) -> tuple[str, str] | None:
        """Return what is said of a target that is the name, an alias or another spelling."""
        value, mapping = self._as_given(link), self.ctx.setup.mapping
        itself = link.entity.external_id if link.schema_id == mapping.schema_id else ""
        ids = [each for each in by_key.get(name_key(link.target), ()) if each.kind == "id"]
        names = [each for each in by_key.get(name_key(value), ()) if each.kind != "id"]
        for holder in (*ids, *names):
            if holder.schema_name or holder.archived or holder.became:
                continue
            right = holder.external_id or external_id_of(
                holder.entity_registry_id, mapping, link.schema_id
            )
            if right and right not in (value, itself):
                return _in_words(link, value, holder, right)
        return None

    def _others(self) -> dict[str, str]:
        """Return the names of the Benchling registries beside the lane's that the app sees."""
        if self._registries is None:
            try:
                found = self.ctx.client.registries()
            except Refused:
                found = []
            self._registries = {str(raw["id"]): str(raw.get("name") or raw["id"]) for raw in found}
        own = self.ctx.lane.registry_id
        return {id_: name for id_, name in self._registries.items() if id_ != own}

    def _in_another(self, entity: Entity, target: str, name: str) -> tuple[str, str]:
        own = (self._registries or {}).get(self.ctx.lane.registry_id, "")
        own_registry = f"“{own}”" if own else "the Benchling registry that the app writes to"
        return (
            f"{entity.registry_id} points at {target}, which is in the Benchling registry “{name}” "
            f"and not in {own_registry}.",
            "A link cannot lead to another Benchling registry. The registry's owner corrects the "
            f"reference; once {target} is in {own_registry}, {entity.registry_id} will be synced "
            "automatically.",
        )


def _in_words(link: MissingLink, value: str, holder: Holder, right: str) -> tuple[str, str]:
    if holder.kind == "id":
        target = f"{link.target}, which is spelled {holder.entity_registry_id} in Benchling; an id "
        target += "must match exactly"
    else:
        name = "the name" if holder.kind == "name" else "an alias"
        target = f"{value}, which is {name} of {right}; a link must name the id"
    return (
        f"{link.entity.registry_id} points at {target}.",
        f"The registry's owner writes {right} instead of {value} in {link.entity.external_id}, or "
        "the integration owner maps the link to a path that has the id.",
    )
