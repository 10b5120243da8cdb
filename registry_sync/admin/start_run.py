"""Start a run from a page for the current user, and show a link to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from registry_sync import runs
from registry_sync.desk import run_actions as orders
from registry_sync.models import Lane, SyncRun
from registry_sync.runs.queue import enqueue
from registry_sync.runs.workers import read_queues


def start_run(
    page: admin.ModelAdmin, request: HttpRequest, *, title: str, reason: str, **values: Any
) -> tuple[SyncRun, bool]:
    """Request a run and notify a worker. Return the run and whether it is a new one.

    Its log keeps who requested it and why. If another run is active, that one is returned and
    shown instead.
    """
    run, is_new = runs.request_run(
        trigger=SyncRun.Trigger.ADMIN, actor=request.user.get_username(), **values
    )
    name = runs.LaneNames().label(run.lane)
    if not is_new:
        text = "{} is already active (started by {}). No other run was started."
        text = format_html(text, _link(run, name), runs.started_by(run))
        page.message_user(request, text, messages.WARNING)
        return run, False
    runs.log(run, "INFO", _requested(request, title, reason))
    _notify(page, request, run, name)
    return run, True


def start_or_follow(
    page: admin.ModelAdmin,
    request: HttpRequest,
    *,
    title: str,
    reason: str,
    kind: SyncRun.Kind,
    only: Sequence[str],
    only_cause: str = "",
    lane: Lane | None = None,
) -> tuple[SyncRun, runs.Answer]:
    """Request a run of some records or of a cause, or one that follows the active run.

    A worker is notified. Return the run, or the one that it follows. The log of the run that does
    it keeps who requested it and why.
    """
    run, answer = runs.request_or_follow(
        kind=kind,
        trigger=SyncRun.Trigger.ADMIN,
        actor=request.user.get_username(),
        asked_at=runs.database_now(),
        lane=lane,
        only=only,
        only_cause=only_cause,
        notes=[_requested(request, title, reason)],
    )
    name = runs.LaneNames().label(run.lane)
    if answer is runs.Answer.FOLLOWS:
        text = "{} is already active (started by {}). {} starts when it ends."
        text = format_html(text, _link(run, name), runs.started_by(run), title)
        page.message_user(request, text, messages.WARNING)
    else:
        _notify(page, request, run, name)
    return run, answer


def _requested(request: HttpRequest, title: str, reason: str) -> str:
    return with_reason(f"{title}, requested by {request.user.get_username()}", reason)


def with_reason(text: str, reason: str) -> str:
    """Return what was done, and why if someone said so."""
    return f"{text}: {reason}" if reason else text


def _notify(page: admin.ModelAdmin, request: HttpRequest, run: SyncRun, name: str) -> None:
    queues = read_queues()
    if enqueue(run.pk) and queues.listening:
        page.message_user(request, format_html("{} is queued.", _link(run, name)), messages.SUCCESS)
    else:
        text = format_html("{} is queued. {}", _link(run, name), orders.waits(queues))
        page.message_user(request, text, messages.WARNING)


def _link(run: SyncRun, name: str) -> SafeString:
    lane = f"{name}: " if name else ""
    return format_html('{}<a href="{}">Run {}</a>', lane, page_of(run), run.pk)


def page_of(run: SyncRun) -> str:
    """Return the address of a run's page."""
    return reverse("admin:registry_sync_syncrun_change", args=[run.pk])
