"""Check refused records again, or retry their stored copies, and tell the result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode

from registry_sync import runs
from registry_sync.admin.error_causes import CHECK, CHOSEN, RETRY, WholeCauses, outcome_address
from registry_sync.admin.start_run import start_or_follow
from registry_sync.core.text import as_key, number_of
from registry_sync.core.types import Json
from registry_sync.desk import check_outcomes as checks
from registry_sync.models import EntityError, SyncRun
from registry_sync.sync import retry_choice

Errors = QuerySet[EntityError]
SHOWN = 50
"""Errors that a question names where all pages of the list are selected."""
PART = "admin/registry_sync/entityerror/outcome_part.html"


class Checks(WholeCauses):
    """The actions that check refused records again, and the page that tells what came of it."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.outcome_view)
        name = "registry_sync_entityerror_outcome"
        return [path("outcome/<int:run_id>/", view, name=name), *super().get_urls()]

    @admin.action(description="Check the selected records again", permissions=["act"])
    def check_again(self, request: HttpRequest, rows: Errors) -> HttpResponse | None:
        able = retry_choice.fetchable(self._open(rows))
        return self._again(request, rows, able, "check_again", SyncRun.Kind.INCREMENTAL)

    @admin.action(description="Retry the stored copies of the selected", permissions=["act"])
    def retry(self, request: HttpRequest, rows: Errors) -> HttpResponse | None:
        able = retry_choice.sendable(self._open(rows))
        return self._again(request, rows, able, "retry", SyncRun.Kind.RETRY)

    def _open(self, rows: Errors) -> Errors:
        return runs.only_open(rows).filter(lane__in=runs.current_lanes())

    def _again(
        self, request: HttpRequest, rows: Errors, able: Errors, action: str, kind: SyncRun.Kind
    ) -> HttpResponse | None:
        verb = {"check_again": "checked", "retry": "retried"}[action]
        title = {"check_again": "Check again", "retry": "Retry the stored copies"}[action]
        ids = list(able.values_list("external_id", flat=True)[: CHOSEN + 1])
        if not ids or len(ids) > CHOSEN:
            text = f"More than {CHOSEN:,} are selected. Select fewer, or start a full check."
            if not ids:
                text = (
                    f"None of the selected errors can be {verb}: they are closed, dismissed or of "
                    "another lane, or they can only be fixed in the registry."
                )
            self.message_user(request, text, messages.WARNING)
            return None
        facts = [f"{number_of(len(ids), 'record')} of the selected will be {verb}."]
        explanation = {"check_again": CHECK, "retry": RETRY}[action]
        reason = self._ask(request, able, action, title, explanation, facts)
        if not isinstance(reason, str):
            return reason
        values = {"title": title, "reason": reason, "kind": kind}
        return HttpResponseRedirect(self._begin(request, list(able[:CHOSEN]), verb, **values))

    def _begin(
        self, request: HttpRequest, errors: Sequence[EntityError], verb: str, **values: Any
    ) -> str:
        """Request a run of each lane's errors. Return the address that tells what comes of it."""
        address = reverse("admin:registry_sync_syncrun_changelist")
        of = list(dict.fromkeys(error.lane for error in errors))
        for lane in of:
            of_lane = [error for error in errors if error.lane_id == lane.pk]
            only = sorted(error.external_id for error in of_lane)
            run, answer = start_or_follow(self, request, only=only, lane=lane, **values)
            comment = f"{verb.capitalize()} by {_whom(run, answer)}: {values['reason']}"
            self.note(request, of_lane, comment)
            if len(of) == 1:
                address = self._outcome_address(run, answer, of_lane)
        return address

    def _ask(
        self,
        request: HttpRequest,
        rows: Errors,
        action: str,
        title: str,
        text: str,
        facts: Sequence[str] = (),
    ) -> str | HttpResponse | None:
        """Return the reason, the page that asks for it, or None where nothing is selected."""
        across = request.POST.get("select_across") == "1"
        shown = list(rows[: SHOWN if across else CHOSEN])
        if not shown:
            text = "None of the selected errors can be handled this way."
            self.message_user(request, text, messages.WARNING)
            return None
        count = rows.count() if across else None
        if count is not None:
            facts = [*facts, f"{number_of(count, 'error')} in total. The first {len(shown)}:"]
        return self.ask(
            request, shown, action=action, title=title, explanation=text, facts=facts, count=count,
            select_across="1" if across else "",
        )  # fmt: skip

    def _outcome_address(
        self, run: SyncRun, answer: runs.Answer, errors: Sequence[EntityError]
    ) -> str:
        """Return the address that tells the outcome: of one error its own page."""
        if len(errors) != 1:
            return outcome_address(run, answer)
        query = {"run": run.pk, **({"after": 1} if answer is runs.Answer.FOLLOWS else {})}
        address = reverse("admin:registry_sync_entityerror_change", args=[errors[0].pk])
        return f"{address}?{urlencode(query)}"

    # -- what came of it ---------------------------------------------------------------------

    def outcome_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """Tell what a run found of the records that it was asked for (`id`: of one of them)."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        chosen = request.GET.getlist("id")
        found = outcome_context(run_id, chosen, after=bool(request.GET.get("after")))
        if found is None:
            raise Http404("This run does not exist.")
        context = {**found, "title": f"Checked by run {found['checked_by'].pk}"}
        whole = "admin/registry_sync/entityerror/outcome.html"
        answer = self.render(request, PART if request.GET.get("part") else whole, context)
        answer["Cache-Control"] = "no-store"
        return answer


def outcome_context(run_id: int, external_ids: Sequence[str], *, after: bool) -> Json | None:
    """Return what a page needs to tell a check's outcome; None if there is no such run.

    With `after`, the check follows the run `run_id`.
    """
    run = SyncRun.objects.select_related("lane").filter(pk=run_id).first()
    if run is None:
        return None
    waits_for = None
    if after:
        later = checks.following(run)
        waits_for, run = (run, run) if later is None else (None, later)
    ids = list(external_ids) or run.only[:CHOSEN]
    query: list[tuple[str, Any]] = [("part", 1), *(("after", 1) for _ in range(after))]
    query += [("id", external_id) for external_id in external_ids]
    address = reverse("admin:registry_sync_entityerror_outcome", args=[run_id])
    outcomes = [] if waits_for else checks.check_outcomes(run, ids)
    return {
        "checked_by": run,
        "checked_after": waits_for,
        "outcomes": outcomes,
        "passed": sum(outcome.state == "passed" for outcome in outcomes),
        "outcome_ended": not (run.is_active or waits_for),
        "outcome_address": f"{address}?{urlencode(query)}",
    }


def asked_outcome(request: HttpRequest, external_id: str) -> Json:
    """Return the outcome that a page about one record shows, if its address names a run."""
    run = as_key(request.GET.get("run", ""))
    after = bool(request.GET.get("after"))
    found = None if run is None else outcome_context(run, [external_id], after=after)
    return found or {}


def _whom(run: SyncRun, answer: runs.Answer) -> str:
    after = answer is runs.Answer.FOLLOWS
    return f"the run that follows run {run.pk}" if after else f"run {run.pk}"
