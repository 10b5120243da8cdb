"""One run's page, its live part, the records behind its counts, and its CSVs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from registry_sync import runs
from registry_sync.admin.base import CappedPaginator, ReadOnly
from registry_sync.core.text import are, as_key, number_of
from registry_sync.core.types import Json
from registry_sync.desk import change_lines, error_waits, lanes, run_counts
from registry_sync.desk import csv_export as csvs
from registry_sync.desk import run_actions as orders
from registry_sync.desk import run_display as looks
from registry_sync.desk import run_records as handled
from registry_sync.models import Change, RunLog, SyncRun
from registry_sync.reporting.catalogue import record_actor_key, record_cause
from registry_sync.runs import estimate
from registry_sync.runs.workers import read_queues
from registry_sync.sync import run_verdict

RERUN = ("kind", "failed", "warnings", *runs.HOLD_UP_COLUMNS)
PAGE = 50
LOG_LINES = 200
TRUSTED = 2_000
"""From how many written records on the run's own count is taken for the length of their list."""
RECORD_HEADER = ("external id", "outcome", "Benchling id", "name", "why", "remedy")
ERROR_HEADER = (
    "external id", "who must act", "cause", "message", "remedy", "field", "value", "waits for",
    "first seen", "last seen", "what it waits for",
)  # fmt: skip
CHANGE_HEADER = (
    "at", "external id", "Benchling id", "field", "before", "after", "created",
    "modified in the registry",
)  # fmt: skip


