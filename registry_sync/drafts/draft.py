"""Mapping drafts: started from the live configuration or from nothing, edited, held against rules.

A draft never writes to Benchling; `publish` does. Its rules and its mapping are the sync's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

from django.conf import settings
from django.db.models import F, QuerySet
from django.utils import timezone

from registry_sync import runs
from registry_sync.benchling import config_items as items
from registry_sync.benchling.app_config import AppConfig, ConfigRow
from registry_sync.benchling.client import Client
from registry_sync.benchling.schema import EntitySchema, parse_schema
from registry_sync.core.problems import ConfigError, SyncError
from registry_sync.core.text import storable
from registry_sync.core.types import Json
from registry_sync.drafts.id_and_name import suggest_name
from registry_sync.drafts.row_preview import Example, example
from registry_sync.drafts.suggest import suggest
from registry_sync.mapping.model import Mapping
from registry_sync.mapping.rules import gives_value
from registry_sync.models import MappingDraft, MappingVersion
from registry_sync.source.client import Source
from registry_sync.source.paths import ABSENT, PathError, compile_template
from registry_sync.sync.setup import (
    Sides,
    connector_of,
    mapping_of,
    read_config,
    read_items,
    read_schema,
)

OpenSource = Callable[[Sides], Source]
SAMPLE, SAMPLE_BYTES = 200, 2_000_000
KEPT = ("api_url", "schema_id", "registry_id", "folder_id", "id_field", "name_field",
        "modified_since_parameter", "connector_settings")  # fmt: skip
"""What a draft keeps of the configuration beside the mapping; never the key."""


class Outdated(Exception):
    """Someone else saved the draft in the meantime."""


def mine() -> QuerySet[MappingDraft]:
    """List the drafts of this app in this tenant: another's would be written to the wrong place."""
    return MappingDraft.objects.of_app()


# -- starting ---------------------------------------------------------------------------------


def start(
    client: Client,
    open_source: OpenSource,
    *,
    title: str,
    actor: str,
    from_live: bool,
    connector: Json | None = None,
) -> MappingDraft:
    """Begin a draft: reads the configuration, the schema and a sample. Raises SyncError.

    `connector` are Connector Settings that the draft is to change to.
    """
    draft = MappingDraft(
        **runs.app_key(), title=title, created_by=actor, connector=storable(connector)
    )
    sides = _read_base(draft, client)
    _read_sample(draft, sides, open_source)
    draft.rows = live_rows(draft) if from_live else []
    draft.name_field = _live_name(draft) if from_live else ""
    draft.updated_by = actor
    draft.save()
    return draft


def back_to(version: MappingVersion, client: Client) -> MappingDraft:
    """Make the draft that leads back to a published version; it needs no sample."""
    draft = MappingDraft(
        **runs.app_key(),
        title=f"Back to version {version.number}",
        back_to=version.number,
        name_field=version.name_field,
        connector=version.connector,
        rows=[{key: row.get(key) for key in ("path", "field_id", "rule")} for row in version.rows],
    )
    _read_base(draft, client)
    return draft


def take_theirs(draft: MappingDraft, client: Client, open_source: OpenSource, actor: str) -> None:
    """Take the configuration as it is now for the draft's base; its rows stay."""
    version = draft.version
    sides = _read_base(draft, client)
    if draft.back_to is None:
        _read_sample(draft, sides, open_source)
    names = ("base", "schema", "sample", "suggestions", "sampled_at")
    save(draft, version, actor=actor, **{name: getattr(draft, name) for name in names})


def _read_base(draft: MappingDraft, client: Client) -> Sides:
    raw_items = read_items(client)
    config = read_config(
        raw_items, private_key=settings.BENCHLING_PRIVATE_KEY, mapping_may_fail=True
    )
    changed = config
    if draft.connector is not None:
        changed = replace(config, connector_settings=draft.connector or None)
    connector = connector_of(changed)
    raw, dropdowns = read_schema(client, config, None)
    draft.schema = {"schema": raw, "dropdowns": dropdowns}
    draft.base = {
        "config": {name: getattr(config, name) for name in KEPT},
        "rows": [asdict(row) for row in config.rows],
        "rules": config.mapping_rules,
        "items": items.remembered(items.by_path(raw_items)),
    }
    return Sides(changed, connector, parse_schema(raw, dropdowns))


def _read_sample(draft: MappingDraft, sides: Sides, open_source: OpenSource) -> None:
    """Keep the first records of the registry, and what they suggest."""
    source = open_source(sides)
    records: list[Json] = []
    size = 0
    try:
        for page in source.pages(None):
            for record in page.records:
                size += len(str(record))
                if len(records) < SAMPLE and (size < SAMPLE_BYTES or not records):
                    records.append(storable(record))
            if len(records) >= SAMPLE or size >= SAMPLE_BYTES:
                break
    finally:
        source.close()
    if not records:
        raise SyncError(
            "The registry has no records, so there is no sample to map.",
            remedy="The registry's owner must check what the API key can access.",
            code="empty_read",
        )
    found = suggest(records, sides.schema, id_path=sides.connector.id_path)
    draft.sample, draft.suggestions = records, [one.as_json() for one in found]
    draft.sampled_at = timezone.now()


