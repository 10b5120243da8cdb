"""Check again, retry or dismiss the open errors of one cause: all, or those of some records."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from registry_sync import runs
from registry_sync.admin.base import Reasoned
from registry_sync.admin.start_run import page_of, start_or_follow, start_run
from registry_sync.core.text import number_of
from registry_sync.desk import error_decisions as decisions
from registry_sync.desk import lanes
from registry_sync.desk.cures import CureCase
from registry_sync.models import EntityError, SyncRun
from registry_sync.reporting.catalogue import record_cause
from registry_sync.sync import retry_choice

RETRY = (
    "The records are retried from the stored copies, as the registry gave them when they were "
    "refused, with the current mapping and the current state of Benchling. The registry is not "
    "asked: use Check again after a correction there. Records that succeed are written to "
    "Benchling and their errors close."
)
DISMISS = (
    "Dismissed errors are ignored until their records change in the registry. They affect neither "
    "a run's status nor its exit code. Find them under “Dismissed”."
)
CHOSEN = 1000
"""Records that are asked for one by one; a cause is retried as a whole, however many it has."""
CHECK = (
    "The registry is asked for these records as they are now: for each alone where Connector "
    f"Settings have endpoint.detail, else by its list. At most {CHOSEN:,} are checked at once. "
    "What passes is written to Benchling and its error closes; of the others you will see why "
    "they are still refused. The watermark stays where it is."
)
WHATS = {"check": CHECK, "retry": RETRY, "dismiss": DISMISS}
TITLES = {"check": "Check all again", "retry": "Retry all stored copies", "dismiss": "Dismiss all"}
OF_SOME = {"check": "Check again", "retry": "Retry the stored copies", "dismiss": "Dismiss"}
"""The titles where the address names records."""
KEPT = {"check": retry_choice.fetchable, "retry": retry_choice.sendable}
NOT_CURRENT = "These errors belong to a lane that is no longer synced, so they cannot be retried."


class WholeCauses(Reasoned):
    """The buttons beside each cause of the errors' list."""

    def get_urls(self) -> list[URLPattern]:
        pattern = "cause/<slug:code>/<slug:what>/"
        view = self.admin_site.admin_view(self.cause_view)
        return [path(pattern, view, name="registry_sync_entityerror_cause"), *super().get_urls()]

    def cause_view(self, request: HttpRequest, code: str, what: str) -> HttpResponse:
        """Check, retry or dismiss open errors of a cause, after a page that asks for a reason.

        With `?id=` only those of these records are meant.
        """
        lane = lanes.find_lane(request.GET.get("lane", ""))
        if not self.may(request):
            raise PermissionDenied
        if what not in WHATS or lane is None:
            raise Http404("This action does not exist.")
        if what != "dismiss" and not lanes.is_current(lane):
            self.message_user(request, NOT_CURRENT, messages.WARNING)
            return HttpResponseRedirect(reverse("admin:registry_sync_entityerror_changelist"))
        case = CureCase(lane, code, tuple(request.GET.getlist("id")))
        able = case.errors().order_by("first_seen")  # by the key, a million closed would be walked
        able = self.until_shown(request, KEPT[what](able) if what in KEPT else able)
        back = reverse("admin:registry_sync_entityerror_changelist") + f"?code={code}"
        back += f"&lane={lane.pk}" if runs.LaneNames().several else ""
        if (first := able.first()) is None:
            text = "No open error with this cause can be handled this way."
            self.message_user(request, text, messages.WARNING)
            return HttpResponseRedirect(back)
        title, count = (OF_SOME if case.ids else TITLES)[what], able.count()
        counted = _counted(case, count)
        reason = self.ask(
            request,
            [],
            action=what,
            title=f"{title}: {record_cause(code).title}",
            explanation=WHATS[what],
            back=back,
            count=count,
            facts=[counted, *(str(error) for error in able[:10])],
        )
        if isinstance(reason, HttpResponse):
            return reason
        if what == "dismiss":
            self._dismiss(request, able, reason)
            self.note(
                request, [first], f"{'' if case.ids else 'All '}{counted} dismissed: {reason}"
            )
            return HttpResponseRedirect(back)
        response = self._start_again(request, what, f"{title} ({counted})", case, able, reason)
        return response or HttpResponseRedirect(back)

    def _dismiss(self, request: HttpRequest, errors: QuerySet[EntityError], reason: str) -> None:
        """Dismiss errors and say how many."""
        done = decisions.dismiss(errors, actor=request.user.get_username(), reason=reason)
        self.message_user(request, f"{number_of(done, 'error')} dismissed.")

    def _start_again(
        self,
        request: HttpRequest,
        action: str,
        title: str,
        case: CureCase,
        able: QuerySet[EntityError],
        reason: str,
    ) -> HttpResponse | None:
        """Start the run, and lead to its outcome; None where another run is active."""
        first, only = able[0], []
        if action == "check" or case.ids:
            only = sorted(able.values_list("external_id", flat=True)[:CHOSEN])
        if action == "check":
            kind = SyncRun.Kind.INCREMENTAL
            run, answer = start_or_follow(
                self, request, title=title, reason=reason, kind=kind, only=only, lane=case.lane
            )
            self.note(request, [first], f"{title}, run {run.pk}: {reason}")
            return HttpResponseRedirect(outcome_address(run, answer))
        values = {"kind": SyncRun.Kind.RETRY, "only_cause": case.code, "lane": case.lane}
        run, is_new = start_run(self, request, title=title, reason=reason, only=only, **values)
        if not is_new:
            return None
        self.note(request, [first], f"{title}, run {run.pk}: {reason}")
        return HttpResponseRedirect(page_of(run))


def _counted(case: CureCase, count: int) -> str:
    """Return how many errors are meant, of which cause and lane."""
    name = runs.LaneNames().label(case.lane)
    return f"{count:,} × {record_cause(case.code).title}" + (f" ({name})" if name else "")


def outcome_address(run: SyncRun, answer: runs.Answer) -> str:
    """Return the address of the page that tells what a run found of what it was asked for."""
    address = reverse("admin:registry_sync_entityerror_outcome", args=[run.pk])
    return f"{address}?after=1" if answer is runs.Answer.FOLLOWS else address