class RunViews(ReadOnly):
    """The pages that show one run."""

    def view_urls(self) -> list[URLPattern]:
        """Return the URL patterns of these pages."""
        guarded: Callable[[Any], Any] = self.admin_site.admin_view
        return [
            path(f"<int:run_id>/{where}", guarded(view), name=f"registry_sync_syncrun_{name}")
            for where, view, name in (
                ("progress/", self.progress, "progress"),
                ("records/<slug:outcome>/", self.records, "records"),
                ("records.csv", self.records_csv, "records_csv"),
                ("errors.csv", self.errors_csv, "errors_csv"),
                ("changes.csv", self.changes_csv, "changes_csv"),
            )
        ]

    def _run(self, request: HttpRequest, run_id: int) -> SyncRun:
        if not self.has_view_permission(request):
            raise PermissionDenied
        run = SyncRun.objects.select_related("lane", "rerun_of").filter(pk=run_id).first()
        if run is None:
            raise Http404
        return run

    # -- the page --------------------------------------------------------------------------

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: Json | None = None,
    ) -> HttpResponse:
        """Show one run, read-only."""
        if (key := as_key(object_id)) is None:
            raise Http404
        run = self._run(request, key)
        name = lanes.lanes_and_names(request).label(run.lane)
        context = {
            "title": f"Run {run.pk}{f' ({name})' if name else ''}",
            **live_state(run),
            "incomplete": run_verdict.is_incomplete(run),
            "reruns": list(SyncRun.objects.filter(rerun_of=run).only(*RERUN)[:20]),
            "mapping": looks.mapping_used(run),
            "schema": runs.schema_view(run.lane),
            **(refused := _causes(run)),
            **self._allowed_actions(request, run, refused["causes"]),
            **_changes(run, request.GET.get("changes_after", "")),
            **_log(run, request.GET.get("log_before", "")),
        }
        return self.render(request, "admin/registry_sync/run/page.html", context)

    def _allowed_actions(
        self, request: HttpRequest, run: SyncRun, causes: Sequence[handled.CauseCount]
    ) -> Json:
        """Return what the user may do with a run in its current state."""
        may = request.user.has_perm("registry_sync.change_syncrun") and run.is_active
        start = request.user.has_perm("registry_sync.add_syncrun") and not run.is_active
        start = start and not orders.lane_gone(run)
        return {
            "may_rerun": start,
            "may_retry": start and not run.dry_run and any(cause.still_open for cause in causes),
            "may_pause": may and run.paused_at is None,
            "may_resume": may and run.paused_at is not None,
            "may_cancel": may,
        }

    def progress(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """Return the part of the page that changes while a run is active."""
        run = self._run(request, run_id)
        answer = TemplateResponse(request, "admin/registry_sync/run/standing.html", live_state(run))
        answer["Cache-Control"] = "no-store"
        return answer

    def records(self, request: HttpRequest, run_id: int, outcome: str) -> HttpResponse:
        """List the records behind one of a run's counts."""
        run = self._run(request, run_id)
        if outcome not in handled.Outcome.values:
            raise Http404
        code = request.GET.get("code", "") if outcome == handled.Outcome.FAILED else ""
        rows = handled.rows(run, outcome)
        pages = CappedPaginator(rows.filter(code=code) if code else rows, PAGE)
        counted = int(getattr(run, outcome))
        if outcome in handled.LASTING and counted > TRUSTED and not code:
            pages.count = min(counted, handled.COUNTED)  # these counts never change
        page = pages.get_page(request.GET.get("p"))
        word = {name: word for name, word, _ in run_counts.COUNTS}[outcome]
        context = {
            "title": f"Run {run.pk}: {word}",
            "run": run,
            "outcome": outcome,
            "counted": counted,
            "page": page,
            "records": handled.records_on_page(run, outcome, list(page.object_list)),
            "code": code,
            "cause": record_cause(code).title if code else "",
            "caveat": "" if code else handled.caveat(run, outcome, pages.count),
        }
        return self.render(request, "admin/registry_sync/run/records.html", context)

    # -- CSV -------------------------------------------------------------------------------

    def records_csv(self, request: HttpRequest, run_id: int) -> HttpResponseBase:
        """Return a CSV of the records behind a run's counts, or behind one of them."""
        run = self._run(request, run_id)
        only_outcome = request.GET.get("outcome")
        chosen = [name for name, _, _ in run_counts.COUNTS if only_outcome in (None, name)]
        rows = (
            (r.external_id, outcome, r.entity_id, r.name, r.said, r.remedy)
            for outcome in chosen
            for r in handled.every_record(run, outcome)
        )
        return _csv(f"run-{run.pk}-records", RECORD_HEADER, rows)

    def errors_csv(self, request: HttpRequest, run_id: int) -> HttpResponseBase:
        """Return a CSV of what the run refused, as it refused it, without the raw records."""
        run = self._run(request, run_id)
        refusals = handled.run_refusals(run).select_related("same_as", "error")
        rows = (
            (
                r.external_id, record_actor_key(r.code, r.kind), r.code, r.words.message,
                r.words.remedy, r.words.field, r.words.value,
                f"{r.words.waits_for} {r.words.waits_key}".strip(),
                r.error.first_seen if r.error else r.at, r.at, error_waits.waited_for(r),
            )
            for chunk in handled.chunks(refusals)
            for r in chunk
        )  # fmt: skip
        return _csv(f"run-{run.pk}-errors", ERROR_HEADER, rows)

    def changes_csv(self, request: HttpRequest, run_id: int) -> HttpResponseBase:
        """Return a CSV of every value that the run wrote, before and after."""
        run = self._run(request, run_id)
        schema = runs.schema_view(run.lane)
        rows = (
            (
                c.at, c.external_id, c.entity_id, c.field,
                csvs.field_value(c.before, c.field_id, schema),
                csvs.field_value(c.after, c.field_id, schema),
                "yes" if c.created else "", c.source_modified_at,
            )
            for chunk in handled.chunks(Change.objects.filter(run=run))
            for c in chunk
        )  # fmt: skip
        return _csv(f"run-{run.pk}-changes", CHANGE_HEADER, rows)


def _csv(name: str, header: Sequence[str], rows: Iterator[Sequence[Any]]) -> HttpResponseBase:
    answer = StreamingHttpResponse(
        csvs.csv_lines(header, rows), content_type="text/csv; charset=utf-8"
    )
    answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer


# -- what the page is made of ------------------------------------------------------------------


def live_state(run: SyncRun) -> Json:
    """Return what changes while a run is active: its state, phases and counts."""
    now = timezone.now()
    return {
        "run": run,
        "took": looks.took(run, now),
        "left": estimate.time_left_sentence(run, per_hour=settings.OBJECTS_PER_HOUR)
        if run.is_active
        else "",
        "waiting_for": run.waiting_for or "its next attempt",
        "waits": run.waiting_until if run.waiting_until and run.waiting_until > now else None,
        "turn": run.waiting_for if runs.waits_for_turn(run) else "",
        "unclaimed": _unclaimed(run),
        "earlier": _earlier(run),
        "phases": looks.phases(run),
        "counts": run_counts.counts(run),
        "others": run_counts.others(run),
    }


def _unclaimed(run: SyncRun) -> str:
    """Return why a queued run does not start, if no worker is listening."""
    if run.status != SyncRun.Status.QUEUED:
        return ""
    queues = read_queues()
    return "" if queues.listening else orders.waits(queues)


def _earlier(run: SyncRun) -> str:
    """Return how many errors of earlier runs alone are still open, for a run with warnings."""
    if run.status != SyncRun.Status.COMPLETED_WITH_WARNINGS or run.lane is None:
        return ""
    own_refusals = handled.run_refusals(run).order_by().values("external_id")
    begun = run.started_at or run.created_at
    before = (
        runs.open_errors(run.lane)
        .filter(first_seen__lt=begun)
        .exclude(external_id__in=own_refusals)
    )
    if count := before.count():
        were = number_of(count, "record")
        return f"{were} refused by earlier runs {are(count)} still open."
    if run.failed or run.warnings:
        return ""
    return "Records refused by earlier runs were open when this run ended. All are closed now."


def _causes(run: SyncRun) -> Json:
    """Return the run's refusals by cause, and how many later runs have taken over."""
    causes = handled.causes(run)
    listed = sum(cause.count for cause in causes)
    text = handled.caveat(run, handled.Outcome.FAILED, listed) if run.failed else ""
    return {"causes": causes, "causes_caveat": text}


def _changes(run: SyncRun, after: str) -> Json:
    """Return one page of changes, line by line, in the order in which they were written."""
    rows = Change.objects.filter(change_lines.LINES, run=run).order_by("pk")
    start = as_key(after) or 0
    page = list(rows.filter(pk__gt=start)[: PAGE + 1])
    return {
        "changes": change_lines.with_values(page[:PAGE]),
        "changes_next": page[PAGE - 1].pk if len(page) > PAGE else None,
        "changes_later": start > 0,
    }


def _log(run: SyncRun, before: str) -> Json:
    """Return the last lines of the log. Earlier lines are paged."""
    rows = RunLog.objects.filter(run=run).order_by("-pk")
    if (earlier := as_key(before)) is not None:
        rows = rows.filter(pk__lt=earlier)
    lines = list(rows[: LOG_LINES + 1])
    return {
        "log": lines[:LOG_LINES][::-1],
        "log_before": lines[LOG_LINES - 1].pk if len(lines) > LOG_LINES else None,
        "log_earlier": earlier is not None,
    }
