"""Comparisons of both sides, what is not equal, and the decisions about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from registry_sync.admin.by_lane import ByLane, LaneChoice
from registry_sync.admin.differences import DecidesDifferences, Found
from registry_sync.admin.filters import Decided
from registry_sync.admin.links import record_link
from registry_sync.desk import csv_export as csvs
from registry_sync.desk import lanes
from registry_sync.desk import reconciliations as shown
from registry_sync.ledger.pins import all_compared_differences
from registry_sync.models import ReconciledRecord, Reconciliation
from registry_sync.runs import schema_view
from registry_sync.runs.workers import read_queues
from registry_sync.sync.reconcile import record as reconciling
from registry_sync.sync.reconcile.comparison_queue import enqueue_comparison

NO_WORKER = (
    "No worker is listening, so nothing was started. The operator runs manage.py reconcile; its "
    "result is shown here."
)


@admin.register(Reconciliation)
class ReconciliationAdmin(ByLane):
    """Users who may start a run can start a comparison. The rest is read-only."""

    nothing = "No comparison yet. Use the button above or manage.py reconcile."
    change_list_template = "admin/registry_sync/reconciliation/change_list.html"
    list_display = ("started_at", "result", "not_equal", "csv_link", "actor")
    list_filter = (LaneChoice,)
    fields = (
        "lane", "started_at", "finished_at", "actor", "outcome", "not_equal", "csv_link",
        "active_run_id", "service_version", "fingerprint",
    )  # fmt: skip
    readonly_fields = ("outcome", "not_equal", "csv_link")
    sortable_by = ()

    @admin.display(description="result")
    def result(self, row: Reconciliation) -> str:
        if row.finished_at is None:
            return "not finished"
        if row.trouble:
            return row.trouble
        return f"{shown.comparison_verdict(row)}: {shown.comparison_summary(row)}"

    @admin.display(description="result")
    def outcome(self, row: Reconciliation) -> SafeString | str:
        if row.finished_at is None or row.trouble:
            return self.result(row)
        lines = [f"{count:,} {word}" for word, count in shown.labelled_counts(row)] + row.doubts
        return format_html_join("", "<div>{}</div>", ((line,) for line in lines))

    @admin.display(description="records that are not equal")
    def not_equal(self, row: Reconciliation) -> SafeString | str:
        if not row.records.exists():
            return "–"
        url = reverse("admin:registry_sync_reconciledrecord_changelist")
        return format_html('<a href="{}?reconciliation={}">Show and decide</a>', url, row.pk)

    @admin.display(description="CSV")
    def csv_link(self, row: Reconciliation) -> SafeString | str:
        if not row.records.exists():
            return "–"
        url = reverse("admin:registry_sync_reconciliation_csv", args=[row.pk])
        return format_html('<a href="{}">Differences (CSV)</a>', url)

    def may(self, request: HttpRequest) -> bool:
        """Return whether the user may start a comparison."""
        return request.user.has_perm("registry_sync.add_syncrun")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        more = {
            "may_run": self.may(request), "title": "Comparisons",
            "lanes": lanes.lanes_and_names(request), **(extra_context or {}),
        }  # fmt: skip
        return super().changelist_view(request, more)

    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        own = [
            path("run/", guarded(require_POST(self.run)), name="registry_sync_reconciliation_run"),
            path("<int:pk>/differences.csv", guarded(self.csv),
                 name="registry_sync_reconciliation_csv"),
        ]  # fmt: skip
        return [*own, *super().get_urls()]

    def run(self, request: HttpRequest) -> HttpResponse:
        """Have a worker compare both sides of a lane."""
        if not self.may(request):
            raise PermissionDenied
        back = redirect("admin:registry_sync_reconciliation_changelist")
        lane = lanes.find_lane(request.POST.get("lane", ""))
        if lane is None or not (settings.REDIS_URL and read_queues().listening):
            message = NO_WORKER if lane is not None else "Nothing has been synced yet."
            self.message_user(request, message, messages.WARNING)
            return back
        row = reconciling.begin_comparison(lane, actor=request.user.get_username(), by_worker=True)
        if not enqueue_comparison(row):
            row.delete()
            self.message_user(request, NO_WORKER, messages.WARNING)
            return back
        self.log_addition(request, row, "Started a comparison of both sides.")
        self.message_user(request, "A worker compares both sides. Reload this page later.")
        return back

    def csv(self, request: HttpRequest, pk: int) -> StreamingHttpResponse:
        """Return what is not equal as CSV."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = get_object_or_404(Reconciliation.objects.select_related("lane"), pk=pk)
        lines = csvs.csv_lines(shown.CSV_HEADER, shown.mismatch_rows(row))
        answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="comparison-{pk}.csv"'
        return answer


@admin.register(ReconciledRecord)
class ReconciledRecordAdmin(DecidesDifferences, ByLane):
    """What a lane's last comparison found, to restore or accept."""

    nothing = "Both sides were equal, or no comparison was made."
    list_display = ("record", "state", "what", "entity_registry_id", "modified_at", "decided")
    list_display_links = None
    list_filter = ("state", LaneChoice, ("decided", Decided))
    search_fields = ("external_id", "registry_id", "name")
    list_select_related = ("lane",)
    fields = ("record", "state", "what", "registry_id", "entity_id", "name", "decided")
    readonly_fields = ("record", "what")
    sortable_by = ()

    @admin.display(description="record")
    def record(self, row: ReconciledRecord) -> str:
        if not row.external_id:
            return row.name
        return record_link(row.external_id, row.lane_id)

    @admin.display(description="differences")
    def what(self, row: ReconciledRecord) -> SafeString:
        lines = shown.mismatch_lines(row, schema_view(row.lane))
        return format_html_join("", "<div>{}</div>", ((line,) for line in lines))

    @admin.display(description="registry id")
    def entity_registry_id(self, row: ReconciledRecord) -> str:
        return row.registry_id or "–"

    def differences(self, rows: Sequence[ReconciledRecord]) -> Found:
        """Return what each record still differs in."""
        return all_compared_differences(rows)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Allow the link from a comparison to its records."""
        return lookup == "reconciliation" or super().lookup_allowed(lookup, value, request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReconciledRecord]:
        return super().get_queryset(request).select_related("lane", "reconciliation")
