"""Preview and publication of mapping drafts, and the versions that were published."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from registry_sync import runs
from registry_sync.admin.base import ReadOnly, Reasoned
from registry_sync.admin.by_lane import SchemaChoice, with_schema_column
from registry_sync.admin.start_run import page_of, start_run
from registry_sync.benchling.client import Client
from registry_sync.benchling.errors import Refused
from registry_sync.core.problems import SyncError
from registry_sync.core.text import as_key
from registry_sync.core.types import Json
from registry_sync.desk.failure_text import failure_text
from registry_sync.drafts import draft as drafts
from registry_sync.drafts import preview, publish, publish_effect, starting, versions
from registry_sync.drafts.preview_counts import vanished
from registry_sync.drafts.preview_notes import refused_records
from registry_sync.drafts.preview_queue import AT_WORK, enqueue_preview
from registry_sync.models import MappingDraft, MappingVersion, SyncRun
from registry_sync.reporting.catalogue import record_cause
from registry_sync.sync.clients import client_of_settings, plain_source
from registry_sync.sync.plans.proposals import Person

PUBLISH = "registry_sync.publish_mappingdraft"
NAMED = 500
"""Refused records that a preview's page lists."""
NEXT_RUN = "If the mapping has changed, the next run reads the whole registry."
NEXT_RUNS = {
    "publish_and_dry_run": (SyncRun.Kind.DRY_RUN, "Dry run of"),
    "publish_and_sync": (SyncRun.Kind.INCREMENTAL, "Sync with"),
}
"""What can follow a publication at once: the run, and how its title in the log begins."""
NO_WORKER = (
    "No worker could be notified (Redis is not configured or unavailable). Run "
    "“manage.py mapping preview {}” on the server instead."
)


def may_publish(request: HttpRequest) -> bool:
    """Return whether a user may publish mappings."""
    return request.user.has_perm(PUBLISH)


