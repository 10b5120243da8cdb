"""Webhooks, canvases and the app's installation."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from registry_sync.admin.base import ReadOnly, row_link
from registry_sync.desk import run_display as looks
from registry_sync.models import Canvas, Installation, WebhookDelivery, WebhookRefusal
from registry_sync.webhooks.enqueue import enqueue_deliveries


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnly):
    nothing = "No webhooks received yet. manage.py doctor checks whether they can arrive."
    list_display = ("received_at", "type", "state", "attempts", "error", "done_at")
    list_filter = ("state", "type")
    search_fields = ("webhook_id",)
    date_hierarchy = "received_at"
    actions = ("again",)

    def has_again_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("registry_sync.change_webhookdelivery")

    @admin.action(description="Process the selected deliveries again", permissions=["again"])
    def again(self, request: HttpRequest, rows: QuerySet[WebhookDelivery]) -> None:
        """Enqueue failed deliveries again. Others stay as they are."""
        failed = list(rows.filter(state=WebhookDelivery.State.FAILED))
        for row in failed:
            row.state, row.error, row.attempts = WebhookDelivery.State.RECEIVED, "", 0
            row.save(update_fields=["state", "error", "attempts"])
        enqueue_deliveries(failed)
        count = len(failed)
        counted = f"{count:,} {'delivery is' if count == 1 else 'deliveries are'}"
        self.message_user(request, f"{counted} being processed again.")


@admin.register(WebhookRefusal)
class WebhookRefusalAdmin(ReadOnly):
    nothing = "No delivery has been refused."
    list_display = ("day", "reason", "count")
    list_filter = ("reason",)


@admin.register(Canvas)
class CanvasAdmin(ReadOnly):
    nothing = "No canvases yet. A scientist must add the app's canvas to an entry."
    list_display = (
        "canvas_id", "resource_id", "for_run", "drawn", "drawn_at", "used_at", "refusal",
    )  # fmt: skip
    list_select_related = ("run",)
    exclude = ("drawn_status",)
    readonly_fields = ("drawn",)

    @admin.display(description="run", ordering="run")
    def for_run(self, canvas: Canvas) -> str:
        run = canvas.run
        if run is None:
            return "–"
        about = f"({run.kind}, {looks.status_words(run)})"
        return format_html("{} {}", row_link(run), about)

    @admin.display(description="drawn status", ordering="drawn_status")
    def drawn(self, canvas: Canvas) -> str:
        status = canvas.drawn_status
        return looks.status_in_words(status) if status else "–"


@admin.register(Installation)
class InstallationAdmin(ReadOnly):
    nothing = "No installation has been reported by a webhook yet."
    list_display = ("app_id", "tenant", "deactivated_at", "config_fault", "config_checked_at")
