"""Sync runs: what each did, how it stands, and what a person may do about it."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from .. import app_status, jobs
from ..models import Batch, RunLog, SyncRun
from .base import ReadOnly, Reasoned

PILLS = {
    SyncRun.Status.SUCCEEDED: "good",
    SyncRun.Status.COMPLETED_WITH_WARNINGS: "warning",
    SyncRun.Status.FAILED: "bad",
    SyncRun.Status.CANCELLED: "quiet",
    SyncRun.Status.RUNNING: "active",
    SyncRun.Status.QUEUED: "active",
}
"""How each status looks; desk.css has the colours, light and dark."""


class LogInline(admin.TabularInline):
    """The log of a run, as it came."""

    model = RunLog
    fields = ("at", "level", "text")
    readonly_fields = fields
    extra = 0
    can_delete = False
    max_num = 0


@admin.register(SyncRun)
class SyncRunAdmin(Reasoned):
    list_display = ("id", "pill", "kind", "trigger", "actor", "created_at", "counts", "watermark")
    list_filter = ("status", "kind", "trigger")
    list_select_related = ("lane",)
    date_hierarchy = "created_at"
    inlines = (LogInline,)
    actions = ("pause", "resume", "cancel")

    def has_control_permission(self, request: HttpRequest) -> bool:
        return self.may(request)

    @admin.action(description="Pause the selected run", permissions=["control"])
    def pause(self, request: HttpRequest, runs: QuerySet[SyncRun]) -> HttpResponse | None:
        return self._control(
            request, runs, jobs.pause, "pause", "Pause",
            "It stops after the batch on its way and keeps its place. No other run starts until "
            "it is resumed or cancelled.",
        )  # fmt: skip

    @admin.action(description="Cancel the selected run", permissions=["control"])
    def cancel(self, request: HttpRequest, runs: QuerySet[SyncRun]) -> HttpResponse | None:
        return self._control(
            request, runs, jobs.cancel, "cancel", "Cancel the run",
            "It ends at once. What was written stays; the next run starts from where the last "
            "good one ended.",
        )  # fmt: skip

    @admin.action(description="Resume the selected run", permissions=["control"])
    def resume(self, request: HttpRequest, runs: QuerySet[SyncRun]) -> None:
        for run in runs.filter(status__in=SyncRun.ACTIVE, paused_at__isnull=False):
            told = jobs.resume(run)
            who = "a worker" if told else "the next sync_registry"
            self.message_user(request, f"Run {run.pk} goes on where it was: {who} takes it up.")

    def _control(
        self,
        request: HttpRequest,
        runs: QuerySet[SyncRun],
        do: Callable[..., bool],
        action: str,
        title: str,
        explanation: str,
    ) -> HttpResponse | None:
        """Ask for a reason first, then pause or cancel the active ones of these runs."""
        active = list(runs.filter(status__in=SyncRun.ACTIVE))
        if not active:
            self.message_user(request, "No selected run is active.", messages.WARNING)
            return None
        reason = self.ask(request, active, action=action, title=title, explanation=explanation)
        if isinstance(reason, HttpResponse):
            return reason
        for run in active:
            if do(run, actor=request.user.get_username(), reason=reason):
                self.note(request, [run], f"{title}: {reason}")
                self.message_user(request, f"{title}: run {run.pk}.")
        return None

    @admin.display(description="status", ordering="status")
    def pill(self, run: SyncRun) -> SafeString:
        return format_html(
            '<span class="pill {}">{}</span>',
            PILLS[SyncRun.Status(run.status)],
            run.status.replace("_", " ").lower(),
        )

    @admin.display(description="counts")
    def counts(self, run: SyncRun) -> str:
        return run.error or app_status.counts_sentence(run)


@admin.register(Batch)
class BatchAdmin(ReadOnly):
    list_display = ("run", "number", "size", "task_id", "calls", "sent_at", "done_at")
    fields = list_display
