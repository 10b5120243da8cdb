"""The desk's pages for what it cannot show: what happened, who must act, and a way on.

Other addresses, which machines call, keep Django's short answers.
https://docs.djangoproject.com/en/5.2/topics/http/views/#customizing-error-views
"""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.views import defaults
from django.views.csrf import csrf_failure

from registry_sync.core import log_context

TEMPLATE = "admin/registry_sync/error.html"
FORBIDDEN = (
    "Your user has no permission for this page or action. Whoever manages users grants it to your "
    "user or your group, under More → Users."
)
NOT_FOUND = (
    "Nothing has this address. The row may have been deleted when its time to be kept was over, or "
    "the address is incomplete."
)
OUTDATED = (
    "This form was opened before you last logged in or out, or your browser blocks cookies. Go "
    "back, reload the page, and send the form again. Nothing was done."
)
FAULT = (
    "This page failed. What you asked for may be done or not: check before you try again. If it "
    "fails again, tell the operator, who finds the cause in the service's log"
)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403: whoever asks has no permission."""
    if not _is_desk(request):
        return defaults.permission_denied(request, exception)
    return _page(request, 403, "You may not do this", FORBIDDEN)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404, with what a page of the desk says about it."""
    if not _is_desk(request):
        return defaults.page_not_found(request, exception)
    said = str(exception.args[0]) if exception.args and type(exception.args[0]) is str else ""
    return _page(request, 404, "Not found", f"{said} {NOT_FOUND}" if said else NOT_FOUND)


def outdated_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer 403 to a form whose token is not that of the session."""
    if not _is_desk(request):
        return csrf_failure(request, reason)
    return _page(request, 403, "This form is out of date", OUTDATED)


def fault(request: HttpRequest) -> HttpResponse:
    """Answer 500. It asks no database: that may be what failed."""
    if not _is_desk(request):
        return defaults.server_error(request)
    number = str(log_context.bound().get("request", ""))
    text = f"{FAULT} by the request id {number}." if number else f"{FAULT}."
    context = {"title": "Something went wrong", "text": text, "back": None}
    return HttpResponse(render_to_string(TEMPLATE, context), status=500)


def _is_desk(request: HttpRequest) -> bool:
    return request.path.startswith(reverse("admin:index"))


def _page(request: HttpRequest, status: int, title: str, text: str) -> HttpResponse:
    context = {**admin.site.each_context(request), "title": title, "text": text}
    return HttpResponse(render_to_string(TEMPLATE, context, request), status=status)
