"""Starting a run from a page: asked for in a person's name, and told with a link to it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from registry_sync import runs
from registry_sync.models import SyncRun
from registry_sync.runs.queue import enqueue


def start(page: admin.ModelAdmin, request: HttpRequest, **wanted: Any) -> tuple[SyncRun, bool]:
    """Ask for a run and wake a worker; where another one is active, show that one instead."""
    who = request.user.get_username()
    run, ours = runs.request(trigger=SyncRun.Trigger.ADMIN, actor=who, **wanted)
    link = reverse("admin:registry_sync_syncrun_change", args=[run.pk])
    if not ours:
        by = run.actor or "the schedule"
        text = (
            '<a href="{}">Run {}</a> of {} is active, so nothing was started. Nothing is lost: '
            "ask again when it has ended."
        )
        told, level = format_html(text, link, run.pk, by), messages.WARNING
    elif enqueue(run.pk):
        told, level = (
            format_html('<a href="{}">Run {}</a> was started.', link, run.pk),
            messages.SUCCESS,
        )
    else:
        text = '<a href="{}">Run {}</a> is queued: no worker could be told, so the next one '
        text += "that looks, or the next sync_registry, takes it up."
        told, level = format_html(text, link, run.pk), messages.WARNING
    page.message_user(request, told, level)
    return run, ours
