"""Start, pause, resume or cancel runs. Each action asks for a reason first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from registry_sync.admin.base import Reasoned
from registry_sync.admin.start_run import page_of, start_run, with_reason
from registry_sync.desk import lanes
from registry_sync.desk import run_actions as orders
from registry_sync.jobs.control import cancel_run, pause_run, resume_run
from registry_sync.models import SyncRun
from registry_sync.runs.workers import Queues, read_queues

CONTROLS: dict[str, tuple[str, str]] = {
    "pause": (
        "Pause",
        "The run stops after the current batch and keeps its position. No other run starts until "
        "it is resumed or cancelled.",
    ),
    "resume": ("Resume", "The run continues where it stopped."),
    "cancel": (
        "Cancel the run",
        "The run ends immediately. What it wrote stays in Benchling. The next run starts where the "
        "last good run ended.",
    ),
}
NOT_FED = "The lane in this address is no longer synced. No run was started."


class RunOrders(Reasoned):
    """The pages that start or control a run."""

    def order_urls(self) -> list[URLPattern]:
        """Return the URL patterns of these pages."""
        guarded: Callable[[Any], Any] = self.admin_site.admin_view
        return [
            path(
                "start/<slug:what>/", guarded(self.start_view), name="registry_sync_syncrun_start"
            ),
            path(
                "active/<slug:what>/",
                guarded(self.active_view),
                name="registry_sync_syncrun_active",
            ),
            path(
                "<int:run_id>/do/<slug:what>/",
                guarded(self.control_view),
                name="registry_sync_syncrun_do",
            ),
        ]

    def may_start(self, request: HttpRequest) -> bool:
        """Return whether the user may start a run."""
        return request.user.has_perm("registry_sync.add_syncrun")

    def start_view(self, request: HttpRequest, what: str) -> HttpResponse:
        """Preview, ask for a reason, and start a run: the first page's buttons."""
        if what not in orders.ORDERS:
            raise Http404
        lane_key = request.GET.get("lane", "")
        order, back = orders.ORDERS[what], reverse("admin:index")
        of = lanes.lanes_named(lane_key)
        if lane_key and not lanes.is_current(of[0]):
            self.message_user(request, NOT_FED, messages.WARNING)
            return HttpResponseRedirect(back)
        if len(of) < 2:
            lane = of[0] if of else None
            order = replace(order, values={**order.values, "lane": lane})
            back += f"?lane={lane.pk}" if lane_key and lane is not None else ""
            return self._begin(
                request, order, lambda seen: orders.order_facts(what, of, seen), back
            )
        reason = self._reason(request, order, orders.order_facts(what, of, read_queues()), back)
        if isinstance(reason, HttpResponse):
            return reason
        for lane in of:
            self._start(request, order, reason, lane=lane)
        return HttpResponseRedirect(back)

    def active_view(self, request: HttpRequest, what: str) -> HttpResponse:
        """Pause, resume or cancel the active runs of one lane, or of all."""
        if what not in CONTROLS:
            raise Http404
        if not self.may(request):
            raise PermissionDenied
        lane_key, back = request.GET.get("lane", ""), reverse("admin:index")
        of = lanes.lanes_named(lane_key)
        back += f"?lane={of[0].pk}" if lane_key else ""
        found = orders.active_of(of)
        if not found:
            self.message_user(request, "No run is active.", messages.WARNING)
            return HttpResponseRedirect(back)
        title, explanation = CONTROLS[what]
        reason = self.ask(
            request, found, action=what, title=title, explanation=explanation, back=back
        )
        if isinstance(reason, HttpResponse):
            return reason
        for run in found:
            self.control(request, run, what, reason)
        return HttpResponseRedirect(back)

    def control_view(self, request: HttpRequest, run_id: int, what: str) -> HttpResponse:
        """Rerun a run, retry its failures, or pause, resume or cancel it."""
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
        of = [lane] if (lane := orders.lane_again(run)) is not None else []
        return self._begin(
            request, order, lambda seen: facts + orders.in_the_way(seen, of), page_of(run)
        )

    def _begin(
        self,
        request: HttpRequest,
        order: orders.RunOrder,
        facts: Callable[[Queues], list[str]],
        back: str,
    ) -> HttpResponse:
        reason = self._reason(request, order, facts(read_queues()), back)
        if isinstance(reason, HttpResponse):
            return reason
        return HttpResponseRedirect(page_of(self._start(request, order, reason)))

    def _reason(
        self, request: HttpRequest, order: orders.RunOrder, facts: list[str], back: str
    ) -> str | HttpResponse:
        if not self.may_start(request):
            raise PermissionDenied
        return self.ask(
            request, [], action="start", title=order.title, explanation=order.explanation,
            facts=facts, back=back, needs_reason=order.needs_reason,
        )  # fmt: skip

    def _start(
        self, request: HttpRequest, order: orders.RunOrder, reason: str, **more: Any
    ) -> SyncRun:
        values = {"title": order.title, "reason": reason, **order.values, **more}
        run, is_new = start_run(self, request, **values)
        if is_new:
            self.note(request, [run], with_reason(order.title, reason))
        return run

    def _control(self, request: HttpRequest, run: SyncRun, action: str) -> HttpResponse:
        if not self.may(request):
            raise PermissionDenied
        title, explanation = CONTROLS[action]
        reason = self.ask(
            request, [run], action=action, title=title, explanation=explanation, back=page_of(run)
        )
        if isinstance(reason, HttpResponse):
            return reason
        self.control(request, run, action, reason)
        return HttpResponseRedirect(page_of(run))

    def control(self, request: HttpRequest, run: SyncRun, action: str, reason: str) -> None:
        """Control the run and show the result."""
        title, actor = CONTROLS[action][0], request.user.get_username()
        if not run.is_active or (action == "resume" and run.paused_at is None):
            why = "is not paused" if run.is_active else "has already ended"
            self.message_user(request, f"Run {run.pk} {why}.", messages.WARNING)
            return
        if action == "resume":
            woken = resume_run(run, actor=actor, reason=reason) and read_queues().listening
            who = "a worker" if woken else "the next sync_registry"
            message = f"Run {run.pk} will continue where it stopped, when {who} starts it."
        else:
            do = pause_run if action == "pause" else cancel_run
            if not do(run, actor=actor, reason=reason):
                self.message_user(request, f"Run {run.pk} has already ended.", messages.WARNING)
                return
            message = f"{title}: run {run.pk}."
        self.note(request, [run], f"{title}: {reason}")
        self.message_user(request, message)
