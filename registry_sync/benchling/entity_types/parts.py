"""What an entity has beside its fields: its structure, its bases, its aliases, its folder.

A part has a key among an entity's values, as a field has its id. Values as they are sent:
`structure` SMILES or a molfile, `sequence` text, `circular` true or false, `aliases` and `authors`
lists of text, `folder` an id. What is read back may be written otherwise: `{"original": …,
"canonical": …}` for a structure, and `{"held": […]}` for a list of which only some may be ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from registry_sync.benchling import chemistry
from registry_sync.core.text import name_key
from registry_sync.core.types import Json

ABSENT: Any = object()
"""What `read` returns where an answer does not have the part."""


class Part:
    """One part. Register an instance in `PARTS`."""

    key: ClassVar[str]
    """Its key among an entity's values, and in Mapping Rules."""

    def put(self, row: Json, value: Any) -> None:
        """Write a value into the row of an upsert or update."""
        raise NotImplementedError

    def read(self, raw: Json) -> Any:
        """Return the value of an entity as Benchling has it, or ABSENT."""
        raise NotImplementedError

    def same(self, one: Any, other: Any) -> bool:
        """Return whether two values are equal to people; each is as sent or as read back."""
        return bool(one == other)

    def is_held(self, sent: Any, current: Any) -> bool:
        """Return whether what was read back is what Benchling makes of a value that was sent."""
        return self.same(sent, current)


class Structure(Part):
    """A chemical structure. https://help.benchling.com/hc/en-us/articles/14964897279373"""

    key = "structure"

    def put(self, row: Json, value: Any) -> None:
        if isinstance(value, dict):
            value = value.get("original") or value.get("canonical")
        kind = "molfile" if chemistry.is_molfile(value) else "smiles"
        row["chemicalStructure"] = {"structureFormat": kind, "value": value}

    def read(self, raw: Json) -> Any:
        canonical, original = raw.get("canonicalizedSmiles"), raw.get("originalSmiles")
        if canonical is None and original is None:
            return ABSENT
        return {"original": original, "canonical": canonical or ""}

    def same(self, one: Any, other: Any) -> bool:
        if isinstance(one, dict) and isinstance(other, dict):
            return one == other or one.get("canonical") == other.get("canonical")
        if isinstance(one, dict):
            one, other = other, one
        if not isinstance(one, str):
            return bool(one == other)
        if isinstance(other, str):
            return chemistry.is_same_structure(one, other)
        if not isinstance(other, dict):
            return False
        return self._is_held(one, other, exactly=True)

    def is_held(self, sent: Any, current: Any) -> bool:
        if isinstance(sent, str) and isinstance(current, dict):
            return self._is_held(sent, current, exactly=False)
        return self.same(sent, current)

    def _is_held(self, sent: str, current: Json, *, exactly: bool) -> bool:
        canonical = str(current.get("canonical") or "")
        return chemistry.holds_structure(sent, current.get("original"), canonical, exactly=exactly)


class Sequence(Part):
    """Bases or amino acids, in any case. `name` is what the API calls them."""

    key = "sequence"

    def __init__(self, name: str) -> None:
        self.name = name

    def put(self, row: Json, value: Any) -> None:
        row[self.name] = value or ""

    def read(self, raw: Json) -> Any:
        return raw.get(self.name, ABSENT)

    def same(self, one: Any, other: Any) -> bool:
        return str(one or "").upper() == str(other or "").upper()


class Circular(Part):
    """Whether a DNA sequence is circular."""

    key = "circular"

    def put(self, row: Json, value: Any) -> None:
        row["isCircular"] = bool(value)

    def read(self, raw: Json) -> Any:
        return raw.get("isCircular", ABSENT)

    def same(self, one: Any, other: Any) -> bool:
        return bool(one) == bool(other)


class Shared(Part):
    """A list that people add to as well: what this app did not write stays in it.

    Requests call it `name`, answers `shown`; `item` makes text of an item that was read.
    """

    def __init__(self, key: str, name: str, shown: str, item: Callable[[Any], str]) -> None:
        self.key, self.name, self.shown, self.item = key, name, shown, item  # type: ignore[misc]

    def put(self, row: Json, value: Any) -> None:
        if not isinstance(value, dict):  # else it is unknown which of them are ours
            row[self.name] = list(value or ())

    def read(self, raw: Json) -> Any:
        if self.shown not in raw:
            return ABSENT
        return {"held": list(map(self.item, raw[self.shown] or ()))}

    def same(self, one: Any, other: Any) -> bool:
        keys, other_keys = item_keys(one), item_keys(other)
        if isinstance(one, dict) == isinstance(other, dict):
            return keys == other_keys
        return other_keys <= keys if isinstance(one, dict) else keys <= other_keys


class Folder(Part):
    """The folder, by its id."""

    key = "folder"

    def put(self, row: Json, value: Any) -> None:
        if value:
            row["folderId"] = value

    def read(self, raw: Json) -> Any:
        return raw.get("folderId", ABSENT)

    def is_held(self, sent: Any, current: Any) -> bool:
        return not sent or self.same(sent, current)


def item_keys(value: Any) -> set[str]:
    """Return the items of a shared list as they are compared."""
    items = value.get("held") if isinstance(value, dict) else value
    return {name_key(str(item)) for item in items or ()}


ALIASES = Shared("aliases", "aliases", "aliases", str)
AUTHORS = Shared("authors", "authorIds", "authors", lambda author: str(author["id"]))
COMMON: tuple[Part, ...] = (ALIASES, AUTHORS, Folder())
"""The parts of every entity type."""
SHARED = {part.key: part for part in (ALIASES, AUTHORS)}
_COMPARED: dict[str, Part] = {
    part.key: part for part in (*COMMON, Structure(), Circular(), Sequence("bases"))
}
PART_KEYS = frozenset(_COMPARED)


def plain_part(key: str, value: Any) -> Any:
    """Return a value of a field or part as people read it: text, or a list of text."""
    if key not in PART_KEYS or not isinstance(value, dict):
        return value
    return value["held"] if "held" in value else value.get("canonical") or value.get("original")


def left_of(written: Any, current: Any) -> Any:
    """Return which items of a shared list are still there; all, where it is unknown whose."""
    if not isinstance(written, list):
        return current if written is None else written
    held_keys = item_keys(current)
    return [item for item in written if name_key(str(item)) in held_keys]


def same_part(key: str, one: Any, other: Any) -> bool:
    """Return whether two values of a part are equal to people."""
    return _COMPARED[key].same(one, other)


def holds_part(key: str, sent: Any, current: Any) -> bool:
    """Return whether what was read back is what Benchling makes of a part that was sent."""
    return _COMPARED[key].is_held(sent, current)
