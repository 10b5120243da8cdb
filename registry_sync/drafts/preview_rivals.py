"""Who would get a name, an id or a link in a preview: the gates of the sync, without its writes.

In the order of the source. Who is refused at first waits: at the end of the registry, names that
others give up and links to later records are looked at again, as a run does in its retry phase.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass

from registry_sync.core.problems import Problem
from registry_sync.core.text import name_key
from registry_sync.core.types import Json
from registry_sync.drafts.preview_notes import Kind, Notes
from registry_sync.drafts.preview_parts import substance_note
from registry_sync.drafts.preview_waits import PreviewWaits
from registry_sync.drafts.tenant_view import TenantView
from registry_sync.mapping.model import Entity
from registry_sync.models import Lane, PreviewNote
from registry_sync.sync.gates import names
from registry_sync.sync.gates.claims import Holder
from registry_sync.sync.gates.name_circles import wished_keys
from registry_sync.sync.link_targets import unfit_links
from registry_sync.sync.links import linkable, missing_link, own_links

NOTED: dict[str, Callable[[str], str]] = {
    "name": str, "link": name_key, "substance": substance_note,
}  # fmt: skip
"""What a record can wait for in a preview, and how the notes have its key."""


@dataclass(frozen=True, slots=True)
class Claimant:
    """An entity that would be written, with the keys of what it gives up.

    That is the name that it has now, if it has another, and aliases that this app added.
    """

    entity: Entity
    is_new: bool
    old_key: str = ""
    old_aliases: frozenset[str] = frozenset()

    @property
    def is_named(self) -> bool:
        """Return whether it needs a name that it does not have."""
        return self.is_new or bool(self.old_key)


class Rivals:
    """Judges claimants page by page, and at the end those that had to wait."""

    def __init__(self, notes: Notes, tenant: TenantView, lane: Lane | None) -> None:
        self.notes, self.tenant, self.lane = notes, tenant, lane
        self._absent: set[str] = set()
        self._unfit: dict[str, dict[str, Problem]] = {}

    def judge(
        self,
        claimants: Sequence[Claimant],
        taken: dict[str, list[Holder]],
        waiting: Container[str] = (),
    ) -> dict[str, Problem]:
        """Return the problems of those that get no name, id or link, by external id.

        `taken` are the holders of ids in Benchling. The others are noted with their names, except
        those that wait for something else (`waiting`, by external id).
        """
        keys = names.name_keys_of(claimant.entity for claimant in claimants)
        holders_by_key = names.holders(self.lane, keys) if self.lane is not None else {}
        named = self.tenant.names([c.entity for c in claimants if c.is_named])
        for more in (taken, named):
            for key, holders in more.items():
                holders_by_key.setdefault(key, []).extend(holders)
        self.notes.look_up(keys | self._targets(claimants).keys())
        missing = self._missing(claimants)
        problems: dict[str, Problem] = {}
        for claimant in claimants:
            problem = self._problem(claimant.entity, holders_by_key, missing)
            if problem is not None:
                problems[claimant.entity.external_id] = problem
            elif claimant.entity.external_id in waiting:
                continue
            else:
                self._claim(claimant)
        return problems

    def _claim(self, claimant: Claimant) -> None:
        """Note that a claimant gets its name, id and aliases, and what it gives up."""
        entity = claimant.entity
        if claimant.is_named:
            self.notes.claim(
                entity.external_id, name_key=entity.name_key, id_key=entity.registry_key
            )
        self.notes.claim_aliases(entity.external_id, entity.alias_keys)
        self.notes.give_up(entity.external_id, claimant.old_key, claimant.old_aliases)

    def _problem(
        self, entity: Entity, holders_by_key: dict[str, list[Holder]], missing: set[str]
    ) -> Problem | None:
        problem = names.conflict(entity, holders_by_key, self.notes)
        if problem is not None:
            return problem
        unfit = self._unfit.get(entity.external_id, {})
        mapping = self.tenant.setup.mapping
        out_of_reach = entity.links & (missing | unfit.keys())
        lost = sorted(
            target for target in out_of_reach if not self.notes.is_claimed(target, mapping)
        )
        return (unfit.get(lost[0]) or missing_link(entity, lost[0])) if lost else None

    def _targets(self, claimants: Sequence[Claimant]) -> dict[str, str]:
        links = {link for claimant in claimants for link in claimant.entity.links}
        return {name_key(link): link for link in links}

    def _missing(self, claimants: Sequence[Claimant]) -> set[str]:
        """Return the link targets that are neither in the ledger nor in Benchling.

        In Benchling, one must be of a schema that the field links; one of the own schema in use.
        """
        targets, schema = set(self._targets(claimants).values()), self.tenant.setup.schema
        if self.lane is not None:
            targets -= linkable(self.lane, targets)
        in_benchling = self.tenant.there(sorted(targets))
        self._unfit = {
            c.entity.external_id: unfit_links(
                c.entity,
                schema,
                [in_benchling[target] for target in sorted(c.entity.links & in_benchling.keys())],
                archived=own_links(c.entity, schema),
            )
            for c in claimants
        }
        self._absent = targets - in_benchling.keys()
        return self._absent

    def wait(
        self, claimant: Claimant, problem: Problem, substance_keys: Iterable[str], **data: object
    ) -> bool:
        """Note a record that may get what it lacks at the end; False if nothing can help.

        `substance_keys` are of its structure or sequence, where it must be unique.
        """
        waits_for, key = problem.waits_for or ("", "")
        if waits_for not in NOTED or (problem.kind == "benchling" and problem.code != "name_taken"):
            return False
        entity = claimant.entity
        reason: Json = {
            "kind": problem.kind,
            "code": problem.code,
            "message": problem.message,
            "field": problem.field,
        }
        self.notes.add(
            Kind.WAIT, entity.external_id, NOTED[waits_for](key), what=waits_for,
            name=entity.name, name_key=entity.name_key, id_key=entity.registry_key,
            old_key=claimant.old_key, old_aliases=sorted(claimant.old_aliases),
            kept_keys=sorted(self._kept(entity)),
            alias_keys=sorted({*entity.alias_keys, *substance_keys}),
            targets=sorted(entity.links & (self._absent | self._unfit[entity.external_id].keys())),
            problem={**reason, "remedy": problem.remedy}, **data,
        )  # fmt: skip
        return True

    def _kept(self, entity: Entity) -> set[str]:
        """Return the aliases that an entity keeps because its record says nothing about them."""
        if self.lane is None:
            return set()
        wished = wished_keys(self.lane, self.tenant.setup.mapping, entity)
        return wished - names.name_keys_of([entity])

    def settle(self) -> Iterator[PreviewNote]:
        """Yield the notes of those that get what they waited for, once every record was read."""
        waits = PreviewWaits(self.notes, self.tenant.setup.mapping, self.lane)
        return self.notes.take(waits.passing())
