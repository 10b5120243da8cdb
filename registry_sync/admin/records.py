"""Records: what the ledger holds of each, and every value that was ever written."""

from __future__ import annotations

from django.contrib import admin

from ..models import Change, LedgerEntry, Retention
from .base import ReadOnly


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnly):
    list_display = ("external_id", "entity_registry_id", "name", "entity_id", "outcome")
    list_filter = ("outcome", "lane")
    search_fields = ("external_id", "name", "entity_id")


@admin.register(Change)
class ChangeAdmin(ReadOnly):
    list_display = ("at", "external_id", "field", "before", "after", "run", "actor", "trigger")
    list_filter = ("trigger", "lane")
    list_select_related = ("run",)
    search_fields = ("external_id", "entity_id")
    date_hierarchy = "at"


@admin.register(Retention)
class RetentionAdmin(ReadOnly):
    """What `manage.py audit --forget-before` deleted."""

    list_display = ("at", "before", "rows", "actor", "reason", "lane")
    list_select_related = ("lane",)
