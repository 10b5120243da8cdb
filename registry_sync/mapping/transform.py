"""From a record and a mapping to an entity, or to the problems that stand in the way. Pure.

Null and empty text clear a mapped field (a problem where it is required); a path that is not in
the record leaves the field as it is.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from typing import Any

from registry_sync.benchling.app_config import AppConfig
from registry_sync.benchling.schema import MAPPABLE, EntitySchema, FieldDefinition
from registry_sync.core.problems import ConfigError, Problem
from registry_sync.mapping.rules import RuleError, Step, apply, gives_value, parse_rule
from registry_sync.mapping.values import Misfit, check_depth, fit, is_empty, readable
from registry_sync.source.paths import ABSENT, Getter, PathError, compile_path, compile_template

Json = dict[str, Any]
TRANSFORM_VERSION = 4
"""Raised whenever the same record and mapping would give another entity: every lane reads all."""
LONGEST_ID = 255
LONGEST_KEY = 500
"""Characters of a name's key: a row of PostgreSQL's indexes holds 2,704 bytes."""
UNKNOWN: Any = [["?"]]
"""A value read back from Benchling that cannot be told as we would send it. No value is a list of
lists, so that it equals none; and any database can hold it."""


def links_of(values: Iterable[Any]) -> frozenset[str]:
    """Name the registry ids that canonical values point at."""
    found = set()
    for value in values:
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict) and set(item) == {"entityRegistryId"}:
                found.add(item["entityRegistryId"])
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity as Benchling shall hold it: canonical values by field id."""

    external_id: str
    registry_id: str
    name: str
    fields: Json
    sources: Json = field(default_factory=dict, compare=False)
    """What the record had where that is not the value itself: a list of one value, or of none."""

    @property
    def links(self) -> frozenset[str]:
        """The registry ids of the entities it points at."""
        return links_of(self.fields.values())

    def digest(self) -> str:
        """Hash what would be sent: 32 hex characters, whatever the order of the keys."""
        body = json.dumps([self.registry_id, self.name, self.fields], sort_keys=True)
        return hashlib.blake2b(body.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """One Benchling field, the path that feeds it, and the rules in between."""

    field: FieldDefinition
    path: str
    get: Getter
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Mapping:
    """Everything that decides an entity, compiled; `fingerprint` is a hash of all of it."""

    fields: tuple[FieldMapping, ...]
    name_path: str
    name: Getter
    registry_id_template: str
    schema_id: str
    fingerprint: str
    identity: tuple[Getter, ...] = ()

    @property
    def field_ids(self) -> tuple[str, ...]:
        return tuple(mapped.field.id for mapped in self.fields)

    @property
    def definitions(self) -> tuple[FieldDefinition, ...]:
        return tuple(mapped.field for mapped in self.fields)

    def identity_of(self, record: Json) -> str:
        """Say which substance a record is about, by the paths of `identity`; "" for unknown."""
        values = [get(record) for get in self.identity]
        known = [str(value).strip() for value in values if value not in (ABSENT, None, "", [])]
        return " / ".join(known)

    def registry_id(self, external_id: str) -> str:
        """Say which registry id an external id has in Benchling."""
        return self.registry_id_template.replace("{id}", external_id)


@dataclass(frozen=True, slots=True)
class Transformed:
    """What a record became: an entity, or every problem that stands in the way."""

    entity: Entity | None
    problems: tuple[Problem, ...] = ()
    coercions: tuple[str, ...] = field(default=())


# -- building a mapping ---------------------------------------------------------------------


def build_mapping(
    config: AppConfig,
    schema: EntitySchema,
    *,
    registry_id_template: str | None = None,
    identity: Sequence[str] = (),
) -> Mapping:
    """Compile a mapping and check it against the schema. Raises ConfigError with every fault."""
    faults = _schema_faults(config, schema)
    mapped: list[FieldMapping] = []
    for row in config.rows:
        definition = schema.field(row.field_id)
        if definition is None:
            faults.append(f"{row.name}: the schema {schema.name} has no field {row.field_id}")
            continue
        faults += [f"{row.name}: {fault}" for fault in _field_faults(definition)]
        try:
            steps = parse_rule(config.mapping_rules.get(definition.id, "as_is"))
            mapped.append(FieldMapping(definition, row.path, compile_path(row.path), steps))
        except (RuleError, PathError) as error:
            faults.append(f"{row.name}: {error}")
    faults += _rule_faults(config, schema)
    mapped += _ruled_only(config, schema, faults)
    faults += _required_faults(schema, mapped)
    try:
        name = compile_template(config.name_field)
    except PathError as error:
        faults.append(f"External Name Field: {error}")
        name = compile_path("name")
    if faults:
        raise _unusable(faults)
    template = registry_id_template or "{id}"
    return Mapping(
        fields=tuple(mapped),
        name_path=config.name_field,
        name=name,
        registry_id_template=template,
        schema_id=schema.id,
        fingerprint=_fingerprint(config, schema, mapped, [template, *identity]),
        identity=tuple(compile_path(path) for path in identity),
    )


def _schema_faults(config: AppConfig, schema: EntitySchema) -> list[str]:
    faults = []
    if schema.type != "custom_entity":
        faults.append(
            f"Schema to Sync: {schema.name} is of type {schema.type}; only custom entities "
            "can be synced for now"
        )
    if schema.archived:
        faults.append(f"Schema to Sync: {schema.name} is archived")
    if schema.registry_id != config.registry_id:
        faults.append(f"Schema to Sync: {schema.name} is not in the Benchling registry of Registry")
    return faults


def _field_faults(definition: FieldDefinition) -> list[str]:
    faults = []
    if definition.archived:
        faults.append(f"the field '{definition.name}' is archived")
    if definition.type not in MAPPABLE:
        faults.append(
            f"the field '{definition.name}' is of type {definition.type}, which a registry's "
            "record cannot give"
        )
    return faults


def _rule_faults(config: AppConfig, schema: EntitySchema) -> list[str]:
    faults = []
    names = {definition.name: definition.id for definition in schema.fields}
    for key in config.mapping_rules:
        if schema.field(key) is None:
            hint = f"; the field of that name is {names[key]}" if key in names else ""
            faults.append(f"Mapping Rules: {schema.name} has no field with the id {key}{hint}")
    return faults


def _ruled_only(config: AppConfig, schema: EntitySchema, faults: list[str]) -> list[FieldMapping]:
    """Map fields that no row feeds but a constant or default does."""
    fed = {row.field_id for row in config.rows}
    found = []
    for key, raw in config.mapping_rules.items():
        definition = schema.field(key)
        if definition is None or key in fed or not gives_value(raw):
            continue
        faults += _field_faults(definition)
        try:
            found.append(FieldMapping(definition, "", lambda record: ABSENT, parse_rule(raw)))
        except RuleError as error:
            faults.append(f"Mapping Rules: {definition.name}: {error}")
    return found


def _required_faults(schema: EntitySchema, mapped: list[FieldMapping]) -> list[str]:
    fed = {mapping.field.id for mapping in mapped}
    return [
        f"the required field '{definition.name}' of {schema.name} has no row in Field "
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
    config: AppConfig, schema: EntitySchema, mapped: list[FieldMapping], settings: list[str]
) -> str:
    """Hash everything that decides an entity; display names, folder and credentials do not."""
    fields = [
        [
            m.field.id, m.path, m.field.type, m.field.is_multi, m.field.is_required,
            m.field.numeric_min, m.field.numeric_max, m.field.link_schema_id,
            [[o.id, o.label, o.archived] for o in m.field.options or ()],
            config.mapping_rules.get(m.field.id),
        ]
        for m in mapped
    ]  # fmt: skip
    endpoint = (config.connector_settings or {}).get("endpoint")
    asked = endpoint if isinstance(endpoint, dict) else {}
    whole = [
        # What is asked decides which records there are: another filter, another full read.
        config.api_url.partition("?")[2],
        [asked.get(key) for key in ("params", "json", "data_selector", "detail", "primary_key")],
        TRANSFORM_VERSION, schema.id, schema.registry_id, settings, config.id_field,
        config.name_field, sorted(fields, key=lambda item: str(item[0])),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


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


def payload(
    entity: Entity,
    schema: EntitySchema,
    *,
    registry_id: str,
    folder_id: str | None,
    by_id: bool = False,
) -> Json:
    """Write one row of a bulk upsert, its fields by their present names, or by id.

    https://benchling.com/api/reference (bulkUpsertCustomEntities)
    """
    names = {d.id: d.id if by_id else d.name for d in schema.fields}
    row: Json = {
        "entityRegistryId": entity.registry_id,
        "name": entity.name,
        "registryId": registry_id,
        "schemaId": schema.id,
        # What cannot be told is left out, which leaves it as it is.
        "fields": {
            names[key]: {"value": value} for key, value in entity.fields.items() if value != UNKNOWN
        },
    }
    if folder_id:
        row["folderId"] = folder_id
    return row


def canonical_fields(raw: Json, schema: EntitySchema, targets: Dict[str, str]) -> Json:
    """Read an entity of Benchling back into canonical values by field id.

    `targets` gives the registry id for each Benchling id it may point at; what cannot be told
    gives a value that equals nothing, so that the entity is written again rather than trusted.
    """
    fields: Json = {}
    held = raw.get("fields") or {}
    for definition in schema.fields:
        if definition.name not in held:
            continue
        value = (held[definition.name] or {}).get("value")
        if value is None or value == []:
            fields[definition.id] = [] if definition.is_multi else None
        elif isinstance(value, list):
            items = [_read_back(item, definition, targets) for item in value]
            fields[definition.id] = UNKNOWN if UNKNOWN in items else items
        else:
            fields[definition.id] = _read_back(value, definition, targets)
    return fields


def _read_back(value: Any, definition: FieldDefinition, targets: Dict[str, str]) -> Any:
    if definition.is_link:
        found = targets.get(str(value))
        return {"entityRegistryId": found} if found else UNKNOWN
    if definition.type == "dropdown":
        return value
    try:
        return fit(value, definition, str, limits=False)[0]
    except (Misfit, KeyError):
        return UNKNOWN


def external_id_of(registry_id: str, mapping: Mapping) -> str | None:
    """Say which external id a registry id stands for; None where it is none of ours."""
    before, _, after = mapping.registry_id_template.partition("{id}")
    fits = registry_id.startswith(before) and registry_id.endswith(after)
    if not registry_id or not fits or len(registry_id) <= len(before) + len(after):
        return None
    return registry_id[len(before) : len(registry_id) - len(after)]


def name_key(text: str) -> str:
    """Write a name as names are compared: trimmed, case-folded, in one Unicode form.

    A long one ends with a digest of its rest.
    """
    key = unicodedata.normalize("NFC", text.strip().casefold())
    if len(key) <= LONGEST_KEY:
        return key
    rest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{key[: LONGEST_KEY - len(rest) - 1]}…{rest}"
