"""One record: found by any of its names, its whole story, and what may be done about it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe

from registry_sync import runs
from registry_sync.admin.base import Reasoned
from registry_sync.admin.by_lane import LaneChoice
from registry_sync.admin.error_checks import asked_outcome
from registry_sync.admin.filters import InWords
from registry_sync.admin.links import record_link, record_url, search_url, steps_url
from registry_sync.admin.record_steps import StepByStep
from registry_sync.admin.start_run import start_or_follow
from registry_sync.desk import cures, landing, lanes, pins
from registry_sync.desk import error_waits as waiting
from registry_sync.desk import record_history as story
from registry_sync.desk import record_live as live
from registry_sync.desk.record_search import HITS, SHORTEST, are_all, find_records, of_any, search
from registry_sync.desk.value_origins import origins
from registry_sync.desk.values import as_html
from registry_sync.desk.who_changed import who_changed
from registry_sync.explain import in_benchling
from registry_sync.models import AuthorOfChange, EntityError, Lane, LedgerEntry, SyncRun
from registry_sync.reporting.catalogue import record_actor

TEMPLATE = "admin/registry_sync/record/record.html"
DRIFT = "drift"
MORE = f"More records match. The list has the first {HITS} of each lane: enter more of the name."


class OutcomeFilter(InWords):
    words = story.OUTCOMES


@admin.register(LedgerEntry)
class LedgerEntryAdmin(StepByStep, Reasoned):
    nothing = "Nothing has been read from the registry yet."
    list_display = ("record", "entity_registry_id", "name", "entity_id", "came_to")
    list_display_links = ("came_to",)
    list_filter = (("outcome", OutcomeFilter), LaneChoice)
    list_select_related = ("lane",)
    fields = (
        "lane", "record", "entity_registry_id", "entity_id", "name", "values", "modified_at",
        "written_run_id", "seen_run_id", "came_to",
    )  # fmt: skip
    readonly_fields = ("record", "values", "came_to")
    search_fields = ("external_id",)
    show_facets = admin.ShowFacets.NEVER

    def may(self, request: HttpRequest) -> bool:
        return request.user.has_perm("registry_sync.add_syncrun")

    @admin.display(description="record")
    def record(self, row: LedgerEntry) -> str:
        return record_link(row.external_id, row.lane_id)

    @admin.display(description="outcome", ordering="outcome")
    def came_to(self, row: LedgerEntry) -> str:
        return story.OUTCOMES.get(row.outcome, row.outcome) or "–"

    @admin.display(description="values in Benchling, as last written")
    def values(self, row: LedgerEntry) -> SafeString:
        schema = runs.schema_view(row.lane)
        lines = (
            (schema.field_name(field_id), as_html(value, field_id, schema))
            for field_id, value in row.fields.items()
        )
        return format_html_join(mark_safe("<br>"), "{}: {}", lines)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[LedgerEntry], search_term: str
    ) -> tuple[QuerySet[LedgerEntry], bool]:
        """Find ids, names and parts of names, as the search in every page's header does."""
        typed = search_term.strip()
        if not typed:
            return queryset, False
        hits = search(typed)
        if not are_all(hits):
            self.message_user(request, MORE, messages.WARNING)
        return queryset.filter(of_any(hits)), False

    # -- the page ----------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        own = [
            path("record/", self.admin_site.admin_view(self.record_view),
                 name="registry_sync_record"),
            path("record/open/", self.admin_site.admin_view(self.open_view),
                 name="registry_sync_record_open"),
        ]  # fmt: skip
        return [*own, *super().get_urls()]

    def record_view(self, request: HttpRequest) -> HttpResponse:
        """Search (`?q=`), or tell one record's story (`?id=` and, where it matters, `&lane=`)."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        typed = request.GET.get("q", "").strip()
        hits = search(typed) if typed else []
        if len(hits) == 1:
            return HttpResponseRedirect(record_url(hits[0].external_id, hits[0].lane.pk))
        external_id, names = request.GET.get("id", "").strip(), lanes.lanes_and_names(request)
        lane = lanes.find_lane(request.GET.get("lane", ""), names)
        if names.several and external_id and "lane" not in request.GET:
            of = [hit.lane for hit in find_records(external_id) if hit.external_id == external_id]
            if len(of) > 1:
                return HttpResponseRedirect(search_url(external_id))
            lane = of[0] if of else lane
        name = f" ({beside})" if (beside := names.label(lane)) else ""
        context = {
            "title": f"Record {external_id}{name}" if external_id else "Find a record",
            "asked": typed,
            "cards": [] if typed or external_id else landing.record_cards(request),
            "are_all": are_all(hits),
            "shortest": SHORTEST,
            "hits": [
                (hit, names.label(hit.lane) or hit.lane, record_url(hit.external_id, hit.lane.pk))
                for hit in hits
            ],
        }
        if external_id and lane is not None:
            answer = self._act(request, lane, external_id)
            if isinstance(answer, HttpResponse):
                return answer
            context |= self._story(request, lane, external_id) | {"live": answer}
            context["authors"] = self._authors(request, lane, external_id)
            context |= asked_outcome(request, external_id)
        return self.render(request, TEMPLATE, context)

    def _act(
        self, request: HttpRequest, lane: Lane, external_id: str
    ) -> HttpResponse | live.LiveAnswer | None:
        """Do what a button of the page asks for."""
        action = request.POST.get("action") if request.method == "POST" else None
        if action == "ask":
            return live.read_live(lane, external_id)
        return self._sync_one(request, lane, external_id) if action == "sync_one" else None

    def _authors(self, request: HttpRequest, lane: Lane, external_id: str) -> AuthorOfChange | None:
        """Ask Benchling's audit log who changed the entity, if a button asks for it."""
        is_requested = request.method == "POST" and request.POST.get("action") == "who"
        return who_changed(lane, external_id) if is_requested else None

    def _sync_one(self, request: HttpRequest, lane: Lane, external_id: str) -> HttpResponse:
        if not self.may(request):
            raise PermissionDenied
        address = record_url(external_id, lane.pk)
        if not lanes.is_current(lane):
            text = "This record belongs to a lane that is no longer synced."
            self.message_user(request, text, messages.WARNING)
            return HttpResponseRedirect(address)
        text = (
            "The registry is asked for this record alone. What changed is written to Benchling; "
            "the watermark stays where it is."
        )
        reason = self.ask(
            request, [], action="sync_one", title=f"Sync just {external_id}", explanation=text,
            back=address,
        )  # fmt: skip
        if isinstance(reason, HttpResponse):
            return reason
        run, answer = start_or_follow(
            self, request, title=f"Sync just {external_id}", reason=reason,
            kind=SyncRun.Kind.INCREMENTAL, only=[external_id], lane=lane,
        )  # fmt: skip
        entry = LedgerEntry.objects.filter(lane=lane, external_id=external_id).first()
        self.note(request, [entry or run], f"Run {run.pk} syncs {external_id}: {reason}")
        after = "&after=1" if answer is runs.Answer.FOLLOWS else ""
        return HttpResponseRedirect(f"{address}&run={run.pk}{after}")

    def open_view(self, request: HttpRequest) -> HttpResponse:
        """Lead to the entity's own page in Benchling, whose address only Benchling knows."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        lane, external_id = lanes.find_lane(request.GET.get("lane", "")), request.GET.get("id", "")
        rows = LedgerEntry.objects.filter(lane=lane, external_id=external_id)
        entry = rows.exclude(entity_id="").first()
        url, trouble = "", f"{external_id} is not in Benchling, as far as is known here."
        if entry is not None:
            url, trouble = live.entity_url(entry.entity_id)
        if url:
            return HttpResponseRedirect(url)
        self.message_user(request, trouble, messages.ERROR)
        return HttpResponseRedirect(record_url(external_id, lane.pk if lane else None))

    def _story(self, request: HttpRequest, lane: Lane, external_id: str) -> dict[str, Any]:
        record = story.history_of(lane, external_id)
        error = record.open_error
        state = in_benchling.read_state(lane, external_id)
        story.with_event(record, state)
        pins.with_events(record)
        return {
            "story": record,
            "tenant": state,
            "accepted": pins.standing_pins(record),
            "origins": [
                (
                    origin,
                    state is not None and origin.field_id in state.theirs,
                    state.theirs.get(origin.field_id) if state else None,
                )
                for origin in origins(record)
            ],
            "schema": runs.schema_view(lane),
            "who": record_actor(error.code, error.kind, error.assigned).label if error else "",
            "waits": waiting.waits_of([error])[error.pk] if error else "",
            "may_sync": self.may(request),
            "cures": _presses(request, lane, external_id, error),
            "here": record_url(external_id, lane.pk),
            "steps_url": steps_url(external_id, lane.pk),
        }


def _presses(
    request: HttpRequest, lane: Lane, external_id: str, error: EntityError | None
) -> list[cures.Offer]:
    """Return the presses that cure what is wrong with one record: its error, and its drift."""
    codes = [DRIFT] if error is None else [error.code, DRIFT]
    return [
        offer for code in codes for offer in cures.presses(lane, code, request.user, [external_id])
    ]
