"""What a person does with runs: start one, pause, resume or cancel it. Each asks first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from registry_sync import runs
from registry_sync.admin.base import Reasoned
from registry_sync.desk import lanes
from registry_sync.desk import run_actions as orders
from registry_sync.jobs.control import cancel_run, pause_run, resume_run
from registry_sync.models import SyncRun
from registry_sync.monitoring.queues import Queues, see_queues
from registry_sync.runs.queue import enqueue

CONTROLS: dict[str, tuple[str, str]] = {
    "pause": (
        "Pause",
        "It stops after the batch on its way and keeps its place. No other run starts until it is "
        "resumed or cancelled.",
    ),
    "resume": ("Resume", "It goes on where it was."),
    "cancel": (
        "Cancel the run",
        "It ends at once. What was written stays; the next run starts from where the last good "
        "one ended.",
    ),
}


class RunOrders(Reasoned):
    """The pages that start a run or take a hand in one."""

    def order_urls(self) -> list[URLPattern]:
        """Give the addresses of these pages."""
        guarded: Callable[[Any], Any] = self.admin_site.admin_view
        return [
            path("start/<slug:what>/", guarded(self.start), name="registry_sync_syncrun_start"),
            path(
                "<int:run_id>/do/<slug:what>/",
                guarded(self.take_a_hand),
                name="registry_sync_syncrun_do",
            ),
        ]

    def may_start(self, request: HttpRequest) -> bool:
        """Say whether this person may start a run."""
        return request.user.has_perm("registry_sync.add_syncrun")

    def start(self, request: HttpRequest, what: str) -> HttpResponse:
        """Ask, say what would be touched, and start: from the first page's buttons."""
        if what not in orders.ORDERS:
            raise Http404
        lane = lanes.find(request.GET.get("lane", ""))
        return self._begin(
            request,
            orders.ORDERS[what],
            lambda seen: orders.facts(what, lane, seen),
            reverse("admin:index"),
        )

    def take_a_hand(self, request: HttpRequest, run_id: int, what: str) -> HttpResponse:
        """Rerun, retry its failures, pause, resume or cancel: from a run's own page."""
        run = SyncRun.objects.select_related("lane").filter(pk=run_id).first()
        if run is None or what not in ("rerun", "retry", *CONTROLS):
            raise Http404
        if what in CONTROLS:
            return self._control(request, run, what)
        if not self.may_start(request):
            raise PermissionDenied
        order, facts = (orders.again if what == "rerun" else orders.failures_again)(run)
        if order is None:
            self.message_user(request, facts[0], messages.WARNING)
            return HttpResponseRedirect(page_of(run))
        return self._begin(
            request, order, lambda seen: facts + orders.in_the_way(seen), page_of(run)
        )

    def _begin(
        self,
        request: HttpRequest,
        order: orders.Order,
        facts: Callable[[Queues], list[str]],
        back: str,
    ) -> HttpResponse:
        if not self.may_start(request):
            raise PermissionDenied
        queues = see_queues()
        reason = self.ask(
            request, [], action="start", title=order.title, explanation=order.explanation,
            facts=facts(queues), back=back,
        )  # fmt: skip
        if isinstance(reason, HttpResponse):
            return reason
        actor = request.user.get_username()
        run, ours = runs.request(trigger=SyncRun.Trigger.ADMIN, actor=actor, **order.wanted)
        if ours:
            runs.log(run, "INFO", f"{order.title}, asked for by {actor}: {reason}")
            self.note(request, [run], f"{order.title}: {reason}")
            told = enqueue(run.pk)
            wait = "" if told and queues.listening else f" {orders.waits(queues)}"
            self.message_user(request, f"{order.title}: run {run.pk} is queued.{wait}")
        else:
            text = f"Run {run.pk} is already going on (started by {orders.who(run)})"
            self.message_user(request, f"{text}: no second one was started.", messages.WARNING)
        return HttpResponseRedirect(page_of(run))

    def _control(self, request: HttpRequest, run: SyncRun, what: str) -> HttpResponse:
        if not self.may(request):
            raise PermissionDenied
        title, explanation = CONTROLS[what]
        reason = self.ask(
            request, [run], action=what, title=title, explanation=explanation, back=page_of(run)
        )
        if isinstance(reason, HttpResponse):
            return reason
        self.control(request, run, what, reason)
        return HttpResponseRedirect(page_of(run))

    def control(self, request: HttpRequest, run: SyncRun, what: str, reason: str) -> None:
        """Do it, and say what came of it."""
        title, actor = CONTROLS[what][0], request.user.get_username()
        if not run.is_active or (what == "resume" and run.paused_at is None):
            why = "is not paused" if run.is_active else "has ended already"
            self.message_user(request, f"Run {run.pk} {why}.", messages.WARNING)
            return
        if what == "resume":
            told = resume_run(run) and see_queues().listening
            who = "a worker" if told else "the next sync_registry"
            said = f"Run {run.pk} goes on where it was: {who} takes it up."
            runs.log(run, "INFO", f"{actor} resumed it: {reason}")
        else:
            do = pause_run if what == "pause" else cancel_run
            if not do(run, actor=actor, reason=reason):
                self.message_user(request, f"Run {run.pk} has ended already.", messages.WARNING)
                return
            said = f"{title}: run {run.pk}."
        self.note(request, [run], f"{title}: {reason}")
        self.message_user(request, said)


def page_of(run: SyncRun) -> str:
    """Give the address of a run's page."""
    return reverse("admin:registry_sync_syncrun_change", args=[run.pk])
