"""Connector Settings that a draft holds beside its mapping."""

from __future__ import annotations

from dataclasses import replace

from registry_sync.core.problems import ConfigError
from registry_sync.core.types import Json
from registry_sync.drafts.draft import config_of
from registry_sync.models import MappingDraft
from registry_sync.sync.setup import connector_of


def connector_fault(draft: MappingDraft, connector: Json) -> str:
    """Return everything that is wrong with Connector Settings for a draft; "" for nothing.

    Secrets and settings without effect are refused.
    """
    try:
        config = replace(config_of(draft), connector_settings=connector or None)
        connector_of(config, strict=True)
    except ConfigError as error:
        return error.message
    return ""
