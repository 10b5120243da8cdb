"""Mapping drafts: edited, and held against the sync's own rules.

A draft never writes to Benchling; `publish` does. Its page opens whatever the draft holds: what
cannot be read is a fault that is named, never an exception.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import F, QuerySet
from django.utils import timezone

from registry_sync.benchling import config_items as items
from registry_sync.benchling.app_config import AppConfig
from registry_sync.benchling.config_items import CONNECTOR
from registry_sync.benchling.schema import EntitySchema, parse_schema
from registry_sync.benchling.sync_place import Place, place_of
from registry_sync.benchling.syncs import ConfigRow
from registry_sync.core.problems import ConfigError
from registry_sync.core.types import Json
from registry_sync.drafts.id_and_name import suggest_name
from registry_sync.drafts.row_preview import Example, example
from registry_sync.mapping.model import Mapping
from registry_sync.mapping.parts import is_part, rule_of_row, without_parts
from registry_sync.mapping.rules import gives_value
from registry_sync.models import MappingDraft
from registry_sync.source.client import Source
from registry_sync.source.connector import Connector
from registry_sync.source.connector_settings import read_connector
from registry_sync.source.paths import ABSENT, PathError, compile_template
from registry_sync.sync.setup import Sides, connector_of, mapping_of

OpenSource = Callable[[Sides], Source]
KEPT = ("api_url", "schema_id", "registry_id", "folder_id", "id_field", "name_field",
        "modified_since_parameter", "connector_settings", "other_templates")  # fmt: skip
"""What a draft keeps of the configuration beside the mapping; never the key."""


EDITABLE = (MappingDraft.State.OPEN, MappingDraft.State.WAITING)


class Outdated(Exception):
    """Someone else saved the draft in the meantime, or it is published or discarded."""


def drafts_of_this_app() -> QuerySet[MappingDraft]:
    """Return the drafts of this app in this tenant; others must not be written here."""
    return MappingDraft.objects.of_app()


# -- editing ----------------------------------------------------------------------------------


def save_edit(draft: MappingDraft, version: int, *, actor: str, **values: Any) -> None:
    """Save an edit of the version it was made on. Raise Outdated when there is a newer one.

    A preview of the former version ends: it would tell of rows that are no longer there.
    """
    same_version = MappingDraft.objects.filter(pk=draft.pk, version=version, state__in=EDITABLE)
    changed = same_version.update(
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


def why_unsaved(draft: MappingDraft) -> str:
    """Return in words why an edit of a draft was not saved."""
    if draft.state in EDITABLE:
        return "Someone else has just saved this draft."
    return f"This draft is {draft.state}. Start a new draft to change the mapping."


def take(draft: MappingDraft, field_ids: Sequence[str]) -> list[Json]:
    """Return the draft's rows with the suggestions for these fields taken over."""
    chosen = {s["field_id"]: s for s in draft.suggestions if s["field_id"] in field_ids}
    rows = [row for row in draft.rows if row["field_id"] not in chosen]
    return rows + [
        {"path": s["path"], "field_id": s["field_id"], "rule": s["rule"]} for s in chosen.values()
    ]


# -- what it means ------------------------------------------------------------------------------


def draft_schema(draft: MappingDraft) -> EntitySchema:
    """Return the Benchling schema that a draft was started from, as it was read then."""
    return parse_schema(draft.schema["schema"], draft.schema["dropdowns"])


def config_of(draft: MappingDraft) -> AppConfig:
    """Return the configuration as it would be with this draft published; the key is not in it."""
    kept = dict(draft.base["config"])
    if draft.name_field:
        kept["name_field"] = draft.name_field
    if draft.connector is not None:
        kept["connector_settings"] = _with_client(draft, draft.connector) or None
    rows = [
        ConfigRow(f"Row {number}", row["field_id"], row["path"])
        for number, row in enumerate(draft.rows, 1)
        if row["path"] and not is_part(row["field_id"])
    ]
    element, rules = draft.base.get("element", ""), rules_of(draft.rows)
    whole = {"api_key": "", "rows": tuple(rows), "mapping_rules": rules, "element": element}
    return AppConfig(**kept, **whole)


def _with_client(draft: MappingDraft, connector: Json) -> Json:
    """Add the section `client` that an additional sync inherits where it names none."""
    inherited = draft.base.get("client")
    return connector if inherited is None or "client" in connector else {
        **connector, "client": inherited,
    }  # fmt: skip


def own_connector(draft: MappingDraft) -> Json:
    """Return the draft's Connector Settings as they are written: without what is inherited."""
    connector = dict(draft.connector or {})
    if "client" in connector and connector["client"] == draft.base.get("client"):
        del connector["client"]
    return connector


