"""Every value that was ever written to Benchling."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from registry_sync.admin.base import ReadOnly
from registry_sync.admin.links import record_link
from registry_sync.models import Change, Lane, Retention


@admin.register(Change)
class ChangeAdmin(ReadOnly):
    nothing = "Nothing was written to Benchling yet."
    list_display = ("at", "record", "field", "before", "after", "run", "actor", "trigger")
    list_filter = ("trigger", "lane")
    list_select_related = ("run", "lane")
    search_fields = ("external_id",)
    show_facets = admin.ShowFacets.NEVER
    ordering = ("-id",)
    sortable_by = ()

    @admin.display(description="record")
    def record(self, change: Change) -> str:
        return record_link(change.external_id, change.lane_id)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Change], search_term: str
    ) -> tuple[QuerySet[Change], bool]:
        asked = search_term.strip()
        if not asked:
            return queryset, False
        lanes = list(Lane.objects.values_list("pk", flat=True))  # the index begins with the lane
        return queryset.filter(lane__in=lanes, external_id=asked), False


@admin.register(Retention)
class RetentionAdmin(ReadOnly):
    """What `manage.py audit --forget-before` deleted."""

    nothing = "Nothing was ever deleted."
    list_display = ("at", "before", "rows", "actor", "reason", "lane")
    list_select_related = ("lane",)
