"""Settings that have no effect because another one takes precedence over them."""

from __future__ import annotations

from collections.abc import Sequence

from registry_sync.core.types import Json
from registry_sync.source.connector import SINCE
from registry_sync.source.settings_reader import SettingsReader

OVERRIDDEN = {
    "cursor_param": "cursor_body_path",
    "page_param": "page_body_path",
    "offset_param": "offset_body_path",
    "limit_param": "limit_body_path",
}
"""Settings of paginators, each by the one that takes precedence."""


def without(settings: Json, unused: Sequence[str], where: str) -> Json:
    """Return the settings at a path without those that have no effect."""
    kept = {}
    for name, value in settings.items():
        within = [clause for clause in unused if clause.startswith(f"{where}.{name}.")]
        left = without(value, within, f"{where}.{name}") if within else value
        if not (within and left == {}) and not any(
            clause.startswith(f"{where}.{name} ") for clause in unused
        ):
            kept[name] = left
    return kept


def note_unused(reader: SettingsReader, client: Json, endpoint: Json) -> None:
    """Note the settings that another one makes superfluous."""
    paginator = endpoint.get("paginator")
    if paginator is not None and client.get("paginator") is not None:
        reader.add_unused("client.paginator", "endpoint.paginator takes precedence")
    where = "client.paginator" if paginator is None else "endpoint.paginator"
    used = client.get("paginator") if paginator is None else paginator
    if isinstance(used, dict):
        _note_paginator(reader, used, where, f"{endpoint.get('params')}{endpoint.get('json')}")
    terms = endpoint.get("incremental")
    if isinstance(terms, dict):
        _note_incremental(reader, terms)


def _note_paginator(reader: SettingsReader, settings: Json, where: str, request_text: str) -> None:
    for name, other in OVERRIDDEN.items():
        if settings.get(name) is not None and settings.get(other):
            reader.add_unused(f"{where}.{name}", f"{other} takes precedence")
    guards = settings.get("guards")
    for name in guards if isinstance(guards, dict) else ():
        if settings.get(name) is not None:
            reader.add_unused(f"{where}.guards.{name}", f"{where}.{name} takes precedence")
    by_number = settings.get("type") == "page_number"
    if by_number and settings.get("total_path") and settings.get("total_pages_path"):
        reader.add_unused(f"{where}.total_path", "total_pages_path takes precedence")
    numbered = settings.get("type") == "page_number" and not settings.get("page_size_param")
    if numbered and settings.get("limit") is not None and "{limit}" not in request_text:
        reader.add_unused(f"{where}.limit", "nothing sends it; set page_size_param")


def _note_incremental(reader: SettingsReader, terms: Json) -> None:
    if terms.get("lag") is not None and terms.get("lookback_window") is not None:
        reader.add_unused("endpoint.incremental.lookback_window", "lag takes precedence")


def note_unsent(reader: SettingsReader, terms: object, sent: str) -> None:
    """Note the terms of an incremental read that only the start needs, where nothing sends it.

    `sent` is the text of what is sent.
    """
    if SINCE in sent or not isinstance(terms, dict) or terms.get("client_side"):
        return
    for name in ("lag", "lookback_window", "comparison", "granularity"):
        if terms.get(name) is not None:
            reader.add_unused(f"endpoint.incremental.{name}", f"nothing sends {SINCE}")
