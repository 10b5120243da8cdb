"""The page of a cure: what it would do, a reason, and what came of it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from registry_sync import runs
from registry_sync.admin.base import Reasoned
from registry_sync.admin.error_causes import outcome_address
from registry_sync.admin.start_run import page_of, start_or_follow
from registry_sync.desk import cures, lanes, marks
from registry_sync.desk.cures.press import (
    FAILURES,
    CannotCure,
    CureOrder,
    Done,
    Press,
    Prospect,
)
from registry_sync.desk.failure_text import failure_text
from registry_sync.models import SyncRun
from registry_sync.reporting.catalogue import record_cause
from registry_sync.sync.plans.proposals import Person

NO_RUN = "This lane is no longer synced, so no run was started."
TEMPLATE = "admin/registry_sync/cure/page.html"


class CurePages(Reasoned):
    """The pages of cures that have one of their own."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.cure_view)
        pattern, name = "cure/<slug:what>/<slug:code>/", "registry_sync_entityerror_cure"
        return [path(pattern, view, name=name), *super().get_urls()]

    def cure_view(self, request: HttpRequest, what: str, code: str) -> HttpResponse:
        """Show what a cure would do; on a POST with a reason, do it and tell what came of it."""
        cure = cures.find_cure(what, code)
        lane = lanes.find_lane(request.GET.get("lane", ""))
        if not isinstance(cure, Press) or lane is None:
            raise Http404("This action does not exist.")
        if not request.user.has_perms(cure.permissions):
            raise PermissionDenied
        case = cures.CureCase(lane, code, tuple(request.GET.getlist("id")))
        trouble, sent = None, request.POST
        if request.method == "POST" and sent.get("decided"):
            order = CureOrder(
                Person.of(request.user),
                sent.get("reason", "").strip()[:500],
                sent.get("press", ""),
                tuple(sent.getlist("chosen")),
                sent.get("person", ""),
                marks.sent_marks(request),
            )
            try:
                return self._cure(request, cure, case, order)
            except FAILURES as error:
                trouble = error
        return self._cure_page(request, cure, case, trouble)

    def _cure(
        self, request: HttpRequest, cure: Press, case: cures.CureCase, order: CureOrder
    ) -> HttpResponse:
        """Do it, and lead to what comes of it. Raise CannotCure where the form is incomplete."""
        if not order.reason:
            raise CannotCure("Enter a reason. It is visible to all users. Nothing was done.")
        if fault := cure.untyped(len(order.chosen), request.POST.get("typed", "")):
            raise CannotCure(fault)
        done = cure.do(case, order)
        self.note(request, done.noted, f"{cure.label_for(case)}: {done.note} {order.reason}")
        for text in done.sentences:
            self.message_user(request, text, messages.SUCCESS)
        for text in done.warnings:
            self.message_user(request, text, messages.WARNING)
        return HttpResponseRedirect(self._after_cure(request, cure, case, order, done))

    def _after_cure(
        self, request: HttpRequest, cure: Press, case: cures.CureCase, order: CureOrder, done: Done
    ) -> str:
        """Start the run that checks the records; return the page that tells what came of it."""
        starts_run = done.whole or done.retries or done.check
        if starts_run and not lanes.is_current(case.lane):
            self.message_user(request, NO_RUN, messages.WARNING)
        elif starts_run:
            kind = SyncRun.Kind.RETRY if done.retries else done.kind
            run, answer = start_or_follow(
                self, request, title=cure.label_for(case), reason=f"{done.note} {order.reason}",
                kind=kind, only=sorted(done.check), only_cause=done.retries, lane=case.lane,
            )  # fmt: skip
            named = bool(done.check)
            return outcome_address(run, answer) if named else page_of(run)
        return done.address or _back(case)

    def _cure_page(
        self, request: HttpRequest, cure: Press, case: cures.CureCase, trouble: Exception | None
    ) -> HttpResponse:
        try:
            prospect = cure.prospect(case)
        except FAILURES as error:
            prospect, trouble = Prospect("", letter=getattr(error, "letter", "")), trouble or error
        if isinstance(trouble, CannotCure) and trouble.letter:
            prospect = Prospect(prospect.explanation, letter=trouble.letter)
        chosen = request.POST.getlist("chosen")
        rows = prospect.rows()
        ticked = [r.key for r in rows if (r.key in chosen if request.POST else r.ticked)]
        name = runs.LaneNames().label(case.lane)
        context: dict[str, Any] = {
            "title": f"{_title(cure, case)}{f' ({name})' if name else ''}",
            "prospect": prospect,
            "trouble": failure_text(trouble) if trouble else "",
            "letter_first": bool(getattr(trouble, "letter", "")),
            "ticked": ticked,
            "mark_field": marks.FIELD,
            "type_number": len(ticked) if cure.needs_typing(len(rows)) else 0,
            "typed_over": cure.typed_over,
            "reason": request.POST.get("reason", ""),
            "person": request.POST.get("person", str(request.user.pk)),
            "back": _back(case),
        }
        return self.render(request, TEMPLATE, context)


def _title(cure: Press, case: cures.CureCase) -> str:
    """Return the title of a cure's page: its label, and the cause of errors that it is for."""
    label = cure.label_for(case)
    return f"{label}: {record_cause(case.code).title}" if case.errors().exists() else label


def _back(case: cures.CureCase) -> str:
    """Return the page that a cure is offered on: the errors of its cause, or the first page."""
    if case.errors().exists():
        list_ = reverse("admin:registry_sync_entityerror_changelist")
        return f"{list_}?code={case.code}&lane={case.lane.pk}"
    return reverse("admin:index")
