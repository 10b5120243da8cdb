"""Why a link leads nowhere: it names an alias, or what is in another Benchling registry."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from registry_sync.benchling.errors import Refused
from registry_sync.core.problems import Problem
from registry_sync.core.text import name_key
from registry_sync.sync.context import RunContext
from registry_sync.sync.gates.claims import Holder
from registry_sync.sync.gates.names import holders
from registry_sync.sync.links import others_linked
from registry_sync.sync.records import Candidate

MOST = 1000
"""So many targets are asked about in a slice: what only comes later in the list is missing, too."""
AS_WHAT = {"name": "which is the name of", "alias": "which is an alias of",
           "id": "which in Benchling is written"}  # fmt: skip


class LinkReasons:
    """Tells more of link targets that are not in Benchling."""

    def __init__(self, ctx: RunContext) -> None:
        self.ctx = ctx
        self._registries: dict[str, str] | None = None
        self._asked: dict[str, str] = {}

    def explain(
        self, candidates: Sequence[Candidate], waiting: Mapping[str, Problem]
    ) -> dict[str, Problem]:
        """Return the problems of which more is known, by external id. Raise Wait."""
        missing = {
            c.entity.external_id: (c, problem)
            for c in candidates
            if (problem := waiting.get(c.entity.external_id)) and _target(problem)
        }
        if not missing:
            return {}
        targets = {_target(problem) for _, problem in missing.values()}
        held = self._held(targets)
        abroad = self._elsewhere(targets - held.keys())
        said = {target: _misnamed(target, holder) for target, holder in held.items()}
        said |= {target: self._in_another(target, name) for target, name in abroad.items()}
        return {
            external_id: replace(
                problem,
                message=f"{c.entity.registry_id} points at {target}, {said[target][0]}.",
                remedy=said[target][1].format(id=c.entity.registry_id),
            )
            for external_id, (c, problem) in missing.items()
            if (target := _target(problem)) in said
        }

    def _held(self, targets: Collection[str]) -> dict[str, Holder]:
        """Return the entities of the linked lanes that have these texts as another name."""
        keys = {name_key(target): target for target in targets}
        found: dict[str, Holder] = {}
        lanes = [self.ctx.lane, *others_linked(self.ctx.lane, self.ctx.setup.schema)]
        for lane in lanes:
            for key, held in holders(lane, list(keys)).items():
                for holder in held:
                    if holder.entity_registry_id not in ("", keys[key]):
                        found.setdefault(keys[key], holder)
        return found

    def _elsewhere(self, targets: Collection[str]) -> dict[str, str]:
        """Return the names of the other Benchling registries that have these registry ids."""
        asked = sorted(set(targets) - self._asked.keys())[: MOST - len(self._asked)]
        self._asked |= dict.fromkeys(asked, "")
        for registry_id, name in self._others().items() if asked else ():
            try:
                found = self.ctx.client.entities_registered(asked, registry_id=registry_id)
            except Refused:
                continue
            self._asked |= {str(raw.get("entityRegistryId")): name for raw in found}
        return {target: name for target in targets if (name := self._asked.get(target, ""))}

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

    def _in_another(self, target: str, name: str) -> tuple[str, str]:
        own = (self._registries or {}).get(self.ctx.lane.registry_id, "")
        ours = f"“{own}”" if own else "the Benchling registry that the app writes to"
        return (
            f"which is in the Benchling registry “{name}” and not in {ours}",
            "A link cannot lead to another Benchling registry. The registry's owner corrects the "
            f"reference; once {_plain(target)} is in {_plain(ours)}, {{id}} will be synced "
            "automatically.",
        )


def _target(problem: Problem) -> str:
    """Return the target that is nowhere in Benchling; "" for one that was merged or is unfit."""
    what, target = problem.waits_for or ("", "")
    return target if what == "link" and problem.kind in ("source", "transient") else ""


def _misnamed(target: str, holder: Holder) -> tuple[str, str]:
    right = holder.external_id or holder.entity_registry_id
    return (
        f"{AS_WHAT[holder.kind]} {holder.entity_registry_id}; a link must name the id",
        f"The registry's owner writes {_plain(right)} instead of {_plain(target)} in {{id}}, or "
        "the integration owner maps the link to a path that has the id.",
    )


def _plain(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
