"""Who did something: a link to everything that they did, and the filter that it sets."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from registry_sync.models import SyncRun


class ActorFilter(admin.SimpleListFilter):
    """The rows of one user. Other pages link here; it offers no list of all users."""

    title, parameter_name = "user", "actor"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(self.value()), str(self.value()))] if self.value() else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(actor=self.value()) if self.value() else queryset


def actor_link(model: type[Model], actor: str) -> SafeString | str:
    """Return a user's name as a link to the rows of a table that are theirs."""
    if not actor:
        return "–"
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return format_html('<a href="{}?{}">{}</a>', address, urlencode({"actor": actor}), actor)


def started_by_linked(row: Any) -> SafeString | str:
    """Return what started the run of a row, and who, linked to the runs that they started."""
    if not row.actor:
        return str(row.trigger)
    return format_html("{}, {}", row.trigger, actor_link(SyncRun, row.actor))
