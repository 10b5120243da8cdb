"""Starting a draft: what it keeps of the configuration, the schema, and a sample of records.

A draft repairs mappings, so it starts from a configuration that is broken, too: what cannot be read
is left out, and its fault is kept beside the base. Only the schema must be readable.
"""

from __future__ import annotations

from dataclasses import asdict, replace

from django.conf import settings
from django.utils import timezone

from registry_sync import runs
from registry_sync.benchling import config_items as items
from registry_sync.benchling.app_config import ASKED, BENCHLING, AppConfig
from registry_sync.benchling.client import Client
from registry_sync.benchling.sync_place import Place
from registry_sync.benchling.syncs import path_of
from registry_sync.core.problems import ConfigError, SyncError
from registry_sync.core.secrets import public_address, without_secrets
from registry_sync.core.text import storable
from registry_sync.core.types import Json
from registry_sync.drafts.draft import (
    EDITABLE,
    KEPT,
    OpenSource,
    Outdated,
    base_faults,
    place_in,
    save_edit,
    sides_of,
)
from registry_sync.drafts.suggest import suggest
from registry_sync.mapping.parts import is_part, row_of_rule
from registry_sync.models import MappingDraft, MappingVersion
from registry_sync.source.client import Source
from registry_sync.sync.setup import connector_of, read_config, read_items, read_schema

SAMPLE, SAMPLE_BYTES = 200, 2_000_000
NEEDED = frozenset({"Schema to Sync"})
"""The items without which there is nothing to map to."""
ACCESS = frozenset({"API URL", "API Key"})
RENEWED = ("base", "schema", "schema_id", "sample", "suggestions", "sampled_at")
NO_RECORDS = (
    "The registry has no records, so there is no sample to map. The registry's owner must check "
    "what the API key can access."
)


def start_draft(
    client: Client,
    open_source: OpenSource,
    *,
    title: str,
    actor: str,
    from_live: bool,
    connector: Json | None = None,
    schema_id: str = "",
) -> MappingDraft:
    """Begin a draft: reads the configuration, the schema and a sample. Raise SyncError.

    `connector` are Connector Settings that the draft is to change to, `schema_id` the schema of
    the sync that it is for; without it, that is the first.
    """
    draft = MappingDraft(
        **runs.app_key(), title=title, created_by=actor, connector=storable(connector),
        schema_id=schema_id,
    )  # fmt: skip
    config = _read_base(draft, client)
    _read_sample(draft, config, open_source)
    draft.rows = live_rows(draft) if from_live else []
    draft.name_field = _live_name(draft) if from_live else ""
    draft.updated_by = actor
    draft.save()
    return draft


def back_to(version: MappingVersion, client: Client, open_source: OpenSource) -> MappingDraft:
    """Make the draft that leads back to a published version, with a sample if one can be read."""
    draft = MappingDraft(
        **runs.app_key(),
        title=f"Back to version {version.number}",
        back_to=version.number,
        schema_id=version.schema_id,
        name_field=version.name_field,
        connector=version.connector,
        rows=[{key: row.get(key) for key in ("path", "field_id", "rule")} for row in version.rows],
    )
    config = _read_base(draft, client)
    _read_sample(draft, config, open_source)
    return draft


def take_theirs(draft: MappingDraft, client: Client, open_source: OpenSource, actor: str) -> None:
    """Take the configuration as it is now for the draft's base; its rows stay. Raise Outdated."""
    if draft.state not in EDITABLE:
        raise Outdated
    version = draft.version
    config = _read_base(draft, client)
    if draft.back_to is None:
        _read_sample(draft, config, open_source)
    save_edit(draft, version, actor=actor, **{name: getattr(draft, name) for name in RENEWED})


def live_config(client: Client, draft: MappingDraft) -> tuple[AppConfig, list[Json]]:
    """Return the configuration as it is now, and its raw items. Raise ConfigError.

    Its mapping may be faulty, and so may Connector Settings, if the draft replaces them.
    """
    raw = read_items(client)
    replaced = {"Connector Settings"} if draft.connector is not None else set()
    key, needed = settings.BENCHLING_PRIVATE_KEY, (ASKED | BENCHLING) - replaced
    element = place_in(draft, items.by_path(raw)).element
    return read_config(raw, private_key=key, element=element, needed=needed), raw


def kept_of(config: AppConfig) -> Json:
    """Return what a draft keeps of a configuration: no key, and no secret typed elsewhere."""
    kept = {name: getattr(config, name) for name in KEPT}
    url, connector = public_address(config.api_url), without_secrets(config.connector_settings)
    return {**kept, "api_url": url, "connector_settings": connector}