def place_in(draft: MappingDraft, stored: items.Items) -> Place:
    """Return the draft's sync in the configuration. Raise ConfigError where it is gone."""
    return place_of(stored, draft.schema_id, draft.base.get("element", ""))


def changed_under(draft: MappingDraft, stored: items.Items) -> dict[items.Path, Any]:
    """Return the items of the draft's sync that changed since, with the values they had then."""
    place, before = place_in(draft, stored), draft.base["items"]
    both = {tuple(path): {"value": value} for path, value in before} | dict(stored)
    changed = items.changed_since(stored, before)
    return {path: then for path, then in changed.items() if place.concerns(path, both)}


def rules_of(rows: Sequence[Json]) -> Json:
    """Return `Mapping Rules` as these rows want them."""
    rules = {row["field_id"]: row["rule"] for row in without_parts(rows)}
    rules |= {
        row["field_id"]: rule_of_row(row["field_id"], row["path"], row["rule"])
        for row in rows
        if is_part(row["field_id"])
    }
    return {key: rule for key, rule in rules.items() if rule is not None}


def sides_of(draft: MappingDraft) -> Sides:
    """Return both sides of a draft. Raise ConfigError where Connector Settings are faulty."""
    _check_base(draft)
    config = config_of(draft)
    return Sides(config, connector_of(config), draft_schema(draft))


def compile_draft(draft: MappingDraft) -> Mapping:
    """Compile a draft as the sync would. Raise ConfigError with every fault."""
    _check_base(draft)
    config, schema = config_of(draft), draft_schema(draft)
    check_rows(draft.rows, schema)
    return mapping_of(config, connector_of(config, strict=True), schema)


def _check_base(draft: MappingDraft) -> None:
    """Raise ConfigError for Connector Settings in use that cannot be read and are not replaced."""
    if draft.connector is None and (text := base_faults(draft).get(CONNECTOR)):
        raise ConfigError(
            f"{text}.",
            remedy="Correct Connector Settings in this draft, or in the app's configuration in "
            "Benchling.",
            code="connector_settings",
        )


def base_faults(draft: MappingDraft) -> dict[str, str]:
    """Return what was wrong with the configuration when the draft read it, by item."""
    found: dict[str, list[str]] = {}
    for item, text in draft.base.get("faults", []):
        found.setdefault(item, []).append(text)
    return {item: "; ".join(texts) for item, texts in found.items()}


def check_rows(rows: Sequence[Json], schema: EntitySchema) -> None:
    """Check what only a table can get wrong. Raise ConfigError with every fault."""
    faults, seen = [], set()
    for number, row in enumerate(rows, 1):
        field = schema.field(row["field_id"])
        if not row["field_id"]:
            faults.append(f"Row {number} has no Benchling field")
        elif row["field_id"] in seen:
            name = field.name if field else row["field_id"]
            faults.append(f"Row {number}: another row already maps to “{name}”")
        elif is_part(row["field_id"]):
            if not row["path"] and row["rule"] is None:
                faults.append(f"Row {number} has no path")
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
    """Return everything that stands in a draft's way, in words; "" for nothing."""
    try:
        compile_draft(draft)
    except ConfigError as error:
        return error.message
    return ""


def lenient_connector(draft: MappingDraft) -> Connector:
    """Return how the registry is read, as far as the draft's Connector Settings can be read."""
    config = config_of(draft)
    return read_connector(
        config.connector_settings,
        api_url=config.api_url,
        modified_since_parameter=config.modified_since_parameter,
        id_field=config.id_field,
    )[0]


def examples(draft: MappingDraft) -> list[Example]:
    """Show for each row what becomes of the first record of the sample that has a value there."""
    schema, connector = draft_schema(draft), lenient_connector(draft)
    return [example(draft.sample, row, schema, connector) for row in draft.rows]


def name_suggestion(draft: MappingDraft) -> tuple[str, str]:
    """Suggest External Name Field for a draft, and say why."""
    if not draft.sample:
        return "", ""
    id_path = lenient_connector(draft).id_path
    return suggest_name(draft.sample, config_of(draft).name_field, id_path)


def name_fault(draft: MappingDraft) -> str:
    """Return what is wrong with External Name Field as it is written; "" for nothing."""
    try:
        compile_template(config_of(draft).name_field)
    except PathError as error:
        return str(error)
    return ""


def name_example(draft: MappingDraft) -> str:
    """Return the name that the draft gives the sample's first record; "" if there is none."""
    if not draft.sample or name_fault(draft):
        return ""
    value = compile_template(config_of(draft).name_field)(draft.sample[0])
    return "no name" if value in (ABSENT, None, "") else str(value)
