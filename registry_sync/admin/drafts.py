"""Mapping drafts: started, filled from suggestions, edited in a table."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from registry_sync.admin.by_lane import SchemaChoice, schema_choices, with_schema_column
from registry_sync.admin.connect import ConnectPages
from registry_sync.admin.draft_proposal import posted_connector
from registry_sync.admin.draft_rows import (
    read_rows,
    table_rows,
    unsupported_fields,
    usable_fields,
)
from registry_sync.benchling.errors import Refused
from registry_sync.core.problems import SyncError
from registry_sync.core.text import as_key, number_of, were
from registry_sync.core.types import Json
from registry_sync.desk.failure_text import failure_text
from registry_sync.drafts import draft as drafts
from registry_sync.drafts import draft_faults, draft_from_file, mapping_file, rule_form, starting
from registry_sync.drafts.id_and_name import judge_ids
from registry_sync.drafts.sample import paths_of
from registry_sync.drafts.suggest import CONFIDENT
from registry_sync.models import MappingDraft
from registry_sync.sync.clients import client_of_settings, plain_source

State = MappingDraft.State
PILLS = {State.OPEN: "active", State.WAITING: "warning", State.PUBLISHED: "good",
         State.DISCARDED: "quiet"}  # fmt: skip


@admin.register(MappingDraft)
class MappingDraftAdmin(ConnectPages):
    nothing = "No drafts yet. A draft prepares a new mapping without changing the one in use."
    list_display = ("title", "pill", "version", "preview_state", "updated_by", "updated_at")
    list_filter = ("state", SchemaChoice)

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return with_schema_column(super().get_list_display(request))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("registry_sync.add_mappingdraft")

    def get_queryset(self, request: HttpRequest) -> QuerySet[MappingDraft]:
        # A sample may be 2 MB: a list of drafts must not carry fifty of them.
        return drafts.drafts_of_this_app().defer(
            "sample", "schema", "base", "suggestions", "preview"
        )

    @admin.display(description="state", ordering="state")
    def pill(self, draft: MappingDraft) -> SafeString:
        style, text = PILLS[State(draft.state)], draft.get_state_display()
        return format_html('<span class="pill {}">{}</span>', style, text)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.yaml_view)
        return [
            path("<int:pk>/yaml/", view, name="registry_sync_mappingdraft_yaml"),
            *super().get_urls(),
        ]

    # -- starting ------------------------------------------------------------------------------

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Json | None = None
    ) -> HttpResponse:
        """Ask what to start from, then read both sides."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        title = f"Mapping of {timezone.now():%Y-%m-%d}"
        if request.method == "POST":
            try:
                draft = starting.start_draft(
                    client_of_settings(),
                    plain_source,
                    title=request.POST.get("title", "").strip()[:200] or title,
                    actor=request.user.get_username(),
                    from_live=request.POST.get("do") in ("live", "connector"),
                    connector=posted_connector(request),
                    schema_id=request.POST.get("schema", ""),
                )
                self.log_addition(request, draft, "Started")
                return HttpResponseRedirect(self.page("change", draft))
            except (SyncError, Refused) as error:
                self.message_user(request, failure_text(error), messages.ERROR)
            except ValueError as error:
                self.message_user(request, f"Connector Settings: {error}", messages.ERROR)
        context = {"title": "Start a mapping draft", "suggested": title,
                   "schemas": schema_choices()}  # fmt: skip
        return self.render(request, "admin/registry_sync/mappingdraft/start.html", context)

    # -- editing -------------------------------------------------------------------------------

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: Json | None = None,
    ) -> HttpResponse:
        if (key := as_key(object_id)) is None:
            raise Http404("This draft does not exist.")
        draft = self.draft_of(request, key)
        if request.method != "POST":
            return self._editor(request, draft)
        if not self.may(request):
            raise PermissionDenied
        values = self._asked(request, draft)
        if values is not None:
            try:
                version = as_key(request.POST.get("version", "")) or 0
                drafts.save_edit(draft, version, actor=request.user.get_username(), **values)
            except drafts.Outdated:
                return self._conflict(request, draft, values)
        if request.POST.get("do") == "reread":
            self._reread(request, draft)
        if request.POST.get("do") == "discard":
            self.note(request, [draft], "Discarded")
            MappingDraft.objects.filter(pk=draft.pk).update(
                state=State.DISCARDED, updated_at=timezone.now()
            )
            return HttpResponseRedirect(reverse("admin:registry_sync_mappingdraft_changelist"))
        return HttpResponseRedirect(self.page("change", draft))

    def _asked(self, request: HttpRequest, draft: MappingDraft) -> Json | None:
        """Return the values that an edit sets, or None if they cannot be read."""
        do, post = request.POST.get("do"), request.POST
        rows = draft.rows
        if do == "take_all":
            sure = [s["field_id"] for s in draft.suggestions if s["confidence"] >= CONFIDENT]
            return {"rows": drafts.take(draft, sure)}
        if do == "take":
            return {"rows": drafts.take(draft, post.getlist("take"))}
        if do == "take_name":
            return {"name_field": drafts.name_suggestion(draft)[0]}
        if do == "discard":
            return {}
        if do == "reread":
            return None
        if do == "import":
            return self._imported(request, draft)
        rows, faults = read_rows(post, draft.rows)
        for fault in faults:
            self.message_user(request, fault, messages.ERROR)
        title = post.get("title", "").strip()[:200] or draft.title
        return {
            **self._connector(request, draft),
            "rows": rows,
            "name_field": post.get("name_field", "").strip(),
            "title": title,
        }

    def _reread(self, request: HttpRequest, draft: MappingDraft) -> None:
        """Read both sides again, for a draft that was started from a broken configuration."""
        actor = request.user.get_username()
        try:
            starting.take_theirs(draft, client_of_settings(), plain_source, actor)
        except drafts.Outdated:
            self.message_user(request, drafts.why_unsaved(draft), messages.ERROR)
        except (SyncError, Refused) as error:
            self.message_user(request, failure_text(error), messages.ERROR)

    def _connector(self, request: HttpRequest, draft: MappingDraft) -> Json:
        """Return the edited Connector Settings; faulty ones stay as they were."""
        shown = draft_faults.shown_connector(draft)
        if request.POST.get("connector", shown).split() == shown.split():
            return {}
        try:
            connector = posted_connector(request) or {}
            fault = draft_faults.in_connector(draft, connector)
        except ValueError as error:
            fault = f"Connector Settings: {error}."
        if fault:
            text = f"{fault} They have not been changed."
            self.message_user(request, text, messages.ERROR)
            return {}
        return {"connector": connector}

    def _imported(self, request: HttpRequest, draft: MappingDraft) -> Json | None:
        file = request.FILES.get("file")
        try:
            text = file.read(1_000_000).decode("utf-8") if file else ""
            rows, name_field = draft_from_file.rows_of_file(draft, text, client_of_settings())
        except UnicodeDecodeError:
            self.message_user(request, "The file is not UTF-8 text.", messages.ERROR)
            return None
        except (SyncError, Refused) as error:
            self.message_user(request, failure_text(error), messages.ERROR)
            return None
        self.message_user(
            request,
            f"{number_of(len(rows), 'row')} {were(len(rows))} imported from the file. The rest of "
            "the file is ignored.",
        )
        return {"rows": rows, "name_field": name_field}

    def _editor(self, request: HttpRequest, draft: MappingDraft) -> HttpResponse:
        schema = drafts.draft_schema(draft)
        is_open = draft.state in (State.OPEN, State.WAITING) and draft.back_to is None
        editable = is_open and self.may(request)
        suggested, why = drafts.name_suggestion(draft)
        name_now = drafts.config_of(draft).name_field
        id_paths = drafts.lenient_connector(draft).id_paths
        good, ids_text = judge_ids(draft.sample, id_paths) if draft.sample else (True, "")
        rows = table_rows(draft, schema, editable=editable)
        done = {row["field_id"] for row in draft.rows}
        suggestions = [s for s in draft.suggestions if s["field_id"] not in done]
        return self.shown(
            request,
            "edit",
            draft,
            editable=editable,
            schema=schema,
            rows=rows,
            doubts=[row for row in rows if row["example"].doubtful],
            fields=usable_fields(schema),
            unsupported=unsupported_fields(schema),
            rules=rule_form.LABELS,
            paths=paths_of(draft.sample),
            suggestions=suggestions,
            sure=[s for s in suggestions if s["confidence"] >= CONFIDENT],
            confident=int(100 * CONFIDENT),
            fault=drafts.fault_of(draft),
            base_faults=draft_faults.of_configuration(draft),
            connector=draft_faults.shown_connector(draft),
            connector_fault=draft_faults.of_connector(draft),
            ids_good=good,
            ids_said=ids_text,
            name_now=name_now,
            name_fault=drafts.name_fault(draft),
            name_example=drafts.name_example(draft),
            name_suggested=suggested if suggested != name_now else "",
            name_why=why,
        )

    def _conflict(self, request: HttpRequest, draft: MappingDraft, values: Json) -> HttpResponse:
        """Show both sides of an edit that is based on an outdated version."""
        names = {field.id: field.name for field in drafts.draft_schema(draft).fields}
        submitted = {row["field_id"]: row for row in values.get("rows", [])}
        stored = {row["field_id"]: row for row in draft.rows}
        both = [
            {"field": names.get(key, key), "mine": submitted.get(key), "theirs": stored.get(key)}
            for key in dict.fromkeys([*stored, *submitted])
        ]
        again = [(k, v) for k in request.POST for v in request.POST.getlist(k)
                 if k not in ("version", "csrfmiddlewaretoken")]  # fmt: skip
        return self.shown(request, "conflict", draft, both=both, again=again)

    # -- files ---------------------------------------------------------------------------------

    def yaml_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        draft = self.draft_of(request, pk)
        try:
            config_and_schema = (drafts.config_of(draft), drafts.draft_schema(draft))
            text = mapping_file.write_mapping_file([config_and_schema], client_of_settings())
        except (SyncError, Refused) as error:
            self.message_user(request, failure_text(error), messages.ERROR)
            return HttpResponseRedirect(self.page("change", draft))
        name = f"mapping-draft-{draft.pk}.yaml"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return HttpResponse(text, content_type="application/yaml", headers=headers)
