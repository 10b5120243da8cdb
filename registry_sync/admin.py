"""The admin: runs, errors, ledger and changes to look at, and nothing to edit."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from . import adoption, app_status, doorbell, jobs
from .models import (
    Adoption,
    Allowance,
    Batch,
    Canvas,
    Change,
    Drift,
    EntityError,
    Installation,
    Lane,
    LedgerEntry,
    RunLog,
    SyncRun,
    WebhookDelivery,
    WebhookRefusal,
)


class OpenFilter(admin.SimpleListFilter):
    """Show open errors, and the others on demand."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("closed", "Closed"), ("dismissed", "Dismissed"), ("all", "All")]

    def choices(self, changelist):  # type: ignore[no-untyped-def]
        yield {
            "selected": self.value() is None,
            "query_string": changelist.get_query_string(remove=[self.parameter_name]),
            "display": "Open",
        }
        for value, title in self.lookup_choices:
            yield {
                "selected": self.value() == value,
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": title,
            }

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[EntityError]
    ) -> QuerySet[EntityError]:
        if self.value() == "closed":
            return queryset.filter(closed_at__isnull=False)
        if self.value() == "dismissed":
            return queryset.filter(closed_at__isnull=True, dismissed_at__isnull=False)
        if self.value() == "all":
            return queryset
        return queryset.filter(closed_at__isnull=True, dismissed_at__isnull=True)


class ReadOnly(admin.ModelAdmin):
    """History is looked at, never edited: by nobody, superusers included."""

    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


SIDES = "admin/registry_sync/adoption/sides.html"
COLOURS = {
    SyncRun.Status.SUCCEEDED: "#2e7d32",
    SyncRun.Status.COMPLETED_WITH_WARNINGS: "#b26a00",
    SyncRun.Status.FAILED: "#c62828",
    SyncRun.Status.CANCELLED: "#616161",
    SyncRun.Status.RUNNING: "#1565c0",
    SyncRun.Status.QUEUED: "#546e7a",
}


WHO = {
    EntityError.Kind.SOURCE: "the registry's owner",
    EntityError.Kind.MAPPING: "the integration owner",
    EntityError.Kind.BENCHLING: "a Benchling admin",
    EntityError.Kind.TRANSIENT: "nobody: it is tried again",
}


class LogInline(admin.TabularInline):
    """The log of a run, as it came."""

    model = RunLog
    fields = ("at", "level", "text")
    readonly_fields = fields
    extra = 0
    can_delete = False
    max_num = 0


@admin.register(SyncRun)
class SyncRunAdmin(ReadOnly):
    list_display = ("id", "pill", "kind", "trigger", "actor", "created_at", "counts", "watermark")
    list_filter = ("status", "kind", "trigger")
    list_select_related = ("lane",)
    date_hierarchy = "created_at"
    inlines = (LogInline,)
    actions = ("pause", "resume", "cancel")

    def has_control_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("registry_sync.change_syncrun")

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
        active, reason = list(runs.filter(status__in=SyncRun.ACTIVE)), request.POST.get("reason")
        if not active:
            self.message_user(request, "No selected run is active.", messages.WARNING)
            return None
        if request.POST.get("decided") and reason and reason.strip():
            for run in active:
                if do(run, actor=request.user.get_username(), reason=reason.strip()):
                    self.message_user(request, f"{title}: run {run.pk}.")
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "explanation": explanation,
            "rows": active,
            "action": action,
            "opts": self.opts,
            "back": reverse("admin:registry_sync_syncrun_changelist"),
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/registry_sync/reason.html", context)

    @admin.display(description="status", ordering="status")
    def pill(self, run: SyncRun) -> SafeString:
        return format_html(
            '<span style="background:{};color:#fff;padding:2px 8px;border-radius:9px">{}</span>',
            COLOURS[SyncRun.Status(run.status)],
            run.status.replace("_", " ").lower(),
        )

    @admin.display(description="counts")
    def counts(self, run: SyncRun) -> str:
        return run.error or app_status.counts_sentence(run)


@admin.register(EntityError)
class EntityErrorAdmin(ReadOnly):
    list_display = ("external_id", "message", "who_must_act", "code", "last_seen")
    list_filter = (OpenFilter, "kind", "code")
    search_fields = ("external_id", "message")
    date_hierarchy = "last_seen"

    @admin.display(description="who must act", ordering="kind")
    def who_must_act(self, error: EntityError) -> str:
        return WHO[EntityError.Kind(error.kind)]


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


