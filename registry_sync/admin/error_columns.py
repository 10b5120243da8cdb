"""The columns of the errors' list: for each cause those that say most, each thing a link."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.urls import reverse
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from registry_sync.admin.links import record_link, record_url, search_url, steps_url
from registry_sync.desk import error_waits as waiting
from registry_sync.desk.cures.assign import name_of
from registry_sync.desk.times import time_html
from registry_sync.desk.worklist.causes import FOR_OTHERS
from registry_sync.models import EntityError
from registry_sync.reporting.catalogue import ACTORS, record_actor_key, record_cause

EVERY = ("record", "problem", "who_must_act", "assigned_user", "since")
OF_CAUSE = {"name_taken": ("record", "wants", "holds", "assigned_user", "since")}
"""Where all rows have one cause, what differs between them."""


def columns_of(code: str) -> tuple[str, ...]:
    """Return the columns of a list with one cause, or with all ("")."""
    return OF_CAUSE.get(code, EVERY)


def with_waits(errors: Sequence[EntityError]) -> None:
    """Give errors what they wait for, as `waits_text`, and who holds their name, as `holders`."""
    holders = waiting.name_holders_of(errors)
    texts = waiting.waits_of(errors, holders)
    for error in errors:
        error.waits_text = texts[error.pk]  # type: ignore[attr-defined]
        error.holders = holders[error.pk]  # type: ignore[attr-defined]


class ErrorColumns:
    """What a row of the list says."""

    @admin.display(description="record")
    def record(self, error: EntityError) -> SafeString:
        """Return a link to the record, and its way step by step."""
        record, steps = (f(error.external_id, error.lane_id) for f in (record_link, steps_url))
        return format_html('{} <a class="desk-quiet" href="{}">step by step</a>', record, steps)

    @admin.display(description="who must act")
    def who_must_act(self, error: EntityError) -> SafeString | str:
        """Return the role; one without a desk comes with a link to the list to send."""
        key = record_actor_key(error.code, error.kind, error.assigned)
        label = ACTORS[key].label
        if key not in FOR_OTHERS or not _is_open(error):
            return label
        query = urlencode({"who": key, "lane": error.lane_id})
        address = reverse("admin:registry_sync_entityerror_copy")
        return format_html('<a href="{}?{}">{}</a>', address, query, label)

    @admin.display(description="assigned to")
    def assigned_user(self, error: EntityError) -> str:
        """Return the user who takes care of it."""
        return name_of(error.assigned_to) if error.assigned_to else "–"

    @admin.display(description="problem, and what it waits for")
    def problem(self, error: EntityError) -> SafeString:
        """Return the cause as a link to the error, and what it waits for or what was refused."""
        cause = _error_link(error, record_cause(error.code).title)
        return format_html("{}<br>{}", cause, _detail(error, getattr(error, "waits_text", "")))

    @admin.display(description="name it wants")
    def wants(self, error: EntityError) -> SafeString:
        """Return the name that the record wants as a link to the error."""
        return _error_link(error, error.value or error.waits_key)

    @admin.display(description="who holds the name")
    def holds(self, error: EntityError) -> SafeString | str:
        """Return a link to the record that has the name."""
        found = getattr(error, "holders", [])
        if not found:
            return getattr(error, "waits_text", "") if error.closed_at else "no one now"
        holder = found[0]
        kind = {"alias": " (an alias)", "id": " (its registry id)"}.get(holder.kind, "")
        if not holder.external_id:
            return f"{holder.entity_registry_id}{kind}, not created by this app"
        return format_html("{}{}", record_link(holder.external_id, error.lane_id), kind)

    @admin.display(description="since")
    def since(self, error: EntityError) -> SafeString:
        """Return since when the error is open, and how often it was seen."""
        times = "" if error.times_seen == 1 else f" ({error.times_seen:,} times)"
        return format_html(
            '{}<span class="desk-quiet">{}</span>', time_html(error.first_seen), times
        )


def _is_open(error: EntityError) -> bool:
    return error.closed_at is None and error.dismissed_at is None


def _error_link(error: EntityError, text: Any) -> SafeString:
    address = reverse("admin:registry_sync_entityerror_change", args=[error.pk])
    return format_html('<a href="{}">{}</a>', address, text)


def _detail(error: EntityError, waits: str) -> SafeString:
    """Return what an error waits for where that says more than its message, else the message."""
    if error.closed_by_run_id is not None:
        address = reverse("admin:registry_sync_syncrun_change", args=[error.closed_by_run_id])
        return format_html('<a href="{}">{}</a>', address, waits)
    if error.dismissed_at is not None:
        return conditional_escape(f"{waits}. {error.message}")
    if error.waits_key and error.waits_for in ("name", "link", "option"):
        return _linked(error, waits)
    return conditional_escape(error.message)


def _linked(error: EntityError, sentence: str) -> SafeString:
    """Return what an error waits for, with the record that it names as a link."""
    holders = getattr(error, "holders", [])
    if error.waits_for == "link":
        name, address = error.waits_key, search_url(error.waits_key)
    elif holders and holders[0].external_id:
        name = holders[0].entity_registry_id
        address = record_url(holders[0].external_id, error.lane_id)
    else:
        return conditional_escape(sentence)
    link = format_html('<a href="{}">{}</a>', address, name)
    whole = re.sub(rf"\b{re.escape(name)}\b(?!.*\b{re.escape(name)}\b)", "\0", sentence)
    before, found, after = whole.partition("\0")
    text = format_html("{}{}{}", before, link, after) if found else conditional_escape(sentence)
    return format_html('<span title="{}">{}</span>', sentence, mark_safe(text))