def _live_name(draft: MappingDraft) -> str:
    """Give External Name Field as it is typed: "" where the default holds."""
    held = {tuple(path): value for path, value in draft.base["items"]}
    return str(held.get((items.NAME_FIELD,)) or "")


def live_rows(draft: MappingDraft) -> list[Json]:
    """Give the live configuration's rows in the form of a draft's, rules beside them."""
    rules = dict(draft.base["rules"])
    rows = [
        {"path": row["path"], "field_id": row["field_id"], "rule": rules.pop(row["field_id"], None)}
        for row in draft.base["rows"]
    ]
    return rows + [{"path": "", "field_id": key, "rule": rule} for key, rule in rules.items()]


# -- editing ----------------------------------------------------------------------------------


def save(draft: MappingDraft, version: int, *, actor: str, **values: Any) -> None:
    """Save an edit of the version it was made on. Raises Outdated when there is a newer one.

    A preview of the former version ends: it would tell of rows that are no longer there.
    """
    mine = MappingDraft.objects.filter(
        pk=draft.pk, version=version, state__in=[draft.State.OPEN, draft.State.WAITING]
    )
    changed = mine.update(
        version=F("version") + 1,
        updated_by=actor,
        updated_at=timezone.now(),
        state=draft.State.OPEN,
        preview_state=draft.Preview.NONE,
        preview_heartbeat=None,
        **values,
    )
    draft.refresh_from_db()
    if not changed:
        raise Outdated


def take(draft: MappingDraft, field_ids: Sequence[str]) -> list[Json]:
    """Give the draft's rows with the suggestions for these fields taken over."""
    taken = {s["field_id"]: s for s in draft.suggestions if s["field_id"] in field_ids}
    rows = [row for row in draft.rows if row["field_id"] not in taken]
    return rows + [
        {"path": s["path"], "field_id": s["field_id"], "rule": s["rule"]} for s in taken.values()
    ]


# -- what it means ------------------------------------------------------------------------------


def schema_of(draft: MappingDraft) -> EntitySchema:
    return parse_schema(draft.schema["schema"], draft.schema["dropdowns"])


def config_of(draft: MappingDraft) -> AppConfig:
    """Give the configuration as it would be with this draft published; the key is not in it."""
    kept = dict(draft.base["config"])
    if draft.name_field:
        kept["name_field"] = draft.name_field
    if draft.connector is not None:
        kept["connector_settings"] = draft.connector or None
    rows = [
        ConfigRow(f"Row {number}", row["field_id"], row["path"])
        for number, row in enumerate(draft.rows, 1)
        if row["path"]
    ]
    return AppConfig(**kept, api_key="", rows=tuple(rows), mapping_rules=rules_of(draft.rows))


def rules_of(rows: Sequence[Json]) -> Json:
    """Give `Mapping Rules` as these rows want them."""
    return {row["field_id"]: row["rule"] for row in rows if row["rule"] is not None}


def sides_of(draft: MappingDraft) -> Sides:
    config = config_of(draft)
    return Sides(config, connector_of(config), schema_of(draft))


def compile_draft(draft: MappingDraft) -> Mapping:
    """Compile a draft as the sync would. Raises ConfigError with every fault."""
    config, schema = config_of(draft), schema_of(draft)
    check_rows(draft.rows, schema)
    return mapping_of(config, connector_of(config, strict=True), schema)


def check_rows(rows: Sequence[Json], schema: EntitySchema) -> None:
    """Check what only a table can get wrong. Raises ConfigError with every fault."""
    faults, seen = [], set()
    for number, row in enumerate(rows, 1):
        field = schema.field(row["field_id"])
        if not row["field_id"]:
            faults.append(f"Row {number} has no Benchling field")
        elif row["field_id"] in seen:
            name = field.name if field else row["field_id"]
            faults.append(f"Row {number}: another row already maps to “{name}”")
        elif not row["path"] and not gives_value(row["rule"]):
            faults.append(f"Row {number} has neither a path nor a constant or default")
        seen.add(row["field_id"])
    if not rows:
        faults.append("there are no rows yet, so nothing would be synced")
    if faults:
        raise ConfigError(
            "The draft cannot be used: " + "; ".join(faults) + ".",
            remedy="Correct these rows.",
            code="mapping",
        )


def fault_of(draft: MappingDraft) -> str:
    """Say everything that stands in a draft's way, in words; "" for nothing."""
    try:
        compile_draft(draft)
    except ConfigError as error:
        return error.message
    return ""


def examples(draft: MappingDraft) -> list[Example]:
    """Show for each row what becomes of the first record of the sample that has a value there."""
    schema, connector = schema_of(draft), connector_of(config_of(draft))
    return [example(draft.sample, row, schema, connector) for row in draft.rows]


def name_suggestion(draft: MappingDraft) -> tuple[str, str]:
    """Suggest External Name Field for a draft, and say why."""
    config = config_of(draft)
    return suggest_name(draft.sample, config.name_field, connector_of(config).id_path)


def name_example(draft: MappingDraft) -> str:
    """Name the first record of the sample as the draft would."""
    try:
        get = compile_template(config_of(draft).name_field)
    except PathError as error:
        return str(error)
    value = get(draft.sample[0]) if draft.sample else ABSENT
    return "no name" if value in (ABSENT, None, "") else str(value)