@admin.register(Allowance)
class AllowanceAdmin(ReadOnly):
    """A person may add one, with a reason; what was allowed stays as it was said."""

    list_display = ("created_at", "what", "external_id", "actor", "reason", "used_by", "lane")
    list_select_related = ("lane", "used_by")
    fields = ("lane", "what", "external_id", "reason")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return admin.ModelAdmin.has_add_permission(self, request)

    def save_model(self, request: HttpRequest, obj: Allowance, form: object, change: bool) -> None:
        obj.actor = request.user.get_username()
        obj.save()


@admin.register(Drift)
class DriftAdmin(ReadOnly):
    list_display = ("external_id", "field", "ours", "theirs", "modified_at", "closed_at", "ended")
    list_filter = (("closed_at", admin.EmptyFieldListFilter), "ended", "field", "lane")
    search_fields = ("external_id", "entity_id")
    date_hierarchy = "found_at"


@admin.register(Adoption)
class AdoptionAdmin(ReadOnly):
    """Both sides of each entity that was in Benchling before; a person takes it over."""

    list_display = (
        "external_id", "how", "entity_registry_id", "name", "differs", "state", "note",
        "modified_at", "actor", "decided_at",
    )  # fmt: skip
    list_filter = ("state", "how", "lane")
    search_fields = ("external_id", "entity_registry_id", "name", "entity_id")
    fields = (
        "external_id", "how", "entity_registry_id", "entity_id", "name", "schema_name", "sides",
        "modified_at", "found_at", "state", "note", "actor", "reason", "decided_at", "run",
    )  # fmt: skip
    readonly_fields = ("sides",)
    actions = ("take_over",)

    @admin.display(description="values that differ")
    def differs(self, row: Adoption) -> int:
        return len(row.differences)

    @admin.display(description="both sides")
    def sides(self, row: Adoption) -> str:
        return render_to_string(SIDES, {"adoption": row})

    def has_take_over_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("registry_sync.change_adoption")

    @admin.action(description="Take over the selected entities", permissions=["take_over"])
    def take_over(self, request: HttpRequest, rows: QuerySet[Adoption]) -> HttpResponse | None:
        """Show both sides, ask for a reason, and let the next run do it."""
        chosen = list(rows.filter(state=Adoption.State.OPEN, how__in=Adoption.ADOPTABLE))
        twice, reason = adoption.chosen_twice(chosen), request.POST.get("reason", "").strip()
        if request.POST.get("decided") and reason and chosen and not twice:
            who = request.user.get_username()
            count = adoption.approve(chosen, actor=who, reason=reason)
            self.message_user(request, f"{count:,} entities are taken over by the next run.")
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": "Take over entities",
            "rows": chosen,
            "left_out": rows.count() - len(chosen),
            "twice": twice,
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/registry_sync/adoption/decide.html", context)


@admin.register(Lane)
class LaneAdmin(ReadOnly):
    """Read-only save for what a full run does about drift."""

    list_display = (
        "schema_name", "collection", "tenant", "registry_id", "drift_policy", "created_at",
    )  # fmt: skip
    fields = (
        "schema_name", "collection", "tenant", "app_id", "registry_id", "schema_id",
        "drift_policy", "field_keys", "kept", "cleared", "rebuilt_at", "looked_at", "created_at",
    )  # fmt: skip
    readonly_fields = tuple(name for name in fields if name != "drift_policy")

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return admin.ModelAdmin.has_change_permission(self, request, obj)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnly):
    list_display = ("received_at", "type", "state", "attempts", "error", "done_at")
    list_filter = ("state", "type")
    search_fields = ("webhook_id",)
    date_hierarchy = "received_at"
    actions = ("again",)

    def has_again_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("registry_sync.change_webhookdelivery")

    @admin.action(description="Process the selected deliveries again", permissions=["again"])
    def again(self, request: HttpRequest, rows: QuerySet[WebhookDelivery]) -> None:
        """Hand failed ones to a worker once more; others are left as they are."""
        failed = list(rows.filter(state=WebhookDelivery.State.FAILED))
        for row in failed:
            row.state, row.error, row.attempts = WebhookDelivery.State.RECEIVED, "", 0
            row.save(update_fields=["state", "error", "attempts"])
        doorbell.ring(failed)
        self.message_user(request, f"{len(failed)} deliveries are processed again.")


@admin.register(WebhookRefusal)
class WebhookRefusalAdmin(ReadOnly):
    list_display = ("day", "reason", "count")
    list_filter = ("reason",)


@admin.register(Canvas)
class CanvasAdmin(ReadOnly):
    list_display = ("canvas_id", "resource_id", "run", "drawn_status", "drawn_at", "used_at")


@admin.register(Installation)
class InstallationAdmin(ReadOnly):
    list_display = ("app_id", "tenant", "deactivated_at", "config_fault", "config_checked_at")


@admin.register(Batch)
class BatchAdmin(ReadOnly):
    list_display = ("run", "number", "size", "task_id", "calls", "sent_at", "done_at")
    fields = list_display
