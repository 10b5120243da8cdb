"""Rows of a mapping file, for a draft."""

from __future__ import annotations

from registry_sync.benchling.client import Client
from registry_sync.core.problems import ConfigError
from registry_sync.core.types import Json
from registry_sync.drafts import draft as drafts
from registry_sync.drafts import mapping_file
from registry_sync.models import MappingDraft


def rows_of_file(draft: MappingDraft, text: str, client: Client) -> tuple[list[Json], str]:
    """Read rows and External Name Field of a mapping file, for this draft. Raises ConfigError."""
    resolved = mapping_file.read(text, mapping_file.catalog_of(client))
    schema = drafts.schema_of(draft)
    if resolved.schema_id != schema.id:
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
    rows += [{"path": "", "field_id": key, "rule": rule} for key, rule in rules.items()]
    return rows, str(resolved.items["External Name Field"][1] or "")
