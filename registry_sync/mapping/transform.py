"""From a record and a mapping to an entity, or to the problems that stand in the way. Pure.

Null and empty text clear a mapped field (a problem where it is required); a path that is not in
the record leaves the field as it is.
"""

from __future__ import annotations

from typing import Any

from registry_sync.benchling.schema import FieldDefinition
from registry_sync.core.problems import Problem
from registry_sync.core.text import name_key
from registry_sync.core.types import Json
from registry_sync.mapping.model import Entity, FieldMapping, Mapping, Transformed
from registry_sync.mapping.rules import RuleError, apply
from registry_sync.mapping.values import Misfit, check_depth, fit, is_empty, readable
from registry_sync.source.paths import ABSENT

LONGEST_ID = 255


# -- building a mapping ---------------------------------------------------------------------


# -- transforming a record ------------------------------------------------------------------


def transform(record: Json, external_id: str, mapping: Mapping) -> Transformed:
    """Turn a record into an entity, or find everything that is wrong with it."""
    problems: list[Problem] = []
    coercions: list[str] = []
    fields: Json = {}
    sources: Json = {}
    for mapped in mapping.fields:
        value = given = mapped.get(record)
        try:
            if isinstance(given, (list, dict)):
                check_depth(given)
            value = apply(mapped.steps, value)
            if value is ABSENT:
                if mapped.field.is_required:
                    raise Misfit("required_missing", "")
                continue
            fields[mapped.field.id], told = _fitted(value, mapped.field, mapping)
            _note_source(sources, mapped.field.id, given, fields[mapped.field.id])
            coercions += [f"{mapped.field.name}: {what}" for what in told]
        except (Misfit, RuleError) as error:
            problems.append(_problem(mapped, value, error, external_id))
    name = _name(record, external_id, mapping, problems, coercions)
    registry_id = mapping.registry_id(external_id)
    if len(name_key(registry_id)) > LONGEST_ID:
        problems.append(_long_id(external_id, registry_id))
    if problems or name is None:
        return Transformed(None, tuple(problems), tuple(coercions))
    _note_source(sources, "name", mapping.name(record), name)
    _note_source(sources, "registry id", external_id, registry_id)
    entity = Entity(external_id, registry_id, name, fields, sources)
    return Transformed(entity, (), tuple(coercions))


def _note_source(sources: Json, field_id: str, given: Any, value: Any) -> None:
    """Keep what a record had for a field where that is not the value which was made of it."""
    if given is not value and not _same(given, value):
        sources[field_id] = [] if given is ABSENT else [given]


def _same(one: Any, other: Any) -> bool:
    if type(one) is not type(other):  # 1 and True are equal, and not the same
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def _long_id(external_id: str, registry_id: str) -> Problem:
    return Problem(
        kind="source",
        code="unusable_id",
        message=f"The registry id {registry_id[:60]}… of {external_id[:60]}… would have "
        f"{len(registry_id)} characters; {LONGEST_ID} are the most.",
        remedy="The registry's owner gives the record a shorter id, or the integration owner a "
        "shorter registry_id_template in Connector Settings.",
        field="registry id",
        value=registry_id[:200],
    )


def _fitted(value: Any, definition: FieldDefinition, mapping: Mapping) -> tuple[Any, list[str]]:
    """Fit a value, or a list of them, to a field, with what was done to it."""

    def link_id(text: str) -> str:
        own = definition.link_schema_id == mapping.schema_id
        return mapping.registry_id(text) if own else text

    listed = isinstance(value, list)
    items = value if listed else [value]
    kept = [item for item in items if not is_empty(item)]
    if not kept:
        if definition.is_required:
            raise Misfit("required_missing", "")
        return [] if definition.is_multi else None, []
    if not definition.is_multi and len(kept) > 1:
        raise Misfit("several_values", f"holds {len(kept)} values, but the field takes one")
    told = [] if len(kept) == len(items) else ["empty items left out"]
    if listed != definition.is_multi:
        told.append("list of one to single value" if listed else "single value to list")
    fitted = []
    for item in kept:
        try:
            sent, what = fit(item, definition, link_id)
        except Misfit as error:
            error.item = item
            raise
        fitted.append(sent)
        told += [what] if what else []
    return fitted if definition.is_multi else fitted[0], told


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
    if isinstance(value, str) and _is_seen(value) and readable(value):
        return value.strip()
    problems.append(
        Problem(
            kind="source",
            code="name_missing",
            message=f"{external_id} has no usable name at “{mapping.name_path}”; every entity in "
            "Benchling needs one.",
            remedy=f"The registry's owner names {external_id}, or the integration owner corrects "
            "External Name Field in the app's configuration.",
            field="name",
            value="" if value in (ABSENT, None) else str(value)[:200],
        )
    )
    return None


def _is_seen(text: str) -> bool:
    """Say whether a person would see anything of a text: blanks and marks of no width are not."""
    return any(sign.isprintable() and not sign.isspace() for sign in text)


def _problem(
    mapped: FieldMapping, value: Any, error: Misfit | RuleError, external_id: str
) -> Problem:
    definition = mapped.field
    at = f" (path {mapped.path})" if mapped.path else ""
    code = error.code if isinstance(error, Misfit) else "rule"
    item = getattr(error, "item", None)
    value = value if item is None else item
    shown = "" if value is ABSENT or value is None else str(value)[:200]
    if code == "required_missing":
        message = f"{external_id} has no value for the required field '{definition.name}'{at}."
    elif isinstance(error, RuleError):
        message = f"{external_id}, field '{definition.name}'{at}: {error}."
    else:
        message = f"{external_id}, field '{definition.name}'{at}: “{shown}” {error}."
    option = error.option if isinstance(error, Misfit) else None
    if option is not None:
        return Problem(
            kind="benchling",
            code=code,
            message=message,
            remedy=f"A Benchling admin adds the option “{option}” to the dropdown of "
            f"'{definition.name}', or the registry's owner corrects {external_id}.",
            field=definition.name,
            value=shown,
            waits_for=("option", option),
        )
    if code == "dropdown_ambiguous":
        return Problem(
            kind="benchling",
            code=code,
            message=message,
            remedy=f"A Benchling admin renames or archives all but one of the options “{shown}” of "
            f"the dropdown of '{definition.name}', or the integration owner names one by a label "
            "table.",
            field=definition.name,
            value=shown,
        )
    return Problem(
        kind="mapping" if code == "rule" else "source",
        code=code,
        message=message,
        remedy=f"The registry's owner corrects {external_id}, or the integration owner maps the "
        f"field '{definition.name}' with another rule; the next run picks it up.",
        field=definition.name,
        value=shown,
    )


# -- Benchling's side -----------------------------------------------------------------------
