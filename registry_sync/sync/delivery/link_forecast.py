"""What a dry run says of links: which entities Benchling has, and which of them can be linked."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from registry_sync.core.problems import Problem
from registry_sync.core.text import name_key
from registry_sync.core.types import Json
from registry_sync.mapping.model import Entity
from registry_sync.sync.context import RunContext
from registry_sync.sync.gates.claims import NameClaims
from registry_sync.sync.link_targets import LinkTargets, unfit_links
from registry_sync.sync.links import link_schema, missing_link


class LinkForecast:
    """Judges links as Benchling would; it asks, read-only, for each target once."""

    def __init__(self, ctx: RunContext, claims: NameClaims) -> None:
        self.schema, self.claims = ctx.setup.schema, claims
        self._targets = LinkTargets(ctx.client, ctx.setup.config.registry_id)

    def linkable(self, registry_ids: Collection[str]) -> set[str]:
        """Return which of these are entities of this schema that are in use."""
        found = self._targets.among(registry_ids)
        return {target for target, raw in found.items() if link_schema(raw) == self.schema.id}

    def elsewhere(self, targets: Collection[str]) -> dict[str, Json]:
        """Return which of these link targets Benchling has, but for those of this run."""
        return self._targets.among({t for t in targets if not self.claims.holders(name_key(t))})

    def problem(self, entity: Entity, in_benchling: Mapping[str, Json]) -> Problem | None:
        """Return the problem of the first link that cannot be; `in_benchling` is of `elsewhere`."""
        absent = [
            target
            for target in entity.links - in_benchling.keys()
            if not self.claims.holders(name_key(target))
        ]
        if absent:
            return missing_link(entity, min(absent))
        targets = [in_benchling[target] for target in sorted(entity.links & in_benchling.keys())]
        return next(iter(unfit_links(entity, self.schema, targets).values()), None)

    def explained(self, problem: Problem, entity: Entity) -> Problem:
        """Return why what an entity waits for cannot be linked, where Benchling has it."""
        waits_for, target = problem.waits_for or ("", "")
        found = self._targets.among([target]) if waits_for == "link" else {}
        return unfit_links(entity, self.schema, found.values(), archived=found).get(target, problem)
