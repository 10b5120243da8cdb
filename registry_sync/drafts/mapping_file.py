"""A mapping as a file: names instead of ids, so that it can be carried to another tenant. Pure.

Schema, Benchling registry, folder, fields and dropdown options are resolved by name in the other
tenant, and every name that does not resolve is reported. It never contains secrets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from registry_sync.benchling.app_config import AppConfig
from registry_sync.benchling.client import Client
from registry_sync.benchling.schema import EntitySchema, FieldDefinition
from registry_sync.core.problems import ConfigError
from registry_sync.core.readable import readable
from registry_sync.core.types import Json
from registry_sync.drafts.mapping_yaml import SEVERAL, TEXTS, VERSION, read_document
from registry_sync.mapping.parts import is_part


@dataclass(frozen=True, slots=True)
class Resolved:
    """A file's mapping in one tenant's ids: configuration items by name, and the rows."""

    items: dict[str, tuple[str, str | Json | None]]
    """By item name: its type and value."""
    rows: tuple[tuple[str, str], ...]
    """Of each row: the field's id and the path."""
    schema_id: str
    rules: Json
    schema_name: str = ""


@dataclass
class Catalog:
    """What a tenant has, to resolve names in; `options` gives a dropdown's option labels."""

    registries: Sequence[Json]
    schemas: Sequence[Json]
    folders: Sequence[Json]
    options: Callable[[str], Sequence[str]]
    faults: list[str] = field(default_factory=list)

    def one(self, noun: str, things: Sequence[Json], name: object) -> Json | None:
        """Find the one thing of this name that is not archived, or note a fault."""
        found = [t for t in things if t.get("name") == name and not t.get("archiveRecord")]
        if len(found) == 1:
            return found[0]
        many = f"there are {len(found)} with this name" if found else "there is none with this name"
        self.faults.append(f"{noun} “{name}”: {many}")
        return None


def catalog_of(client: Client) -> Catalog:
    """Return what a tenant has, as far as the app may see it."""

    def options(dropdown_id: str) -> list[str]:
        found = client.dropdown(dropdown_id).get("options") or ()
        return [str(option["name"]) for option in found if not option.get("archiveRecord")]

    return Catalog(
        registries=client.registries(),
        schemas=client.entity_schemas(),
        folders=client.folders(),
        options=options,
    )


def write_mapping_file(lanes: Sequence[tuple[AppConfig, EntitySchema]], client: Client) -> str:
    """Write a tenant's mapping as YAML, with a section for each of several lanes.

    Benchling tells the names.
    """
    registries = {str(registry["id"]): str(registry["name"]) for registry in client.registries()}
    registry_id = lanes[0][0].registry_id
    registry = registries.get(registry_id, registry_id)
    sections = [_section(config, schema, client) for config, schema in lanes]
    several = len(sections) > 1
    document: Json = {"version": SEVERAL if several else VERSION, "registry": registry}
    document |= {"lanes": sections} if several else sections[0]
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)


def _section(config: AppConfig, schema: EntitySchema, client: Client) -> Json:
    folder = str(client.folder(config.folder_id)["name"]) if config.folder_id else None
    section: Json = {
        "schema": schema.name,
        "folder": folder,
        "api_url": config.api_url,
        "external_id_field": config.id_field,
        "external_name_field": config.name_field,
        "modified_since_parameter": config.modified_since_parameter,
        "connector_settings": config.connector_settings,
        "fields": _fields(config, schema),
    }
    return {key: value for key, value in section.items() if value is not None}


def read_mapping_file(text: str, catalog: Catalog) -> list[Resolved]:
    """Resolve a file's names in a tenant, lane by lane. Raise ConfigError with every fault."""
    document = read_document(text)
    registry = catalog.one("Registry", catalog.registries, document.get("registry"))
    sections = document["lanes"] if document["version"] == SEVERAL else [document]
    found = [_resolved(section, registry, catalog) for section in sections]
    schemas = [resolved.schema_id for resolved in found if resolved is not None]
    if len(set(schemas)) < len(schemas):
        catalog.faults.append("two of its lanes have the same schema")
    if catalog.faults:
        raise _unusable(catalog.faults)
    return [resolved for resolved in found if resolved is not None]


