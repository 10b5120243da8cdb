"""Which records of the registry are this lane's: the setting `scope`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from registry_sync.core.setting import ANY, FILLED_PATH, LIST, Setting, SettingType
from registry_sync.core.types import Json
from registry_sync.source.answers.marks import as_sent, twice_in
from registry_sync.source.json_values import Key, key_of, keys_of
from registry_sync.source.paths import ABSENT, Getter, compile_path
from registry_sync.source.settings_reader import SettingsReader

Test = Literal["is", "is_not", "in", "matches"]
TESTS: tuple[Test, ...] = ("is", "is_not", "in", "matches")
CONDITION = {
    "path": Setting("The path of the value.", FILLED_PATH, example="status", required=True),
    "is": Setting("The value that it has. A missing path is null.", ANY, example="released"),
    "is_not": Setting("A value that it does not have.", ANY, example="draft"),
    "in": Setting("A list that has its value.", LIST, example=["released", "in use"]),
    "matches": Setting(
        "A regular expression found anywhere in its text (`re.search`). It is bounded in time. "
        "What is no text has no match.",
        SettingType("regular expression", {"type": "string"}), example="^ACME-",
    ),
}  # fmt: skip
"""The settings of one condition, by name: the path, and exactly one of the others."""


@dataclass(frozen=True)
class ScopeCondition:
    """One condition of the scope: what the value at a path must be."""

    path: str
    test: Test
    value: Any

    @cached_property
    def _get(self) -> Getter:
        return compile_path(self.path)

    @cached_property
    def _holds(self) -> Callable[[Any], bool]:
        if self.test == "matches":
            from registry_sync.source.patterns import pattern_of

            return pattern_of(self.value).matches
        keys: frozenset[Key] = keys_of(self.value if self.test == "in" else [self.value])
        if self.test == "is_not":
            return lambda value: key_of(value) not in keys
        return lambda value: key_of(value) in keys

    def holds(self, record: Json) -> bool:
        """Return whether a record meets the condition. Raise ConfigError for a slow expression."""
        value = self._get(record)
        if twice_in(value):  # the transformation refuses the record
            return True
        return self._holds(None if value is ABSENT else value)

    def describe(self, record: Json) -> str:
        """Return the value that a record has at the path, in words for people."""
        value = self._get(record)
        return f"{self.path} is {'missing' if value is ABSENT else as_sent(value)}"

    def kept(self) -> list[Any]:
        """Return the condition as JSON: the path, the test and the value."""
        return [self.path, self.test, self.value]


@dataclass(frozen=True)
class Scope:
    """The conditions that all of this lane's records meet. Without any, every record does."""

    conditions: tuple[ScopeCondition, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.conditions)

    def outside(self, record: Json) -> str:
        """Return why a record is not this lane's, as a clause; "" if it is."""
        for condition in self.conditions:
            if not condition.holds(record):
                return condition.describe(record)
        return ""

    def kept(self) -> list[list[Any]]:
        """Return the scope as JSON, from which `scope_of` makes it again."""
        return [condition.kept() for condition in self.conditions]


def scope_of(kept: object) -> Scope:
    """Return a scope from its JSON form; an empty one if there is none."""
    rows = kept if isinstance(kept, list) else []
    return Scope(tuple(ScopeCondition(path, test, value) for path, test, value in rows))


def read_scope(reader: SettingsReader, raw: object) -> Scope:
    """Return the scope that settings describe, and note every fault by its path."""
    if raw is not None and not isinstance(raw, list):
        reader.add("scope must be a list of conditions")
    items = raw if isinstance(raw, list) else []
    found = [_condition(reader, item, f"scope[{index}]") for index, item in enumerate(items)]
    return Scope(tuple(condition for condition in found if condition is not None))


def _condition(reader: SettingsReader, raw: object, where: str) -> ScopeCondition | None:
    settings = reader.section(raw, where, tuple(CONDITION))
    if raw is None:
        reader.add(f"{where} must be an object")
    path = reader.path(settings, "path", where)
    if not path:
        reader.add(f"{where}.path is required")
    # A given null is a value here: `is: null` asks for records that have none.
    tests = [test for test in TESTS if test in settings]
    if len(tests) != 1:
        reader.add(f"{where} must have exactly one of {', '.join(TESTS)}")
        return None
    test, value = tests[0], settings[tests[0]]
    if test == "in" and not isinstance(value, list):
        reader.add(f"{where}.in must be a list")
        return None
    if test == "matches" and not _is_pattern(reader, value, f"{where}.matches"):
        return None
    return ScopeCondition(path, test, value)


def _is_pattern(reader: SettingsReader, value: object, where: str) -> bool:
    if not isinstance(value, str):
        reader.add(f"{where} must be text")
        return False
    from registry_sync.source.patterns import (
        pattern_fault,  # `regex` takes 0.1 s; few scopes need it
    )

    if fault := pattern_fault(value):
        reader.add(f"{where} is not a valid regular expression: {fault}")
    return not fault
