"""From a record and a mapping to an entity, or to the problems that prevent it. Pure.

Null and empty text clear a mapped field, and are a problem where it is required. A path that is
not in the record leaves the field as it is, unless the settings say that it clears.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from registry_sync.benchling.schema import FieldDefinition
from registry_sync.core.problems import Problem
from registry_sync.core.text import LONGEST_ID, name_key
from registry_sync.core.types import Json
from registry_sync.mapping.fitting import fit
from registry_sync.mapping.model import Entity, Mapping, Transformed
from registry_sync.mapping.record_problems import (
    field_problem,
    long_id,
    name_missing,
    name_unreadable,
    undecided_mark,
)
from registry_sync.mapping.rules import RuleError, apply
from registry_sync.mapping.tombstones import doubled_mark
from registry_sync.mapping.values import Misfit, can_be_stored, check_depth, is_empty
from registry_sync.source.answers.marks import fault_in, first_marked, is_marked, twice_in
from registry_sync.source.paths import ABSENT, compile_path


def transform(record: Json, external_id: str, mapping: Mapping) -> Transformed:
    """Return the entity that a record becomes, or every problem that it has."""
    problems = _undecided(record, external_id, mapping)
    coercions: list[str] = []
    fields: Json = {}
    sources: Json = {}
    for mapped in mapping.fields:
        value = source_value = mapped.get(record)
        if source_value is ABSENT:  # what counts as null
            value = mapped.given(record)
        try:
            if isinstance(source_value, (list, dict)):
                check_depth(source_value)
            value = apply(mapped.steps, _single(value)) if mapped.steps else value
            if value is ABSENT:
                if mapped.field.is_required:
                    raise Misfit("required_missing", "")
                continue
            fields[mapped.field.id], notes = _fitted(value, mapped.field, mapping)
            _note_source(sources, mapped.field.id, source_value, fields[mapped.field.id])
            coercions += [f"{mapped.field.name}: {note}" for note in notes]
        except (Misfit, RuleError) as error:
            problems.append(field_problem(mapped, value, error, external_id))
    name = _name(record, external_id, mapping, problems, coercions)
    registry_id = mapping.registry_id(external_id)
    if len(name_key(registry_id)) > LONGEST_ID:
        problems.append(long_id(external_id, registry_id, LONGEST_ID))
    if problems or name is None:
        return Transformed(None, tuple(problems), tuple(coercions), fields)
    _note_source(sources, "name", mapping.name(record), name)
    _note_source(sources, "registry id", external_id, registry_id)
    if aliases := fields.get("aliases"):
        fields["aliases"] = _own_aliases(aliases, name, registry_id)
    entity = Entity(external_id, registry_id, name, fields, sources)
    return Transformed(entity, (), tuple(coercions))


def _undecided(record: Json, external_id: str, mapping: Mapping) -> list[Problem]:
    """Return the problems of values that decide whether a record is here, and cannot be read."""
    problems = []
    for condition in mapping.scope.conditions:
        if item := twice_in(compile_path(condition.path)(record)):
            claim = "is in the scope of this lane"
            problems.append(undecided_mark(external_id, condition.path, item, claim))
    flag = mapping.deletes.path if mapping.deletes.mode == "flag" else ""
    path, item = flag, first_marked(compile_path(flag)(record)) if flag else ""
    if not item:
        path, item = doubled_mark(record, mapping)
    if item:
        problems.append(undecided_mark(external_id, path, item, "has left the registry"))
    return problems


def _single(value: Any) -> Any:
    """Return a value that rules may take. Raise Misfit for several in place of one."""
    for item in value if isinstance(value, list) else (value,):
        if type(item) is str and (twice := twice_in(item)):
            raise Misfit("unreadable_text", fault_in(twice))
    return value


def _own_aliases(aliases: list[str], name: str, registry_id: str) -> list[str]:
    """Return aliases without the entity's own name and id, and each once: Benchling refuses them.

    What is invisible is as good as empty.

    https://help.benchling.com/hc/en-us/articles/9684227098893
    """
    own_keys = {name_key(name), name_key(registry_id)}
    visible = filter(_is_visible, reversed(aliases))
    kept = {key: alias for alias in visible if (key := name_key(alias)) not in own_keys}
    return list(reversed(kept.values()))


def _note_source(sources: Json, field_id: str, source_value: Any, value: Any) -> None:
    """Keep what a record has for a field where the field's value differs."""
    if source_value is not value and not _same(source_value, value):
        sources[field_id] = [] if source_value is ABSENT else [source_value]


def _same(one: Any, other: Any) -> bool:
    if type(one) is not type(other):  # 1 equals True, but is not the same
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def _fitted(value: Any, definition: FieldDefinition, mapping: Mapping) -> tuple[Any, list[str]]:
    """Return a value, or a list of them, fitted to a field, and how it was coerced."""

    listed = isinstance(value, list)
    if not listed and not definition.is_multi and not is_empty(value):  # by far the most
        sent, note = fit(value, definition, partial(_link_id, definition, mapping))
        return sent, [note] if note else []
    items = value if listed else [value]
    kept = [item for item in items if not is_empty(item)]
    if not kept:
        if definition.is_required:
            raise Misfit("required_missing", "")
        return [] if definition.is_multi else None, []
    if not definition.is_multi and len(kept) > 1:
        raise Misfit("several_values", f"has {len(kept)} values, but the field takes one")
    notes = [] if len(kept) == len(items) else ["empty items left out"]
    if listed != definition.is_multi:
        notes.append("list of one to single value" if listed else "single value to list")
    fitted = []
    is_set = definition.is_link or definition.type == "dropdown"
    for item in kept:
        try:
            sent, note = fit(item, definition, partial(_link_id, definition, mapping))
        except Misfit as error:
            error.item = item
            raise
        if is_set and sent in fitted:
            notes.append("repeated items left out")
            continue
        fitted.append(sent)
        notes += [note] if note else []
    return fitted if definition.is_multi else fitted[0], notes


def _link_id(definition: FieldDefinition, mapping: Mapping, text: str) -> str:
    """Return the registry id that a link's text means."""
    return mapping.linked_id(definition.link_schema_id, text)


def _name(
    record: Json,
    external_id: str,
    mapping: Mapping,
    problems: list[Problem],
    coercions: list[str],
) -> str | None:
    value = mapping.name(record)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        number = int(value) if isinstance(value, float) and value.is_integer() else value
        coercions.append("name: number to text")
        return str(number)
    if not isinstance(value, str) or not _is_visible(value) or is_marked(value):
        problems.append(name_missing(external_id, mapping.name_path, value))
        return None
    if not can_be_stored(value):
        problems.append(name_unreadable(external_id, mapping.name_path, value))
        return None
    return value.strip()


def _is_visible(text: str) -> bool:
    """Return whether a text is visible: blanks and marks without width are not."""
    if text.isascii() and text.isprintable():
        return not text.isspace() and text != ""
    return any(sign.isprintable() and not sign.isspace() for sign in text)
