"""Every value that has been written to Benchling."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from registry_sync.admin.actors import started_by_linked
from registry_sync.admin.base import ReadOnly
from registry_sync.admin.by_lane import ByLane, LaneChoice
from registry_sync.admin.filters import Chosen
from registry_sync.admin.links import record_link
from registry_sync.core.types import Json
from registry_sync.desk.change_lines import LINES, with_values
from registry_sync.desk.values import as_html, as_text
from registry_sync.ledger import audit, chain_check, retention
from registry_sync.models import ChainHead, Change, Lane, Retention, SyncRun
from registry_sync.runs import schema_view


class LinesFilter(Chosen):
    """A created record as one line, or every value that was written."""

    title, parameter_name = "created records", "values"
    standard = narrowed = "lines"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("lines", "As one line each"), ("all", "Every value")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset if self.chosen() == "all" else queryset.filter(LINES)


class TriggerFilter(admin.SimpleListFilter):
    """The triggers that there are; the values of the table would be read from every row."""

    title = parameter_name = "trigger"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return list(SyncRun.Trigger.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(trigger=self.value()) if self.value() else queryset


@admin.register(Change)
class ChangeAdmin(ByLane):
    nothing = "Nothing has been written to Benchling yet."
    list_display = ("at", "record", "what", "run", "asked")
    list_filter = (LinesFilter, TriggerFilter, LaneChoice)
    fields = (
        "at", "lane", "run", "record", "entity_id", "field", "value_before", "value_after",
        "value_in_registry", "created", "actor", "trigger", "fingerprint", "service_version",
        "source_modified_at", "digest",
    )  # fmt: skip
    readonly_fields = ("record", "value_before", "value_after", "value_in_registry")
    list_select_related = ("run",)
    search_fields = ("external_id",)
    show_facets = admin.ShowFacets.NEVER
    ordering = ("-id",)
    sortable_by = ()

    @admin.display(description="record")
    def record(self, change: Change) -> str:
        return record_link(change.external_id, change.lane_id)

    @admin.display(description="what changed")
    def what(self, change: Change) -> SafeString:
        shown = {"change": change, "schema": schema_view(change.lane)}
        return mark_safe(render_to_string("admin/registry_sync/change_line.html", shown))

    @admin.display(description="started by")
    def asked(self, change: Change) -> str:
        return started_by_linked(change)

    def changelist_view(
        self, request: HttpRequest, extra_context: Json | None = None
    ) -> HttpResponse:
        """Show created records with what they were created with."""
        response = super().changelist_view(request, extra_context)
        changelist = getattr(response, "context_data", {}).get("cl")
        if changelist is not None and request.GET.get("values") != "all":
            with_values(changelist.result_list)
        return response

    @admin.display(description="before")
    def value_before(self, change: Change) -> SafeString:
        return as_html(change.before, change.field_id, schema_view(change.lane))

    @admin.display(description="after")
    def value_after(self, change: Change) -> SafeString:
        return as_html(change.after, change.field_id, schema_view(change.lane))

    @admin.display(description="in the registry")
    def value_in_registry(self, change: Change) -> str:
        source = audit.value_origin(change, change.run).source
        return as_text(source[0]) if source else "not from the record"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Change]:
        return super().get_queryset(request).prefetch_related("lane")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Change], search_term: str
    ) -> tuple[QuerySet[Change], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        lanes = list(Lane.objects.values_list("pk", flat=True))  # the index begins with the lane
        return queryset.filter(lane__in=lanes, external_id=term), False


@admin.register(ChainHead)
class ChainHeadAdmin(ReadOnly):
    """What the chain of each lane proves, without its single changes."""

    nothing = "Nothing has been written to Benchling yet."
    list_display = ("lane", "verdict", "rows", "links", "notes")
    list_display_links = ("verdict",)
    fields = ("lane", "verdict", "notes", "rows", "links", "digest", "migrated_at", "signature")
    readonly_fields = ("verdict", "notes")
    list_select_related = ("lane",)

    @admin.display(description="chain")
    def verdict(self, head: ChainHead) -> str:
        broken = chain_check.verify_chain(head.lane, every_row=False).broken
        return broken or "Intact. Single changes are verified by manage.py audit --verify."

    @admin.display(description="notes")
    def notes(self, head: ChainHead) -> str:
        return " ".join(chain_check.verify_chain(head.lane, every_row=False).notes) or "–"


@admin.register(Retention)
class RetentionAdmin(ReadOnly):
    """What `manage.py audit --forget-before` deleted."""

    nothing = "No changes have been deleted."
    list_display = ("at", "before", "rows", "actor", "reason", "lane", "recorded")
    list_select_related = ("lane",)

    @admin.display(description="recorded")
    def recorded(self, row: Retention) -> str:
        fault = next(iter(retention.faults_of(row)), "") or retention.log_fault(row)
        return fault or "In the chain and in the admin's log."
