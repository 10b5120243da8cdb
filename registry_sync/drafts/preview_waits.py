"""What waits in a preview until every record was read, and who of these then passes.

What is kept of each record is small, and it is kept only of those that wait.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from registry_sync.core.text import name_key
from registry_sync.drafts.preview_notes import SUBSTANCE, Notes
from registry_sync.drafts.preview_parts import owners_of
from registry_sync.mapping.model import Mapping
from registry_sync.models import Lane, PreviewNote
from registry_sync.sync.gates.name_circles import circle_holders, circles_of
from registry_sync.sync.gates.names import holders
from registry_sync.sync.gates.pass_along import pass_along


@dataclass(frozen=True, slots=True)
class PreviewWait:
    """A record that waits: for what, and what it would have and give up. Keys are as in notes."""

    what: str
    key: str
    id_key: str
    keys: frozenset[str]
    """Its name, its registry id, its aliases, and its structure or sequence."""
    kept_keys: frozenset[str]
    """The aliases that it keeps although its record says nothing about them."""
    given_up: frozenset[str]
    targets: tuple[str, ...]
    """The registry ids that it links to, of those that were missing when it was read."""


class PreviewWaits:
    """The records that wait, with what is claimed and given up of all that they wait for."""

    def __init__(self, notes: Notes, mapping: Mapping, lane: Lane | None) -> None:
        self.notes, self.mapping, self.lane = notes, mapping, lane
        self.waits = {n.external_id: _wait(n) for chunk in notes.waiting() for n in chunk}
        self._circular: set[str] = set()
        names_of = (wait.keys for wait in self.waits.values() if wait.what == "name")
        wanted = set[str]().union(*names_of)
        self._taken = holders(lane, wanted) if lane is not None else {}
        held = circle_holders(lane, mapping, wanted)[0] if lane is not None else {}
        self._freed = notes.freed(wanted, held.values())
        parts = {wait.key for wait in self.waits.values() if wait.what == "substance"}
        owners = owners_of(lane, parts)
        self._owners = {key: set(ids) for key, ids in owners.items()}
        self._moved = notes.with_substances({id_ for ids in owners.values() for id_ in ids})
        self._followers: dict[str, list[str]] = {}
        """Whom to look at when a name is given up, an id is claimed or an owner's part moves."""
        for id_, wait in self.waits.items():
            targets = map(name_key, wait.targets)
            for key in {*wait.keys, wait.key, *targets, *self._owners.get(wait.key, ())}:
                self._followers.setdefault(key, []).append(id_)
        links = {name_key(target) for wait in self.waits.values() for target in wait.targets}
        notes.look_up(links.union(*(wait.keys | {wait.key} for wait in self.waits.values())))

    def passing(self) -> set[str]:
        """Return the records that pass: freed names, names in a circle, links to what came."""
        passed: set[str] = set()
        while True:
            more = pass_along(self.waits, self._may_pass, self._let_pass)
            passed.update(more)
            for external_id in more:
                del self.waits[external_id]
            self._circular = self._in_name_circles() | self._pointing_at_each_other()
            if not self._circular:
                return passed

    def _may_pass(self, external_id: str) -> bool:
        wait = self.waits[external_id]
        if external_id in self._circular:
            return True
        if not self._is_unrivalled(external_id) or not all(map(self._is_claimed, wait.targets)):
            return False
        if wait.what == "substance":
            return self._owners.get(wait.key, set()) <= self._moved
        return wait.what == "link" or wait.key in self._freed

    def _let_pass(self, external_id: str) -> list[str]:
        wait = self.waits[external_id]
        self.notes.hold(external_id, wait.id_key, wait.keys)
        self._freed |= wait.given_up
        if any(key.startswith(SUBSTANCE) for key in wait.keys):
            self._moved.add(external_id)
        keys = (external_id, wait.id_key, *wait.given_up)
        return [id_ for key in keys for id_ in self._followers.get(key, ()) if id_ in self.waits]

    def _is_unrivalled(self, external_id: str, given: Collection[str] = ()) -> bool:
        """Return whether no other record has what a record is to have, or it is `given` up."""
        return not any(
            holder.external_id != external_id
            for key in self.waits[external_id].keys
            for holder in (
                *self.notes.holders(key),
                *(() if key in self._freed or key in given else self._taken.get(key, ())),
            )
        )

    def _is_claimed(self, registry_id: str) -> bool:
        return self.notes.is_claimed(registry_id, self.mapping)

    def _in_name_circles(self) -> set[str]:
        """Return the records that only wait for each other's names or aliases."""
        if self.lane is None:
            return set()

        def wished(external_id: str) -> Collection[str]:
            return self.waits[external_id].keys | self.waits[external_id].kept_keys

        wants = {id_: wait.key for id_, wait in self.waits.items() if wait.what == "name"}
        circles = circles_of(self.lane, self.mapping, wants, wished)
        return {id_ for circle in circles if self._may_swap(circle) for id_ in circle}

    def _may_swap(self, circle: Sequence[str]) -> bool:
        given = {self.waits[external_id].key for external_id in circle}
        return all(
            self._is_unrivalled(id_, given) and all(map(self._is_claimed, self.waits[id_].targets))
            for id_ in circle
        )

    def _pointing_at_each_other(self) -> set[str]:
        """Return the records, of names that differ, whose missing links lead to others of these."""
        lacking = {
            id_: {name_key(target) for target in wait.targets if not self._is_claimed(target)}
            for id_, wait in self.waits.items()
            if wait.what == "link" and self._is_unrivalled(id_)
        }
        coming = {self.waits[id_].id_key for id_ in lacking}
        self._lose([id_ for id_, targets in lacking.items() if targets - coming], lacking)
        keys: set[str] = set()
        rivals = []
        for id_ in lacking:
            if keys & self.waits[id_].keys:
                rivals.append(id_)
            keys |= self.waits[id_].keys
        self._lose(rivals, lacking)
        return set(lacking)

    def _lose(self, lost: list[str], lacking: dict[str, set[str]]) -> None:
        """Take records out of those that lack links, and all that link to them."""
        while lost:
            id_ = lost.pop()
            if lacking.pop(id_, None) is not None:
                lost += self._followers.get(self.waits[id_].id_key, ())


def _wait(note: PreviewNote) -> PreviewWait:
    data = note.data
    return PreviewWait(
        what=data["what"],
        key=note.key,
        id_key=data["id_key"],
        keys=frozenset({data["name_key"], data["id_key"], *data.get("alias_keys", ())}),
        kept_keys=frozenset(data.get("kept_keys", ())),
        given_up=frozenset({data["old_key"], *data.get("old_aliases", ())} - {""}),
        targets=tuple(data["targets"]),
    )
