"""How a registry says that a value is empty, other than by null or empty text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from registry_sync.core.types import Json
from registry_sync.source.json_values import Key, key_of
from registry_sync.source.settings_reader import SettingsReader

ABSENT_WORDS = ("keep", "clear")
Absence = Literal["", "keep", "clear"]
"""What a path that is not in a record does to its field; "" where no one has decided: keep."""


@dataclass(frozen=True, slots=True)
class EmptyValues:
    """Values that count as null. They are compared as JSON: 0 is 0.0, and neither is false.

    Blanks around text do not matter.
    """

    values: tuple[Any, ...] = ()
    _keys: frozenset[Key] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_keys", frozenset(map(_key, self.values)))

    def __bool__(self) -> bool:
        return bool(self.values)

    def __contains__(self, value: Any) -> bool:
        return _key(value) in self._keys


@dataclass(frozen=True, slots=True)
class Blanks:
    """The settings `endpoint.absent` and `endpoint.empty_values`."""

    absent: Absence = ""
    empty_values: EmptyValues = field(default_factory=EmptyValues)

    @property
    def for_fingerprint(self) -> list[Any]:
        """Return what decides an entity; nothing for settings that change nothing."""
        clears = self.absent == "clear"
        return [[clears, list(self.empty_values.values)]] if clears or self.empty_values else []


def read_blanks(reader: SettingsReader, endpoint: Json) -> Blanks:
    """Return both settings of `endpoint`."""
    where = "endpoint.empty_values"
    values = endpoint.get("empty_values")
    if values is not None and not isinstance(values, list):
        reader.add(f'{where} must be a list, for example [false, "N/A"]')
    absent: Absence = ""
    if endpoint.get("absent") is not None:
        absent = reader.choice(endpoint, "absent", "endpoint", of=ABSENT_WORDS, default="keep")
    return Blanks(absent, EmptyValues(tuple(values if isinstance(values, list) else ())))


def _key(value: Any) -> Key:
    return key_of(value.strip() if isinstance(value, str) else value)
