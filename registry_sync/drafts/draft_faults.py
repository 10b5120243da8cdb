"""What stands in a draft's way, each fault where its value is typed."""

from __future__ import annotations

import json
from dataclasses import replace

from registry_sync.benchling.config_items import CONNECTOR, RULES
from registry_sync.benchling.syncs import ROWS, path_of
from registry_sync.core.problems import ConfigError
from registry_sync.core.types import Json
from registry_sync.drafts.draft import base_faults, config_of
from registry_sync.models import MappingDraft
from registry_sync.sync.setup import connector_of


def of_configuration(draft: MappingDraft) -> list[str]:
    """Return in sentences what was wrong with the app's configuration when the draft read it."""
    sentences = []
    for item, text in base_faults(draft).items():
        if item in (ROWS, RULES):
            if draft.base["rows"] or not text.startswith(f"{ROWS} has no rows"):
                sentences.append(
                    f"Left out of this draft, because it is faulty in Benchling: {text}."
                )
        elif item != CONNECTOR:
            sentences.append(f"In the app's configuration in Benchling: {text}.")
    if sample := draft.base.get("sample_fault"):
        unread = CONNECTOR in base_faults(draft) and draft.connector is None
        why = "Connector Settings cannot be read; see below." if unread else sample
        sentences.append(f"There is no sample. {why}")
    if strays := draft.base.get("strays"):
        sentences.append(
            f"The registry's list contains {strays} of its first entries that are no records. "
            "Each is refused. The registry's owner removes them."
        )
    return sentences


def of_connector(draft: MappingDraft) -> str:
    """Return what is wrong with a draft's Connector Settings, or its base's; "" for nothing."""
    if draft.connector is None and (text := base_faults(draft).get(CONNECTOR)):
        return f"{text}."
    return in_connector(draft, config_of(draft).connector_settings or {})


def in_connector(draft: MappingDraft, connector: Json) -> str:
    """Return everything that is wrong with Connector Settings for a draft; "" for nothing.

    Secrets and settings without effect are refused.
    """
    try:
        config = replace(config_of(draft), connector_settings=connector or None)
        connector_of(config, strict=True)
    except ConfigError as error:
        return error.message
    return ""


def shown_connector(draft: MappingDraft) -> str:
    """Return Connector Settings to read and edit: the draft's, or faulty ones of the base.

    "" where those in use are good and the draft does not change them.
    """
    if draft.connector is not None:
        return json.dumps(draft.connector, indent=2, ensure_ascii=False)
    if not of_connector(draft):
        return ""
    settings = config_of(draft).connector_settings
    if settings is not None:
        return json.dumps(settings, indent=2, ensure_ascii=False)
    stored = {tuple(path): value for path, value in draft.base.get("items", [])}
    return str(stored.get(path_of(draft.base.get("element", ""), CONNECTOR)) or "")
