"""What entities of a type have beside fields: nothing, unless the type says otherwise."""

from __future__ import annotations

from typing import Any, ClassVar

Json = dict[str, Any]


class Parts:
    """The parts of one entity type, kept in `Entity.parts`."""

    drawings: ClassVar[tuple[str, ...]] = ()
    """The keys of what people draw on it."""

    def read(self, row: Json) -> Json:
        """Return the parts that a row sets. Raise Refusal for one that does not fit."""
        return {}

    def changed(self, parts: Json, new: Json, *, drops: bool) -> Json:
        """Return an entity's parts with new ones set.

        Raise Refusal for a new drawing that does not fit, and for an old one that no longer does
        unless it `drops`.
        """
        return {**parts, **new}

    def shown(self, parts: Json) -> Json:
        """Return an entity's parts as the API does."""
        return {}

    def seen(self, parts: Json) -> dict[str, str]:
        """Return an entity's parts as people see them."""
        return {}

    def residues(self, parts: Json) -> str:
        """Return what `hasUniqueResidues` of a schema compares; "" is never compared."""
        return ""


PLAIN = Parts()
"""The parts of a custom entity: none."""
