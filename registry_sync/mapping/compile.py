"""Compiling a mapping from the app's configuration and the schema."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from registry_sync.benchling.app_config import AppConfig
from registry_sync.benchling.entity_types import ENTITY_TYPES, why_refused
from registry_sync.benchling.schema import MAPPABLE, EntitySchema, FieldDefinition
from registry_sync.core.problems import ConfigError
from registry_sync.mapping.compile_field import NO_BLANKS, compile_field
from registry_sync.mapping.identity import identity_getter
from registry_sync.mapping.model import FieldMapping, Mapping
from registry_sync.mapping.parts import compile_parts, is_part
from registry_sync.mapping.rules import RuleError, gives_value
from registry_sync.source.answers.blanks import Blanks, EmptyValues
from registry_sync.source.deletes import Deletes
from registry_sync.source.paths import Getter, PathError, compile_path, compile_template
from registry_sync.source.scope import Scope

EVERY_RECORD, NO_DELETES = Scope(), Deletes()
LIST_SETTINGS = ("params", "json", "data_selector", "detail", "primary_key")
"""Settings of `endpoint` that decide which records there are, and what is in them."""
TRANSFORM_VERSION = 6
"""Raise it when the same record and mapping give another entity: every lane then runs in full."""


def build_mapping(
    config: AppConfig,
    schema: EntitySchema,
    *,
    registry_id_template: str | None = None,
    identity: Sequence[str] = (),
    blanks: Blanks = NO_BLANKS,
    scope: Scope = EVERY_RECORD,
    deletes: Deletes = NO_DELETES,
) -> Mapping:
    """Return a mapping, checked against the schema. Raise ConfigError with every fault."""
    faults = _schema_faults(config, schema)
    mapped = _rows(config, schema, blanks, faults)
    faults += _rule_faults(config, schema)
    mapped += _ruled_only(config, schema, blanks, faults)
    if kind := ENTITY_TYPES.get(schema.type):
        mapped += compile_parts(config.mapping_rules, kind, schema, blanks, faults)
    faults += _required_faults(schema, mapped)
    try:
        name = _name(config.name_field, blanks.empty_values)
    except PathError as error:
        faults.append(f"External Name Field: {error}")
        name = compile_path("name")
    if faults:
        raise _unusable(faults)
    template = registry_id_template or "{id}"
    linked = {each.field.link_schema_id for each in mapped} - {schema.id}
    templates = {id_: text for id_, text in config.other_templates.items() if id_ in linked}
    leaves = [["scope", *scope.kept()]] if scope else []
    settings = [template, *identity, *blanks.for_fingerprint, *leaves, *deletes.for_fingerprint]
    settings += [["linked", templates]] if templates else []
    return Mapping(
        fields=tuple(mapped),
        name_path=config.name_field,
        name=name,
        registry_id_template=template,
        schema_id=schema.id,
        fingerprint=_fingerprint(config, schema, mapped, settings),
        link_templates=templates,
        identity=tuple(identity_getter(path, mapped) for path in identity),
        scope=scope,
        deletes=deletes,
    )


def _rows(
    config: AppConfig, schema: EntitySchema, blanks: Blanks, faults: list[str]
) -> list[FieldMapping]:
    """Return the mappings of the rows of Field Configurations."""
    mapped = []
    for row in config.rows:
        definition = schema.field(row.field_id)
        if definition is None:
            faults.append(f"{row.name}: the schema {schema.name} has no field {row.field_id}")
            continue
        faults += [f"{row.name}: {fault}" for fault in field_faults(definition)]
        try:
            rule = config.mapping_rules.get(definition.id)
            mapped.append(compile_field(definition, row.path, rule, blanks))
        except (RuleError, PathError) as error:
            faults.append(f"{row.name}: {error}")
    return mapped


def _name(text: str, empty: EmptyValues) -> Getter:
    """Compile the template of the name; what counts as null is no name. Raise PathError."""
    get = compile_template(text, empty)
    return (lambda record: None if (value := get(record)) in empty else value) if empty else get


def _schema_faults(config: AppConfig, schema: EntitySchema) -> list[str]:
    faults = []
    if why := why_refused(schema.type):
        faults.append(f"{config.schema_item}: {schema.name} is of type {schema.type}: {why}")
    if schema.archived:
        faults.append(f"{config.schema_item}: {schema.name} is archived")
    if schema.registry_id != config.registry_id:
        faults.append(
            f"{config.schema_item}: {schema.name} is not in the Benchling registry of Registry"
        )
    return faults


def field_faults(definition: FieldDefinition) -> list[str]:
    """Return why a field cannot be mapped; empty if it can."""
    faults = []
    if definition.archived:
        faults.append(f"the field “{definition.name}” is archived")
    if definition.type not in MAPPABLE:
        faults.append(
            f"the field “{definition.name}” is of type {definition.type}, which cannot be "
            "mapped from a record"
        )
    return faults


def _rule_faults(config: AppConfig, schema: EntitySchema) -> list[str]:
    faults = []
    names = {definition.name: definition.id for definition in schema.fields}
    for key in config.mapping_rules:
        if schema.field(key) is None and not is_part(key):
            hint = f"; the field of that name is {names[key]}" if key in names else ""
            faults.append(f"Mapping Rules: {schema.name} has no field with the id {key}{hint}")
    return faults


def _ruled_only(
    config: AppConfig, schema: EntitySchema, blanks: Blanks, faults: list[str]
) -> list[FieldMapping]:
    """Return the mappings of fields without a row that have a constant or default."""
    fed = {row.field_id for row in config.rows}
    found = []
    for key, raw in config.mapping_rules.items():
        definition = schema.field(key)
        if definition is None or key in fed or not gives_value(raw):
            continue
        faults += field_faults(definition)
        try:
            found.append(compile_field(definition, "", raw, blanks))
        except RuleError as error:
            faults.append(f"Mapping Rules: {definition.name}: {error}")
    return found


def _required_faults(schema: EntitySchema, mapped: list[FieldMapping]) -> list[str]:
    fed = {mapping.field.id for mapping in mapped}
    return [
        f"the required field “{definition.name}” of {schema.name} has no row in Field "
        "Configurations and no constant or default in Mapping Rules"
        for definition in schema.fields
        if definition.is_required and not definition.archived and definition.id not in fed
    ]


def _unusable(faults: list[str]) -> ConfigError:
    return ConfigError(
        "The field mapping cannot be used: " + "; ".join(faults) + ".",
        remedy="The integration owner corrects it in the app's configuration in Benchling, or a "
        "Benchling admin corrects the schema.",
        code="mapping",
    )


def _fingerprint(
    config: AppConfig, schema: EntitySchema, mapped: list[FieldMapping], settings: list[object]
) -> str:
    """Return a hash of everything that decides an entity: not names, folder and credentials."""
    fields = [
        [
            m.field.id, m.path, m.field.type, m.field.is_multi, m.field.is_required,
            m.field.numeric_min, m.field.numeric_max, m.field.link_schema_id,
            [[o.id, o.label, o.archived] for o in m.field.options or () if m.field.id != "folder"],
            config.mapping_rules.get(m.field.id),
            *([m.field.unit] if any(getattr(step, "unit", None) for step in m.steps) else ()),
        ]
        for m in mapped
    ]  # fmt: skip
    endpoint = (config.connector_settings or {}).get("endpoint")
    list_settings = endpoint if isinstance(endpoint, dict) else {}
    whole = [
        # The request decides which records there are: another filter needs another full run.
        config.api_url.partition("?")[2],
        [list_settings.get(key) for key in LIST_SETTINGS],
        TRANSFORM_VERSION, schema.id, schema.registry_id, settings, config.id_field,
        config.name_field, sorted(fields, key=lambda item: str(item[0])),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()
