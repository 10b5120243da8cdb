"""Compiling one field of a mapping: its path, its rules, and what counts as empty for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from registry_sync.benchling.schema import FieldDefinition
from registry_sync.core.types import Json
from registry_sync.mapping.model import FieldMapping
from registry_sync.mapping.rules import Rule, Step, parse_rule
from registry_sync.mapping.rules.empties import Empty, nulled
from registry_sync.source.answers.blanks import Absence, Blanks, EmptyValues
from registry_sync.source.path_parents import compile_parents
from registry_sync.source.paths import ABSENT, compile_path

NO_BLANKS = Blanks()


def compile_field(
    definition: FieldDefinition, path: str, rule: object, blanks: Blanks
) -> FieldMapping:
    """Return the mapping of one field; an empty path is in no record.

    A rule `empty` replaces the connector's settings. The connector's empty values never count for
    a boolean field, but they do on the way to it. Raise RuleError, PathError.
    """
    rules = parse_rule("as_is" if rule is None else rule)
    for step in rules:
        step.bind(definition)
    own = [step for step in rules if isinstance(step, Empty)]
    absent: Absence = next((step.absent for step in own if step.absent), blanks.absent)
    listed = [step.empty_values for step in own if step.empty_values is not None]
    empty = listed[0] if listed else blanks.empty_values
    counts = bool(empty) and (bool(listed) or definition.type != "boolean")
    steps: tuple[Step, ...] = rules
    if counts and not listed:
        steps = tuple(_with_empties(rules, empty))
    get = compile_path(path) if path else _nowhere
    nulls = partial(_null, empty) if counts else _as_it_is
    return FieldMapping(definition, path, get, steps, absent, _end(path, empty), nulls)


def _with_empties(rules: Iterable[Rule], empty: EmptyValues) -> Iterable[Step]:
    """Yield the rules, with what counts as null taken out first, and again where text is cut."""
    check = partial(_null, empty)
    yield check
    for rule in rules:
        yield rule
        if rule.cuts:
            yield check


def _null(empty: EmptyValues, value: Any) -> Any:
    return value if value is ABSENT else nulled(value, empty)


def _end(path: str, empty: EmptyValues) -> Callable[[Json], bool]:
    """Return a function that finds a value which counts as null on the way of a path."""
    if not path or not empty:
        return _goes_on
    parents = compile_parents(path)
    return lambda record: any(value in empty for value in parents(record))


def _as_it_is(value: Any) -> Any:
    return value


def _nowhere(record: Json) -> Any:
    return ABSENT


def _goes_on(record: Json) -> bool:
    return False
