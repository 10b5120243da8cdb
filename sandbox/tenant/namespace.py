"""Names, registry ids and aliases: one namespace in a registry, whatever their case.

https://help.benchling.com/hc/en-us/articles/9684227098893
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable

from .errors import Refusal
from .state import Entity, TenantState

LONGEST_NAME = 255


def key_of(name: str) -> str:
    """Return the key by which names are compared: trimmed, case-folded, in NFC."""
    return unicodedata.normalize("NFC", name.strip().casefold())


def names_of(entity: Entity) -> set[str]:
    """Return the keys of all by which an entity can be found."""
    named = (entity.name, entity.entity_registry_id, *entity.aliases)
    return {key_of(name) for name in named if name}


class Namespace:
    """Takes and frees names, and takes all of it back on request."""

    def __init__(self, state: TenantState, undo: list[Callable[[], object]]) -> None:
        self.state, self.undo = state, undo

    def take(self, entity: Entity, name: str, what: str) -> None:
        """Let an entity have a name. Raise Refusal if another one has it."""
        if not name.strip():
            raise Refusal(f"The {what} must not be empty.")
        if len(name) > LONGEST_NAME:
            raise Refusal(f"The {what} has more than {LONGEST_NAME} characters.")
        if not entity.registry_id:
            return  # what is not registered has no name that others could not have
        place = (entity.registry_id, key_of(name))
        holders = self.state.taken.setdefault(place, Counter())
        others = [id_ for id_ in holders if id_ != entity.id and holders[id_] > 0]
        if others:
            other = self.state.entities[others[0]].entity_registry_id
            raise Refusal(f"The {what} '{name}' is not unique: it is already in use by {other}.")
        holders[entity.id] += 1
        self.undo.append(lambda: self._decrease(place, entity.id))

    def free(self, entity: Entity, name: str) -> None:
        """Take one use of a name from an entity, if it has it."""
        place = (entity.registry_id, key_of(name))
        if not self.state.taken.get(place, Counter())[entity.id]:
            return
        self._decrease(place, entity.id)
        self.undo.append(lambda: self.state.taken[place].update([entity.id]))

    def rename(self, entity: Entity, name: str) -> None:
        """Give an entity another name. Raise Refusal if it cannot have it."""
        if entity.name and key_of(entity.name) == key_of(name):
            entity.name = name
            return
        old = entity.name
        self.take(entity, name, "name")
        if old:
            self.free(entity, old)
        entity.name = name

    def alias(self, entity: Entity, aliases: list[str]) -> None:
        """Replace an entity's aliases. Raise Refusal if it cannot have one of them."""
        for alias in entity.aliases:
            self.free(entity, alias)
        entity.aliases = []
        for alias in dict.fromkeys(aliases):
            self.take(entity, alias, "alias")
            entity.aliases.append(alias)

    def _decrease(self, place: tuple[str, str], entity_id: str) -> None:
        holders = self.state.taken[place]
        holders[entity_id] -= 1
        if holders[entity_id] <= 0:
            del holders[entity_id]
