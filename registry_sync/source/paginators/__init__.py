"""How the next page is found: each paginator turns a position into the values of a request, and
an answer into the next position.

To add a paginator, add a module with a class under `@register("its_name")`, and import the module
here.
"""

from __future__ import annotations

from dataclasses import replace

from registry_sync.core.setting import OBJECT, Setting, SettingType, settings_of
from registry_sync.source.answers.page_answer import PageAnswer
from registry_sync.source.paginators import (  # noqa: F401
    auto,
    cursor,
    links,
    offset,
    page_number,
    single_page,
)
from registry_sync.source.paginators.base import PAGINATORS, Paginator, Stuck
from registry_sync.source.settings_reader import SettingsReader, setting_names

__all__ = ["PAGINATORS", "PageAnswer", "Paginator", "Stuck", "read_paginator"]

WHERE, CLIENT = "endpoint.paginator", "client.paginator"
PLANNED = ("async_export", "range_header")
"""Types that are refused by name until they are built, and their settings."""
PLANNED_SETTINGS = ("create", "status_path", "status_mapping", "poll_seconds", "download")
GUARDS = {
    "stop_on_repeated_page": Setting(
        "Whether a page that comes again fails the read. Cannot be turned off.",
        SettingType("true", {"const": True}), True, True,
    ),
    "stable_order": Setting(
        "Whether an edit leaves each record where it is in the list. With false, each list is read "
        "until two readings bring the same records, three times at most.",
        SettingType(
            "true, false, `unknown`", {"enum": [True, False, "true", "false", "unknown"]}
        ), "unknown", True,
    ),
    "guards": Setting("Another place for `max_pages` and these settings.", OBJECT),
}  # fmt: skip
"""The settings of every type that describe the list rather than its pages."""

GUARDED = {"max_pages": settings_of(Paginator)["max_pages"], **GUARDS}
del GUARDED["guards"]


def read_paginator(reader: SettingsReader, raw: object, of_client: object = None) -> Paginator:
    """Return `endpoint.paginator`, or `client.paginator` where that is missing.

    Each is a type, or an object with a type and its settings.
    """
    where, raw = (CLIENT, of_client) if raw is None and of_client is not None else (WHERE, raw)
    raw = {"type": raw} if isinstance(raw, str) else raw
    names = ("type", *setting_names(PAGINATORS.values()), *GUARDS)
    settings = reader.section(raw, where, names, PLANNED_SETTINGS)
    guards = reader.section(settings.get("guards"), f"{where}.guards", tuple(GUARDED))
    settings = {**guards, **settings}
    if not any(settings.get("stop_on_repeated_page") is kept for kept in (None, True)):
        reader.add(f"{where}.stop_on_repeated_page cannot be turned off")
    stable = _stable_order(reader, settings.get("stable_order"), where)
    kind = reader.choice(
        settings, "type", where, of=tuple(PAGINATORS), default="auto", later=PLANNED
    )
    # Every type reads its settings, so that a wrong one is found whichever type is chosen.
    own = {name: value for name, value in settings.items() if name not in GUARDS}
    read = {name: reader.fields(each, own, where) for name, each in PAGINATORS.items()}
    paginator = PAGINATORS[kind](**read[kind])
    reader.check_required(paginator, where)
    used = ("type", *PAGINATORS[kind].settings(), *GUARDS, *PLANNED_SETTINGS)
    reader.check_used(settings, used, where, f"the type is {kind}")
    if fault := paginator.fault():
        reader.add(f"{where}.{fault}")
    return replace(paginator, stable_order=stable)


def _stable_order(reader: SettingsReader, raw: object, where: str) -> bool | None:
    """Return whether the list's order is stable; None where no one knows."""
    if raw is None or raw == "unknown":
        return None
    if isinstance(raw, bool):
        return raw
    if raw not in ("true", "false"):
        reader.add(f"{where}.stable_order must be true, false or unknown")
    return raw == "true"
