"""Accepted differences: a list for the registry's owner, and taking them back."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString

from registry_sync.admin.base import Reasoned
from registry_sync.admin.by_lane import ByLane, LaneChoice, lanes_fed_now
from registry_sync.admin.differences import start_write
from registry_sync.admin.filters import OpenFilter
from registry_sync.admin.links import record_link
from registry_sync.desk import csv_export as csvs
from registry_sync.desk import pins as shown
from registry_sync.desk.values import as_html
from registry_sync.ledger import pins
from registry_sync.models import Lane, Pin
from registry_sync.runs import schema_view

TAKE_BACK = (
    "A run reads these records from the registry and writes the registry's values to Benchling."
)


@admin.register(Pin)
class PinAdmin(ByLane, Reasoned):
    """Read-only, except that a pin can be taken back."""

    nothing = "No differences have been accepted."
    change_list_template = "admin/registry_sync/pin/change_list.html"
    list_display = (
        "record", "field", "value_in_benchling", "value_in_registry", "actor", "reason",
        "created_at", "closed_at", "ended",
    )  # fmt: skip
    list_display_links = ("field",)
    list_filter = (("closed_at", OpenFilter), "ended", "field", LaneChoice)
    search_fields = ("external_id", "entity_id")
    fields = (
        "lane", "record", "entity_id", "field", "value_in_benchling", "value_in_registry", "actor",
        "reason", "created_at", "closed_at", "ended", "closed_by", "closed_reason",
    )  # fmt: skip
    readonly_fields = ("record", "value_in_benchling", "value_in_registry")
    ordering = ("-pk",)
    actions = ("take_back",)

    @admin.display(description="record")
    def record(self, row: Pin) -> str:
        return record_link(row.external_id, row.lane_id)

    @admin.display(description="in Benchling")
    def value_in_benchling(self, row: Pin) -> SafeString:
        return as_html(row.theirs, row.field_id, schema_view(row.lane))

    @admin.display(description="in the registry")
    def value_in_registry(self, row: Pin) -> SafeString:
        return as_html(row.source, row.field_id, schema_view(row.lane))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Pin]:
        return super().get_queryset(request).prefetch_related("lane")

    def get_urls(self) -> list[URLPattern]:
        csv = path(
            "accepted.csv", self.admin_site.admin_view(self.csv), name="registry_sync_pin_csv"
        )
        return [csv, *super().get_urls()]

    def csv(self, request: HttpRequest) -> StreamingHttpResponse:
        """Return the accepted differences that stand as CSV, with `?all=1` also the ended ones."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = Pin.objects.select_related("lane").order_by("pk")
        rows = rows if request.GET.get("all") else rows.filter(closed_at=None)
        lines = csvs.csv_lines(shown.CSV_HEADER, shown.pin_rows(rows.iterator(2000)))
        answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = 'attachment; filename="accepted-differences.csv"'
        return answer

    def may(self, request: HttpRequest) -> bool:
        """Return whether the user may decide: whoever may set a lane's drift policy."""
        return request.user.has_perm("registry_sync.change_lane")

    def has_take_back_permission(self, request: HttpRequest) -> bool:
        return self.may(request) and request.user.has_perm("registry_sync.add_syncrun")

    @admin.action(description="Take back the selected acceptances…", permissions=["take_back"])
    def take_back(self, request: HttpRequest, rows: QuerySet[Pin]) -> HttpResponse | None:
        """Ask for a reason, end the pins, and start a run that writes the registry's values."""
        found = list(rows.filter(closed_at=None).select_related("lane"))
        lanes = lanes_fed_now(self, request, [pin.lane for pin in found])
        chosen = [pin for pin in found if pin.lane in lanes]
        if not chosen:
            return None
        reason = self.ask(
            request, chosen, action="take_back", title="Take back acceptances",
            explanation=TAKE_BACK,
            facts=[f"{pin}. {shown.sentence(pin, schema_view(pin.lane))}" for pin in chosen[:50]],
        )  # fmt: skip
        if isinstance(reason, HttpResponse):
            return reason
        by_lane: dict[Lane, list[Any]] = {}
        for pin in chosen:
            by_lane.setdefault(pin.lane, []).append(pin)
        for lane, of_lane in by_lane.items():
            ids = pins.take_back(of_lane, actor=request.user.get_username(), reason=reason)
            start_write(self, request, lane, ids, title="Take back acceptances", reason=reason)
        self.note(request, chosen, f"Acceptance taken back: {reason}")
        return None
