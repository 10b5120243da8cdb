"""Start a run from a page for the current user, and show a link to it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from registry_sync import runs
from registry_sync.desk import run_actions as orders
from registry_sync.models import SyncRun
from registry_sync.monitoring.queues import see_queues
from registry_sync.runs.queue import enqueue


def start(page: admin.ModelAdmin, request: HttpRequest, **wanted: Any) -> tuple[SyncRun, bool]:
    """Request a run and notify a worker. Return the run and whether it is a new one.

    If another run is active, that one is returned and shown instead.
    """
    run, is_new = runs.request(
        trigger=SyncRun.Trigger.ADMIN, actor=request.user.get_username(), **wanted
    )
    link = format_html('<a href="{}">Run {}</a>', page_of(run), run.pk)
    if not is_new:
        text = "{} is already active (started by {}). No other run was started."
        page.message_user(request, format_html(text, link, orders.who(run)), messages.WARNING)
        return run, False
    queues = see_queues()
    if enqueue(run.pk) and queues.listening:
        page.message_user(request, format_html("{} is queued.", link), messages.SUCCESS)
    else:
        text = format_html("{} is queued. {}", link, orders.waits(queues))
        page.message_user(request, text, messages.WARNING)
    return run, True


def page_of(run: SyncRun) -> str:
    """Return the address of a run's page."""
    return reverse("admin:registry_sync_syncrun_change", args=[run.pk])
