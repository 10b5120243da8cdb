"""Sync runs: the list of them. Each has a page (run_page) and what may be done (run_actions)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib import admin, messages
from django.db.models import Max, Min, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from registry_sync.admin.actors import started_by_linked
from registry_sync.admin.base import ReadOnly, row_link
from registry_sync.admin.by_lane import ByLane, LaneChoice
from registry_sync.admin.run_actions import CONTROLS, RunOrders
from registry_sync.admin.run_page import RunViews
from registry_sync.desk import run_display as looks
from registry_sync.desk.times import relative, time_html
from registry_sync.models import Batch, SyncRun


class StatusFilter(admin.ChoicesFieldListFilter):
    """Statuses in the desk's words."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        words = {
            str(SyncRun.Status(value).label): looks.status_in_words(value)
            for value in SyncRun.Status.values
        }
        for choice in super().choices(changelist):
            word = words.get(str(choice["display"]))
            yield {**choice, "display": word.capitalize()} if word else choice


class Spanned(QuerySet[SyncRun]):
    """For the date hierarchy: each period from the first run to the last, without a look at all.

    Django would truncate the time of every row, which takes half a second for 100,000 on SQLite.
    """

    def datetimes(self, field_name: str, kind: str, *args: Any, **kwargs: Any) -> Any:
        ends = self.aggregate(first=Min(field_name), last=Max(field_name))
        if ends["first"] is None:
            return []
        found, at = [], _start(ends["first"].astimezone(UTC), kind)
        while at <= ends["last"]:
            found.append(at)
            at = _start(at + STEPS[kind], kind)
        return found


STEPS = {"year": timedelta(days=366), "month": timedelta(days=31), "day": timedelta(days=1)}


def _start(moment: datetime, kind: str) -> datetime:
    """Return the beginning of the year, month or day."""
    month = 1 if kind == "year" else moment.month
    day = moment.day if kind == "day" else 1
    return moment.replace(month=month, day=day, hour=0, minute=0, second=0, microsecond=0)


LONG = (
    "mapping", "position", "reading", "waits", "phase_seconds", "follow_up", "joined_by",
    "lost_paths", "error", "remedy", "full_reason", "paused_reason", "waiting_for",
)  # fmt: skip
"""Columns of a run that its list does not show."""


@admin.register(SyncRun)
class SyncRunAdmin(ByLane, RunViews, RunOrders):
    lane_below = "run"
    nothing = "No runs yet. Start one with Sync now on the first page or manage.py sync_registry."
    list_display = ("run", "pill", "asked", "begun", "counts", "from_when", "up_to")
    list_filter = (("status", StatusFilter), "kind", "trigger", LaneChoice)
    show_facets = admin.ShowFacets.NEVER
    date_hierarchy = "created_at"
    ordering = ("-id",)
    sortable_by = ("run", "begun")  # by its key only: any other order would sort them all
    actions = ("pause", "resume", "cancel")

    def get_urls(self) -> list[Any]:
        own_urls: list[URLPattern] = [*self.order_urls(), *self.view_urls()]
        return [*own_urls, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[SyncRun]:
        """Leave in the database what no list shows and may be long."""
        shown = Spanned(self.model).order_by(*self.ordering)
        return shown.defer(*LONG)

    # -- actions of the list ---------------------------------------------------------------

    def has_control_permission(self, request: HttpRequest) -> bool:
        return self.may(request)

    @admin.action(description="Pause the selected run", permissions=["control"])
    def pause(self, request: HttpRequest, runs: QuerySet[SyncRun]) -> HttpResponse | None:
        return self._control_active(request, runs, "pause")

    @admin.action(description="Resume the selected run", permissions=["control"])
    def resume(self, request: HttpRequest, runs: QuerySet[SyncRun]) -> HttpResponse | None:
        return self._control_active(request, runs, "resume")

    @admin.action(description="Cancel the selected run", permissions=["control"])
    def cancel(self, request: HttpRequest, runs: QuerySet[SyncRun]) -> HttpResponse | None:
        return self._control_active(request, runs, "cancel")

    def _control_active(
        self, request: HttpRequest, runs: QuerySet[SyncRun], action: str
    ) -> HttpResponse | None:
        """Ask for a reason first, then do it to the active ones of these runs."""
        active = list(runs.filter(status__in=SyncRun.ACTIVE))
        if not active:
            self.message_user(request, "No selected run is active.", messages.WARNING)
            return None
        title, explanation = CONTROLS[action]
        reason = self.ask(request, active, action=action, title=title, explanation=explanation)
        if isinstance(reason, HttpResponse):
            return reason
        for run in active:
            self.control(request, run, action, reason)
        return None

    # -- columns ---------------------------------------------------------------------------

    @admin.display(description="run", ordering="id")
    def run(self, run: SyncRun) -> str:
        return f"Run {run.pk}"

    @admin.display(description="status", ordering="status")
    def pill(self, run: SyncRun) -> SafeString:
        mark = '<span class="pill {}">{}</span>'
        shown = format_html(mark, looks.pill(run), looks.status_words(run))
        if not looks.others_wait(run):
            return shown
        waits = "decisions" if run.warnings else "errors"
        return format_html('{}<br><span class="desk-quiet">earlier {} open</span>', shown, waits)

    @admin.display(description="kind, started by")
    def asked(self, run: SyncRun) -> SafeString:
        sort = looks.sort(run)
        kind = format_html('<span class="desk-sort">{}</span>', sort) if sort else run.kind
        return _lines(kind, started_by_linked(run))

    @admin.display(description="requested, duration", ordering="id")
    def begun(self, run: SyncRun) -> SafeString:
        now = timezone.now()
        return _lines(
            time_html(run.created_at), relative(run.created_at, now), looks.took(run, now)
        )

    @admin.display(description="counts")
    def counts(self, run: SyncRun) -> SafeString:
        return _lines(*looks.counts_in_words(run))

    @admin.display(description="read from")
    def from_when(self, run: SyncRun) -> SafeString:
        if run.since is None or run.kind == SyncRun.Kind.RETRY:  # a retry asks for no changes
            return _lines("the beginning" if run.reads_all else "–")
        return _lines(time_html(run.since))

    @admin.display(description="watermark")
    def up_to(self, run: SyncRun) -> SafeString:
        return _lines(time_html(run.watermark) or "–")


def _lines(*texts: str) -> SafeString:
    """Write short lines, one below the other in a narrow column."""
    lines = format_html_join(" ", "<span>{}</span>", ((text,) for text in texts if text))
    return format_html('<span class="desk-lines">{}</span>', lines)


@admin.register(Batch)
class BatchAdmin(ReadOnly):
    nothing = "Nothing was sent to Benchling yet."
    list_display = ("of_run", "number", "size", "task_id", "calls", "sent_at", "done_at")
    list_display_links = ("number",)
    list_select_related = ("run",)
    fields = list_display

    @admin.display(description="run", ordering="run")
    def of_run(self, batch: Batch) -> SafeString:
        about = f"({batch.run.kind}, {looks.status_words(batch.run)})"
        return format_html("{} {}", row_link(batch.run), about)
