"""Errors: what is not up to date in Benchling, by cause, who must act, and the actions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ALL_VAR, PAGE_VAR, ChangeList
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from registry_sync import runs
from registry_sync.admin.by_lane import ByLane
from registry_sync.admin.cures import CurePages
from registry_sync.admin.error_causes import CHOSEN, DISMISS
from registry_sync.admin.error_checks import Checks, asked_outcome
from registry_sync.admin.error_columns import EVERY, ErrorColumns, columns_of, with_waits
from registry_sync.admin.error_copies import Copies
from registry_sync.admin.filters import (
    AssignedFilter,
    CauseFilter,
    LaneFilter,
    RunFilter,
    StateFilter,
    UserFilter,
)
from registry_sync.admin.links import record_link, steps_url
from registry_sync.admin.substances import holder_link
from registry_sync.core.text import as_key
from registry_sync.desk import cures, lanes
from registry_sync.desk import error_decisions as decisions
from registry_sync.desk import error_waits as waiting
from registry_sync.desk.cures.assign import name_of
from registry_sync.desk.error_waits import awaited_targets
from registry_sync.desk.worklist.causes import presses_of
from registry_sync.models import EntityError, Lane
from registry_sync.reporting.catalogue import ACTORS, record_actor, record_cause
from registry_sync.reporting.error_groups import error_groups
from registry_sync.reporting.redaction import redact
from registry_sync.sync.retry_choice import UNSENDABLE

Errors = QuerySet[EntityError]
FIRST = 10
"""Errors of one cause that are listed before all are asked for."""


class FirstOfCause(ChangeList):
    """The errors: of one cause the first few, on a screen with its card, until all are asked for.

    `folded` is whether there are more.
    """

    folded = False
    result_list: Any = ()

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        query = request.GET
        if query.get("code") and PAGE_VAR not in query and ALL_VAR not in query:
            self.folded = self.result_count > FIRST
            self.result_list = self.result_list[:FIRST]


@admin.register(EntityError)
class EntityErrorAdmin(ErrorColumns, ByLane, CurePages, Copies, Checks):
    nothing = "No record has been refused."
    change_list_template = "admin/registry_sync/entityerror/change_list.html"
    list_display = EVERY
    list_display_links = None
    list_filter = (
        StateFilter, "kind", UserFilter, AssignedFilter, "last_seen", RunFilter, LaneFilter,
        CauseFilter,
    )  # fmt: skip
    show_facets = admin.ShowFacets.NEVER
    ordering = ("-last_seen",)
    sortable_by = ()
    search_fields = ("external_id",)
    actions = (
        "check_again",
        "retry",
        "dismiss",
        "bring_back",
        "to_source",
        "to_mapping",
        "unassign",
    )

    # -- the list ----------------------------------------------------------------------------

    def get_changelist(self, request: HttpRequest, **named: Any) -> type[ChangeList]:
        return FirstOfCause

    def get_queryset(self, request: HttpRequest) -> Errors:
        """Load lanes and users apart: joined, the database would sort all rows to show fifty."""
        rows = super().get_queryset(request).defer("raw")
        return rows.prefetch_related("lane", "assigned_to")

    def get_list_select_related(self, request: HttpRequest) -> bool:
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: Errors, search_term: str
    ) -> tuple[Errors, bool]:
        """Find a record by its whole id: parts of one would be looked for in every row."""
        external_id = search_term.strip()
        return (queryset.filter(external_id=external_id) if external_id else queryset), False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        changelist = getattr(response, "context_data", {}).get("cl")
        if isinstance(response, TemplateResponse) and changelist is not None:
            names = lanes.lanes_and_names(request)
            with_waits(changelist.result_list)
            code = request.GET.get("code", "")
            response.context_data = {
                **(response.context_data or {}),
                "title": "Errors",
                "by_lane": [
                    (lane, names.of(lane) if names.several else lane, with_cures)
                    for lane in self._lanes(request)
                    if (with_cures := self._with_cures(request, lane))
                    and (not code or any(group.code == code for group, *_ in with_cures))
                ],
                "several": names.several,
                "synced": bool(names.lanes),
                "chosen": code,
                "may_act": self.may(request),
            }
        return response

    def _with_cures(self, request: HttpRequest, lane: Lane) -> list[Any]:
        """Return a lane's causes, each with the user's presses, and what it waits for."""
        groups = error_groups(runs.open_errors(lane))
        named = awaited_targets((lane, group) for group in groups)
        return [
            (
                group,
                [cure for cure in presses_of(lane, group) if cure.is_open_to(request.user)],
                named.get((lane.pk, group.code), ()),
            )
            for group in groups
        ]

    def _lanes(self, request: HttpRequest) -> list[Lane]:
        return lanes.lanes_of_page(request.GET.get("lane", ""), lanes.lanes_and_names(request))

    def columns(self, request: HttpRequest) -> Sequence[Any]:
        return columns_of(request.GET.get("code", ""))

    # -- one error ---------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one error: what to do about it, its history, and the record as received."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = EntityError.objects.select_related("lane", "run", "closed_by_run", "assigned_to")
        key = as_key(unquote(object_id))
        error = None if key is None else rows.filter(pk=key).first()
        if error is None:
            raise Http404("This error does not exist.")
        marks = [str(error.run.mapping.get("key_mark") or "")]
        named = {error.field or "value": error.value}
        names = lanes.lanes_and_names(request)
        name = f" ({beside})" if (beside := names.label(error.lane)) else ""
        offers = cures.presses(error.lane, error.code, request.user, [error.external_id])
        raw = json.dumps(redact(error.raw, marks), indent=2, ensure_ascii=False)
        context = {
            "title": f"{error.external_id}{name}: {record_cause(error.code).title}",
            "error": error,
            "message": redact(error.message, marks),
            "value": next(iter(redact(named, marks).values())),
            "who": record_actor(error.code, error.kind, error.assigned).label,
            "by_kind": record_actor(error.code, error.kind).label,
            "waits": waiting.waits_of([error])[error.pk],
            "holder": holder_link(error),
            "raw": raw if error.raw is not None else "",
            "others": self._others(error),
            "log": self._log(error),
            "may_act": self.may(request),
            "steps_url": steps_url(error.external_id, error.lane_id),
            "record_link": record_link(error.external_id, error.lane_id),
            "lane_name": names.of(error.lane),
            "fetchable": error.code not in UNSENDABLE,
            "best": [offer for offer in offers if offer.name != "assign"],
            "assign": [offer for offer in offers if offer.name == "assign"],
            "assigned_user": name_of(error.assigned_to) if error.assigned_to else "",
            **asked_outcome(request, error.external_id),
        }
        return self.render(request, "admin/registry_sync/entityerror/change_form.html", context)

    def _others(self, error: EntityError) -> Errors:
        """Return what else was ever wrong with this record, the newest first."""
        same = EntityError.objects.filter(external_id=error.external_id, lane_id=error.lane_id)
        return same.exclude(pk=error.pk).defer("raw").order_by("-pk")[:20]

    def _log(self, error: EntityError) -> QuerySet[LogEntry]:
        content_type = ContentType.objects.get_for_model(EntityError)
        entries = LogEntry.objects.filter(content_type=content_type, object_id=str(error.pk))
        return entries.select_related("user")[:50]

    # -- what a person may do ----------------------------------------------------------------

    def has_act_permission(self, request: HttpRequest) -> bool:
        return self.may(request)

    @admin.action(description="Dismiss the selected errors", permissions=["act"])
    def dismiss(self, request: HttpRequest, rows: Errors) -> HttpResponse | None:
        able = runs.only_open(rows)
        reason = self._ask(request, able, "dismiss", "Dismiss", DISMISS)
        if isinstance(reason, str):
            chosen = list(able[:CHOSEN])
            who = request.user.get_username()
            count = decisions.dismiss(able, actor=who, reason=reason)
            self._done(request, chosen, count, "dismissed", reason)
            return None
        return reason

    @admin.action(description="Undo the dismissal of the selected errors", permissions=["act"])
    def bring_back(self, request: HttpRequest, rows: Errors) -> HttpResponse | None:
        able = runs.only_dismissed(rows)
        text = "The errors are open again, affect the status of runs, and are retried."
        reason = self._ask(request, able, "bring_back", "Undo the dismissal", text)
        if isinstance(reason, str):
            chosen = list(able[:CHOSEN])
            self._done(request, chosen, decisions.bring_back(able), "open again", reason)
            return None
        return reason

    @admin.action(description="Hand over to the registry's owner", permissions=["act"])
    def to_source(self, request: HttpRequest, rows: Errors) -> HttpResponse | None:
        return self._assign(request, rows, "to_source", "source")

    @admin.action(description="Hand over to the integration owner", permissions=["act"])
    def to_mapping(self, request: HttpRequest, rows: Errors) -> HttpResponse | None:
        return self._assign(request, rows, "to_mapping", "mapping")

    @admin.action(description="Undo the handover", permissions=["act"])
    def unassign(self, request: HttpRequest, rows: Errors) -> HttpResponse | None:
        return self._assign(request, rows.exclude(assigned=""), "unassign", "")

    def _assign(
        self, request: HttpRequest, rows: Errors, action: str, to: str
    ) -> HttpResponse | None:
        able = rows.filter(closed_at__isnull=True)
        role = ACTORS[to].label if to else "the role that the cause names"
        title = f"Hand over to {role}" if to else "Undo the handover"
        reason = self._ask(request, able, action, title, f"Who must act changes to {role}.")
        if isinstance(reason, str):
            chosen = list(able[:CHOSEN])
            who = request.user.get_username()
            count = decisions.assign(able, to, actor=who, reason=reason)
            done_text = f"handed over to {role}" if to else "no longer handed over"
            self._done(request, chosen, count, done_text, reason)
            return None
        return reason

    # -- words -------------------------------------------------------------------------------

    def _done(
        self,
        request: HttpRequest,
        rows: Sequence[EntityError],
        count: int,
        done_text: str,
        reason: str,
    ) -> None:
        self.note(request, rows, f"{done_text.capitalize()}: {reason}")
        counted = f"{count:,} {'error is' if count == 1 else 'errors are'}"
        self.message_user(request, f"{counted} {done_text}.")