def _resolved(section: Json, registry: Json | None, catalog: Catalog) -> Resolved | None:
    """Resolve the names of one lane; None where its schema or the registry is not there."""
    schemas = [
        s for s in catalog.schemas if registry is None or s.get("registryId") == registry["id"]
    ]
    schema = catalog.one("Schema to Sync", schemas, section.get("schema"))
    folder = None
    if section.get("folder"):
        folder = catalog.one("Synced Entity Location", catalog.folders, section["folder"])
    rows, rules = _resolve_fields(section.get("fields"), schema, catalog)
    if schema is None or registry is None:
        return None
    items: dict[str, tuple[str, str | Json | None]] = {
        "Registry": ("registry", registry["id"]),
        "Schema to Sync": ("entity_schema", schema["id"]),
        "Synced Entity Location": ("folder", folder["id"] if folder else None),
        "Connector Settings": ("json", section.get("connector_settings")),
        "Mapping Rules": ("json", rules or None),
    }
    items |= {name: ("text", section.get(key)) for key, name in TEXTS.items()}
    return Resolved(items, tuple(rows), str(schema["id"]), rules, str(schema.get("name") or ""))


def _fields(config: AppConfig, schema: EntitySchema) -> list[Json]:
    rules = dict(config.mapping_rules)
    found: list[Json] = []
    for row in config.rows:
        rule = rules.pop(row.field_id, None)
        shown = {"rule": _labelled(schema, row.field_id, rule)} if rule is not None else {}
        found.append({"field": _name(schema, row.field_id), "path": row.path, **shown})
    for field_id, rule in rules.items():
        if is_part(field_id):
            found.append({"part": field_id, "rule": rule})
            continue
        found.append({"field": _name(schema, field_id), "rule": _labelled(schema, field_id, rule)})
    return found


def _name(schema: EntitySchema, field_id: str) -> str:
    definition = schema.field(field_id)
    return definition.name if definition else field_id


def _labelled(schema: EntitySchema, field_id: str, rule: Any) -> Any:
    definition = schema.field(field_id)
    return _by_label(rule, definition) if definition else rule


def _by_label(rule: Any, definition: FieldDefinition) -> Any:
    """Write options' labels instead of their ids into a rule."""
    labels = {option.id: option.label for option in definition.options or ()}
    return _with_values(rule, lambda value: labels.get(value, value) if labels else value)


def _with_values(rule: Any, change: Callable[[Any], Any]) -> Any:
    """Change the values that a rule gives: a constant, a default, the results of a label table."""
    if isinstance(rule, list):
        return [_with_values(step, change) for step in rule]
    if not isinstance(rule, dict):
        return rule
    out = dict(rule)
    if out.get("rule") in ("constant", "default") and "value" in out:
        out["value"] = _changed(out["value"], change)
    if isinstance(out.get("table"), dict):
        out["table"] = {key: _changed(value, change) for key, value in out["table"].items()}
    return out


def _changed(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, list):
        return [_changed(item, change) for item in value]
    return change(value) if isinstance(value, str) else value


def _resolve_fields(
    fields: Any, schema: Json | None, catalog: Catalog
) -> tuple[list[tuple[str, str]], Json]:
    rows: list[tuple[str, str]] = []
    rules: Json = {}
    if not isinstance(fields, list) or not fields:
        catalog.faults.append("it has no fields")
        return rows, rules
    definitions = (schema or {}).get("fieldDefinitions") or ()
    for entry in fields:
        if isinstance(entry, dict) and set(entry) == {"part", "rule"} and is_part(entry["part"]):
            rules[entry["part"]] = entry["rule"]
            continue
        if not isinstance(entry, dict) or not set(entry) <= {"field", "path", "rule"}:
            catalog.faults.append(
                f"“{readable(entry)}” is not a field: expected field, path and rule"
            )
            continue
        if schema is None:
            continue  # reported once, for the schema
        found = catalog.one("Benchling Field", definitions, entry.get("field"))
        if found is None:
            continue
        if entry.get("path"):
            rows.append((str(found["id"]), str(entry["path"])))
        if "rule" in entry:
            rules[str(found["id"])] = entry["rule"]
            _check_options(entry["rule"], found, catalog)
    return rows, rules


def _check_options(rule: Any, definition: Json, catalog: Catalog) -> None:
    if not definition.get("dropdownId"):
        return
    labels = set(catalog.options(definition["dropdownId"]))

    def check(value: str) -> str:
        if value not in labels:
            catalog.faults.append(
                f"Option “{value}” of “{definition['name']}”: the dropdown has no such option"
            )
        return value

    _with_values(rule, check)


def _unusable(faults: Sequence[str]) -> ConfigError:
    return ConfigError(
        "The mapping file cannot be used in this tenant: " + "; ".join(faults) + ".",
        remedy="A Benchling admin must create what is missing or give the app access to it, or the "
        "integration owner must correct the file. Nothing was changed.",
        code="mapping_file",
    )