def live_rows(draft: MappingDraft) -> list[Json]:
    """Return the live configuration's rows in the form of a draft's, rules beside them."""
    rules = dict(draft.base["rules"])
    rows = [
        {"path": row["path"], "field_id": row["field_id"], "rule": rules.pop(row["field_id"], None)}
        for row in draft.base["rows"]
    ]
    for key, rule in rules.items():
        path, rest = row_of_rule(key, rule) if is_part(key) else ("", rule)
        rows.append({"path": path, "field_id": key, "rule": rest})
    return rows


def _live(raw: list[Json], element: str) -> AppConfig:
    key = settings.BENCHLING_PRIVATE_KEY
    return read_config(raw, private_key=key, element=element, needed=NEEDED)


def _read_base(draft: MappingDraft, client: Client) -> AppConfig:
    """Keep the configuration and the schema, and return the former with the key. Raise SyncError.

    Only what has the key is not kept.
    """
    raw_items = read_items(client)
    stored = items.by_path(raw_items)
    place = place_in(draft, stored)
    config = _live(raw_items, place.element)
    draft.schema_id = config.schema_id
    hidden = _secret_faults(config)
    raw, dropdowns = read_schema(client, config, None, hidden)
    draft.schema = storable({"schema": raw, "dropdowns": dropdowns})
    draft.base = storable(
        {
            "config": kept_of(config),
            "rows": [asdict(row) for row in config.rows],
            "rules": config.mapping_rules,
            "items": items.remembered(stored),
            **_inherited(config, stored, place),
            "faults": [list(fault) for fault in [*config.faults, *hidden]],
        }
    )
    return config


def _inherited(config: AppConfig, stored: items.Items, place: Place) -> Json:
    """Return a draft's element, and the `client` that it inherits; {} for the first sync."""
    if not place.element:
        return {}
    client = (without_secrets(config.connector_settings) or {}).get("client")
    own = items.value_of(stored, place.path(items.CONNECTOR)) or "{}"
    names_none = client is not None and '"client"' not in own
    return {"element": place.element, **({"client": client} if names_none else {})}


def _secret_faults(config: AppConfig) -> list[tuple[str, str]]:
    """Return the secrets in a configuration: a draft does not keep them, so cannot see them."""
    url, settings = config.api_url, config.connector_settings
    place = "API URL" if public_address(url) != url else items.CONNECTOR
    if place == items.CONNECTOR and without_secrets(settings) == settings:
        return []
    try:
        connector_of(config)
    except ConfigError as error:
        return [(place, error.message.rstrip("."))]
    return []


def _read_sample(draft: MappingDraft, live: AppConfig, open_source: OpenSource) -> None:
    """Keep the first records of the registry and what they suggest, or why there are none."""
    draft.sample, draft.suggestions, draft.sampled_at = [], [], None
    strays = 0
    faults = base_faults(draft)
    fault = "; ".join(text for item, text in faults.items() if item in ACCESS)
    if fault:
        fault = f"{fault}. The integration owner corrects it in the app's configuration."
    else:
        try:
            sides = sides_of(draft)
            sides = replace(sides, config=replace(sides.config, api_key=live.api_key))
            draft.sample, strays = _first_records(open_source(sides))
            fault = "" if draft.sample else NO_RECORDS
        except SyncError as error:
            fault = error.with_remedy
    draft.base = {**draft.base, "sample_fault": fault, "strays": strays}
    if draft.sample:
        found = suggest(draft.sample, sides.schema, id_path=sides.connector.id_path)
        draft.suggestions = [suggestion.as_json() for suggestion in found]
        draft.sampled_at = timezone.now()


def _first_records(source: Source) -> tuple[list[Json], int]:
    """Return the first records, and the number of entries beside them that are none."""
    records: list[Json] = []
    size = strays = 0
    try:
        for page in source.pages(None):
            strays += len(page.strays)
            for record in page.records:
                size += len(str(record))
                if len(records) < SAMPLE and (size < SAMPLE_BYTES or not records):
                    records.append(storable(record))
            if len(records) >= SAMPLE or size >= SAMPLE_BYTES:
                break
    finally:
        source.close()
    return records, strays


def _live_name(draft: MappingDraft) -> str:
    """Return External Name Field as it is typed: "" where the default holds."""
    stored = {tuple(path): value for path, value in draft.base["items"]}
    return str(stored.get(path_of(draft.base.get("element", ""), items.NAME_FIELD)) or "")
