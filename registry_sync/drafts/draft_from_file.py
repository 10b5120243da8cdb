"""A mapping file, held against the rules of a draft: its rows, and its Connector Settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from registry_sync.benchling import config_items
from registry_sync.benchling.client import Client
from registry_sync.benchling.sync_place import Place
from registry_sync.benchling.syncs import syncs_of
from registry_sync.core.problems import ConfigError
from registry_sync.core.types import Json
from registry_sync.drafts import draft as drafts
from registry_sync.drafts import mapping_file
from registry_sync.mapping.parts import is_part, row_of_rule
from registry_sync.models import MappingDraft
from registry_sync.source.connector_settings import parse_connector


def rows_of_file(draft: MappingDraft, text: str, client: Client) -> tuple[list[Json], str]:
    """Read rows and External Name Field of a mapping file, for this draft. Raise ConfigError."""
    lanes = mapping_file.read_mapping_file(text, mapping_file.catalog_of(client))
    schema = drafts.draft_schema(draft)
    resolved = next((lane for lane in lanes if lane.schema_id == schema.id), None)
    if resolved is None:
        raise ConfigError(
            "The file is for a different Benchling schema than the draft.",
            remedy=f"Choose a file whose schema is {schema.name}. Nothing was changed.",
            code="mapping_file",
        )
    rules = dict(resolved.rules)
    rows = [
        {"path": path, "field_id": field_id, "rule": rules.pop(field_id, None)}
        for field_id, path in resolved.rows
    ]
    for key, rule in rules.items():
        path, remainder = row_of_rule(key, rule) if is_part(key) else ("", rule)
        rows.append({"path": path, "field_id": key, "rule": remainder})
    return rows, str(resolved.items["External Name Field"][1] or "")


def places_of(lanes: Sequence[mapping_file.Resolved], stored: config_items.Items) -> list[Place]:
    """Return where each lane of a file goes: the first to the app's own items. Raise ConfigError.

    Another one goes to the element of its schema, or else to a new one of its schema's name.
    """
    syncs = syncs_of(stored)
    schemas = {lane.schema_id for lane in lanes}
    places = []
    for number, lane in enumerate(lanes):
        existing = next((sync for sync in syncs if sync.schema_id == lane.schema_id), None)
        element = "" if number == 0 else lane.schema_name
        if existing is not None and number and existing.element:
            element = existing.element
        elif existing is not None and existing.element and not number:
            raise ConfigError(
                f"{existing.label} already feeds the schema {lane.schema_name}, and a schema can "
                "be fed by one sync only.",
                remedy="The integration owner must empty that element in Benchling first, or the "
                "file must have its lanes in this tenant's order. Nothing was changed.",
                code="mapping_file",
            )
        others = schemas | {sync.schema_id for sync in syncs if sync.element}
        places.append(Place(element, lane.schema_id, frozenset(others - {lane.schema_id, ""})))
    return places


def check_connector(resolved: mapping_file.Resolved, api_url: str | None) -> None:
    """Check the Connector Settings of a file, as a draft's are checked. Raise ConfigError.

    Secrets and settings without effect are faults. `api_url` is the tenant's own address, if any.
    """
    values = {name: value for name, (_, value) in resolved.items.items()}
    try:
        parse_connector(
            cast("Json | None", values["Connector Settings"]),
            api_url=api_url or str(values["API URL"] or "https://missing.invalid"),
            modified_since_parameter=_text(values["Modified Since Parameter"]),
            id_field=_text(values["External ID Field"]),
            strict=True,
        )
    except ConfigError as error:
        error.remedy = "The integration owner must correct the file. Nothing was changed."
        raise


def _text(value: object) -> str | None:
    return str(value) if value else None
