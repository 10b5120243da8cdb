"""Schemas and mappings without a tenant."""

from __future__ import annotations

from typing import Any

from registry_sync.benchling.app_config import AppConfig
from registry_sync.benchling.schema import EntitySchema, parse_schema
from registry_sync.benchling.syncs import ConfigRow
from registry_sync.mapping.compile import build_mapping
from registry_sync.mapping.model import Mapping
from registry_sync.mapping.transform import transform

Json = dict[str, Any]


OPTIONS = [
    {"id": "opt_a", "name": "Small molecule"},
    {"id": "opt_b", "name": "Protein"},
    {"id": "opt_c", "name": "Gone", "archiveRecord": {"reason": "Other"}},
]


DROPDOWNS = {"sfs_1": {"id": "sfs_1", "options": OPTIONS}}


def schema_of(*fields: Json, **more: Any) -> EntitySchema:
    definitions = [
        {"id": f"f{n}", "name": f"Field {n}", "dropdownId": "sfs_1", **field}
        for n, field in enumerate(fields)
    ]
    raw = {"id": "ts_1", "name": "Compound", "type": "custom_entity", "registryId": "src_1"}
    return parse_schema({**raw, "fieldDefinitions": definitions, **more}, DROPDOWNS)


def mapping_of(schema: EntitySchema, rules: Json | None = None, **more: Any) -> Mapping:
    rows = tuple(ConfigRow(f"Row {f.id}", f.id, f.id) for f in schema.fields)
    config = AppConfig(
        api_url="https://registry.example.com",
        schema_id=schema.id,
        registry_id="src_1",
        rows=more.pop("rows", rows),
        api_key="k",
        mapping_rules=rules or {},
        name_field=more.pop("name_field", "name"),
        connector_settings=more.pop("connector_settings", None),
        other_templates=more.pop("other_templates", {}),
    )
    return build_mapping(config, schema, **more)


def one(value: Any, rule: Any = None, **field: Any) -> Any:
    """Transform a record with one field; give the transformed record."""
    mapping = mapping_of(schema_of(field), {"f0": rule} if rule else None)
    record = {"id": "C-1", "name": "Aspirin"} | ({} if value is ... else {"f0": value})
    return transform(record, "C-1", mapping)
