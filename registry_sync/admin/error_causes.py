"""Retry or dismiss all open errors of one cause, however many there are."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from registry_sync import runs
from registry_sync.admin.base import Reasoned
from registry_sync.admin.start_run import start
from registry_sync.desk import error_decisions as decisions
from registry_sync.desk import lanes
from registry_sync.models import EntityError, SyncRun
from registry_sync.reporting.catalogue import record_cause
from registry_sync.sync import retry_choice

RETRY = (
    "The records are retried from the stored copies with the current mapping and the current "
    "state of Benchling. Records that succeed are written to Benchling and their errors close."
)
DISMISS = (
    "Dismissed errors are ignored until their records change in the registry. They affect neither "
    "a run's status nor its exit code. Find them under “Dismissed”."
)

NOT_CURRENT = "These errors belong to a lane that is no longer synced, so they cannot be retried."


class WholeCauses(Reasoned):
    """The buttons beside each cause of the errors' list."""

    def get_urls(self) -> list[URLPattern]:
        pattern = "cause/<slug:code>/<slug:what>/"
        view = self.admin_site.admin_view(self.cause_view)
        return [path(pattern, view, name="registry_sync_entityerror_cause"), *super().get_urls()]

    def cause_view(self, request: HttpRequest, code: str, what: str) -> HttpResponse:
        """Retry or dismiss all open errors of a cause, after a page that asks for a reason."""
        lane = lanes.find(request.GET.get("lane", ""))
        if not self.may(request):
            raise PermissionDenied
        if what not in ("retry", "dismiss") or lane is None:
            raise Http404("This action does not exist.")
        if what == "retry" and not lanes.is_current(lane):
            self.message_user(request, NOT_CURRENT, messages.WARNING)
            return HttpResponseRedirect(reverse("admin:registry_sync_entityerror_changelist"))
        able = runs.open_errors(lane).filter(code=code)
        able = retry_choice.sendable(able) if what == "retry" else able
        back = reverse("admin:registry_sync_entityerror_changelist") + f"?code={code}"
        able = able.order_by("first_seen")  # by the key, a million closed ones would be walked
        first = able.first()
        if first is None:
            text = "No open error with this cause can be handled this way."
            self.message_user(request, text, messages.WARNING)
            return HttpResponseRedirect(back)
        counted = f"{able.count():,} × {record_cause(code).title}"
        reason = self.ask(
            request,
            [],
            action=what,
            title=f"{what.capitalize()} all: {record_cause(code).title}",
            explanation=RETRY if what == "retry" else DISMISS,
            back=back,
            facts=[counted, *(str(error) for error in able[:10])],
        )
        if isinstance(reason, HttpResponse):
            return reason
        if what == "retry":
            self._retry_all(request, first, counted, reason)
        else:
            who = request.user.get_username()
            count = decisions.dismiss(able, actor=who, reason=reason)
            self.note(request, [first], f"All {counted} dismissed: {reason}")
            self.message_user(request, f"{count:,} errors dismissed.")
        return HttpResponseRedirect(back)

    def _retry_all(
        self, request: HttpRequest, first: EntityError, counted: str, reason: str
    ) -> None:
        run, ours = start(self, request, kind=SyncRun.Kind.RETRY, only_cause=first.code)
        if ours:
            self.note(request, [first], f"Run {run.pk} retries all {counted}: {reason}")