class Publishing(Reasoned):
    """The pages that preview and publish a draft."""

    def page(self, name: str, draft: MappingDraft) -> str:
        return reverse(f"admin:registry_sync_mappingdraft_{name}", args=[draft.pk])

    def get_urls(self) -> list[URLPattern]:
        def named(name: str, view: Any) -> URLPattern:
            return path(
                f"<int:pk>/{name}/",
                self.admin_site.admin_view(view),
                name=f"registry_sync_mappingdraft_{name}",
            )

        own_urls = [named("preview", self.preview_view), named("publish", self.publish_view)]
        return own_urls + super().get_urls()

    def draft_of(self, request: HttpRequest, pk: int) -> MappingDraft:
        if not self.has_view_permission(request):
            raise PermissionDenied
        draft = drafts.drafts_of_this_app().filter(pk=pk).first()
        if draft is None:
            raise Http404("This draft does not exist.")
        return draft

    def shown(
        self, request: HttpRequest, template: str, draft: MappingDraft, **more: Any
    ) -> HttpResponse:
        context = {
            "draft": draft,
            "title": f"{draft.title}{_of_lane(draft)}",
            "may_change": self.may(request),
            "may_publish": may_publish(request),
            "previewed": preview.is_done(draft),
            "vanished": vanished(draft.preview),
            **more,
        }
        return self.render(request, f"admin/registry_sync/mappingdraft/{template}.html", context)

    # -- preview -----------------------------------------------------------------------------

    def preview_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        draft = self.draft_of(request, pk)
        if request.method == "POST":
            if not self.may(request):
                raise PermissionDenied
            self._preview(request, draft)
            return HttpResponseRedirect(self.page("preview", draft))
        percent = 0
        if draft.preview_total:
            percent = min(100, 100 * draft.preview_done // draft.preview_total)
        at_work = draft.preview_state in AT_WORK
        return self.shown(
            request,
            "preview",
            draft,
            found=_titled(draft.preview),
            refused=refused_records(draft, NAMED) if draft.preview else [],
            at_work=at_work,
            percent=percent,
            stale=bool(draft.preview) and draft.preview_version != draft.version,
        )

    def _preview(self, request: HttpRequest, draft: MappingDraft) -> None:
        do, client = request.POST.get("do"), client_of_settings()
        try:
            if do == "stop":
                preview.stop(draft)
            elif do == "all":
                preview.request_preview(draft)
                self._enqueue_or_warn(request, draft)
            elif do == "ids":
                ids = request.POST.get("ids", "").replace(",", " ").split()
                if not ids or len(ids) > preview.MOST_IDS:
                    text = f"Enter 1 to {preview.MOST_IDS} ids, separated by commas or spaces."
                    self.message_user(request, text, messages.ERROR)
                    return
                preview.request_preview(draft, ids)
                self._enqueue_or_warn(request, draft)
            else:
                preview.on_sample(draft, client, plain_source)
        except (SyncError, Refused) as error:
            self.message_user(request, failure_text(error), messages.ERROR)

    def _enqueue_or_warn(self, request: HttpRequest, draft: MappingDraft) -> None:
        if not settings.REDIS_URL or not enqueue_preview(draft):
            self.message_user(request, NO_WORKER.format(draft.pk), messages.WARNING)

    # -- publish -----------------------------------------------------------------------------

    def publish_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        draft = self.draft_of(request, pk)
        if not may_publish(request):
            raise PermissionDenied
        client = client_of_settings()
        if request.method == "POST":
            try:
                return self._publish(request, draft, client)
            except (SyncError, Refused) as error:
                self.message_user(request, failure_text(error), messages.ERROR)
                return HttpResponseRedirect(self.page("publish", draft))
        try:
            plan = publish.plan_publish(draft, client)
        except (SyncError, Refused) as error:
            self.message_user(request, failure_text(error), messages.ERROR)
            return HttpResponseRedirect(self.page("change", draft))
        schema = drafts.draft_schema(draft)
        fed = {row["field_id"] for row in draft.rows}
        removed = [row["field_id"] for row in draft.base["rows"] if row["field_id"] not in fed]
        return self.shown(
            request,
            "publish",
            draft,
            plan=plan,
            effect=publish_effect.effect_of(draft),
            may_start=request.user.has_perm("registry_sync.add_syncrun"),
            hindrances=[failure_text(error) for error in plan.hindrances],
            lost=[field.name for field in schema.fields if field.id in removed],
            is_open=draft.state in (draft.State.OPEN, draft.State.WAITING),
        )

    def _publish(self, request: HttpRequest, draft: MappingDraft, client: Client) -> HttpResponse:
        do, actor = request.POST.get("do"), request.user.get_username()
        if do == "theirs":
            starting.take_theirs(draft, client, plain_source, actor)
            self.message_user(request, "What is in Benchling now is the draft's new base.")
            return HttpResponseRedirect(self.page("change", draft))
        reason = request.POST.get("reason", "").strip()
        if do == "compare":
            version = publish.publish_by_hand(draft, client, actor=actor)
            reason = version.reason
        elif not reason:
            self.message_user(
                request, "Enter a reason. It is visible to all users.", messages.ERROR
            )
            return HttpResponseRedirect(self.page("publish", draft))
        else:
            version_id = as_key(request.POST.get("version", "")) or 0
            typed = request.POST.get("typed", "")
            version = publish.publish(
                draft,
                client,
                by=Person.of(request.user),
                reason=reason,
                version=version_id,
                typed=typed,
            )
        self.note(request, [draft], f"Published as version {version.number}: {reason}")
        self.message_user(request, f"Published as version {version.number}. {NEXT_RUN}")
        if do in NEXT_RUNS and request.user.has_perm("registry_sync.add_syncrun"):
            kind, beginning = NEXT_RUNS[do]
            title = f"{beginning} version {version.number}"
            lane = runs.LaneNames().find(draft.schema_id)
            run, _ = start_run(self, request, title=title, reason=reason, kind=kind, lane=lane)
            return HttpResponseRedirect(page_of(run))
        return HttpResponseRedirect(reverse("admin:registry_sync_mappingversion_changelist"))


def _of_lane(draft: MappingDraft) -> str:
    names = runs.LaneNames()
    name = names.label(names.find(draft.schema_id))
    return f" ({name})" if name else ""


def _titled(found: Json) -> Json:
    """Return a preview's results with the catalogue's title of each cause."""
    causes = [{**c, "title": record_cause(c["code"]).title} for c in found.get("causes", ())]
    return {**found, "causes": causes} if found else found


@admin.register(MappingVersion)
class MappingVersionAdmin(ReadOnly):
    """Published mappings: read-only, each with a way to roll back to it."""

    nothing = "No mapping has been published from here yet."
    list_display = ("number", "at", "actor", "reason", "back_to")
    list_filter = (SchemaChoice,)
    change_form_template = "admin/registry_sync/mappingversion/change_form.html"

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return with_schema_column(super().get_list_display(request))

    def get_queryset(self, request: HttpRequest) -> QuerySet[MappingVersion]:
        return versions.versions_of_this_app()

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.roll_back_view)
        name = "registry_sync_mappingversion_roll_back"
        return [path("<int:pk>/roll-back/", view, name=name), *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: Json | None = None,
    ) -> HttpResponse:
        version = versions.versions_of_this_app().filter(pk=as_key(object_id) or 0).first()
        newest = versions.of_schema(version.schema_id).first() if version else None
        more = {
            "version": version,
            "title": str(version or ""),
            "subtitle": None,
            "may_roll_back": may_publish(request) and version != newest,
        }
        return super().change_view(request, object_id, form_url, more | (extra_context or {}))

    def roll_back_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Create a draft of the earlier version and show what publishing it would write."""
        if not may_publish(request):
            raise PermissionDenied
        version = versions.versions_of_this_app().filter(pk=pk).first()
        if version is None or request.method != "POST":
            raise Http404("This version does not exist.")
        try:
            actor = request.user.get_username()
            draft = versions.roll_back(version, client_of_settings(), plain_source, actor=actor)
        except (SyncError, Refused) as error:
            self.message_user(request, failure_text(error), messages.ERROR)
            return HttpResponseRedirect(reverse("admin:registry_sync_mappingversion_changelist"))
        return HttpResponseRedirect(
            reverse("admin:registry_sync_mappingdraft_publish", args=[draft.pk])
        )
