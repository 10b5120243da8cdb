"""One row of a mapping tried on records: raw value, result, or problem. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from registry_sync.benchling.schema import EntitySchema, FieldDefinition
from registry_sync.core.problems import ConfigError
from registry_sync.core.readable import readable
from registry_sync.core.text import number_of
from registry_sync.core.types import Json
from registry_sync.mapping.compile import field_faults
from registry_sync.mapping.compile_field import compile_field
from registry_sync.mapping.model import FieldMapping, Mapping
from registry_sync.mapping.parts import PARTS, is_part, rule_of_row
from registry_sync.mapping.rules import RuleError
from registry_sync.mapping.transform import transform
from registry_sync.source.connector import Connector
from registry_sync.source.paths import ABSENT, PathError


@dataclass(frozen=True, slots=True)
class Example:
    """What becomes of one value: the raw one, the result, or the problem."""

    raw: str = ""
    result: str = ""
    problem: str = ""
    doubtful: bool = False
    """Whether the row can be used, but no record of the sample has a value for it."""


def example(
    records: Sequence[Json], row: Json, schema: EntitySchema, connector: Connector
) -> Example:
    """Return what one row of a draft (`field_id`, `path`, `rule`) makes of the sample's records."""
    if is_part(row["field_id"]):
        return _part_example(records, row, schema, connector)
    field = schema.field(row["field_id"])
    if field is None:
        prefix = (
            f"the schema {schema.name} has no field {row['field_id']}; " if row["field_id"] else ""
        )
        return Example(problem=f"{prefix}choose a Benchling field")
    if faults := field_faults(field):
        return Example(problem="; ".join(faults))
    try:
        return _tried(records, row, single(row, field, schema, connector))
    except (PathError, RuleError, ConfigError) as error:
        return Example(problem=str(error))


def _part_example(
    records: Sequence[Json], row: Json, schema: EntitySchema, connector: Connector
) -> Example:
    """Try the rule of a part, as Mapping Rules would have it."""
    key = row["field_id"]
    rule, kind = rule_of_row(key, row["path"], row["rule"]), schema.entity_type
    if key not in kind.part_keys():
        return Example(problem=f"{kind.label} have none")
    try:
        mapped = PARTS[key].compile(rule, kind, schema, connector.blanks)[:1]
        mapping = Mapping(tuple(mapped), "", lambda record: "name", "{id}", schema.id, "")
        return _tried(records, {**row, "path": mapped[0].path}, mapping)
    except (PathError, RuleError, ConfigError) as error:
        return Example(problem=str(error))


def _tried(records: Sequence[Json], row: Json, mapping: Mapping) -> Example:
    mapped = mapping.fields[0]
    record = next((r for r in records if mapped.get(r) not in (ABSENT, None, "", [])), None)
    if record is None and row["path"]:
        if not records:
            return Example()  # that there is no sample is said once
        text = f"0 of {number_of(len(records), 'record')} in the sample have a value"
        return Example(problem=f"{text} at {row['path']}", doubtful=True)
    return example_of(record or {}, mapping, mapped)


def single(
    row: Json, field: FieldDefinition, schema: EntitySchema, connector: Connector
) -> Mapping:
    """Compile one row alone, so that it can be tried whatever the others are."""
    mapped = compile_field(field, row["path"] or "", row["rule"], connector.blanks)
    template = connector.registry_id_template or "{id}"
    return Mapping((mapped,), "", lambda record: "name", template, schema.id, "")


def example_of(record: Json, mapping: Mapping, mapped: FieldMapping) -> Example:
    """Return what becomes of one record's value, in the very steps of the sync."""
    raw = mapped.get(record)
    done = transform(record, "id", replace(mapping, fields=(mapped,)))
    problem = next((p for p in done.problems if p.field == mapped.field.name), None)
    shown = "" if raw is ABSENT else text_of(raw, mapped.field)
    if problem is not None or done.entity is None:
        detail = problem.message.partition(": ")[2] if problem else ""
        return Example(raw=shown, problem=detail or (problem.message if problem else ""))
    value = done.entity.fields.get(mapped.field.id, ABSENT)
    result = "unchanged" if value is ABSENT else text_of(value, mapped.field) or "–"
    return Example(raw=shown, result=result)


def text_of(value: Any, field: FieldDefinition) -> str:
    """Write a value for people: options by their label, links by the id they point at."""
    if isinstance(value, list):
        return "; ".join(text_of(item, field) for item in value)
    if isinstance(value, dict) and set(value) == {"entityRegistryId"}:
        return str(value["entityRegistryId"])
    labels = {option.id: option.label for option in field.options or ()}
    text = "" if value is None else labels.get(str(value), readable(value, empty=""))
    return text if len(text) <= 100 else text[:99] + "…"
