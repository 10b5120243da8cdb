"""The desk's pages for what it cannot show: what happened, who must act, and a way on.

Other addresses, which machines call, keep Django's short answers.
https://docs.djangoproject.com/en/5.2/topics/http/views/#customizing-error-views
"""

from __future__ import annotations

import sys

from django.contrib import admin
from django.db import OperationalError, ProgrammingError
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

REFUSED = (
    "The service cannot read this request, or does not know the host that it was sent to. If every "
    "page says so, the operator must add the host to ALLOWED_HOSTS and restart the web service."
)
NO_DATABASE = (
    "The database does not answer, or has not the tables of this version. Try again in a minute. "
    "If it stays so, the operator must look at /healthz and at the log of the web service, and run "
    "manage.py migrate if migrations are missing."
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
    reason = str(exception.args[0]) if exception.args and type(exception.args[0]) is str else ""
    return _page(request, 404, "Not found", f"{reason} {NOT_FOUND}" if reason else NOT_FOUND)


def outdated_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer 403 to a form whose token is not that of the session."""
    if not _is_desk(request):
        return csrf_failure(request, reason)
    return _page(request, 403, "This form is out of date", OUTDATED)


def unusable_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400: above all to each page at a host that is not in ALLOWED_HOSTS."""
    if not _is_desk(request):
        return defaults.bad_request(request, exception)
    return _bare_page(400, "This request was refused", REFUSED)


def fault(request: HttpRequest) -> HttpResponse:
    """Answer 500, or 503 if the database gave the error. It asks no database itself."""
    if not _is_desk(request):
        return defaults.server_error(request)
    if isinstance(sys.exc_info()[1], OperationalError | ProgrammingError):
        return _bare_page(503, "The database cannot be used", NO_DATABASE)
    number = str(log_context.bound().get("request", ""))
    text = f"{FAULT} by the request id {number}." if number else f"{FAULT}."
    return _bare_page(500, "Something went wrong", text)


def _is_desk(request: HttpRequest) -> bool:
    return request.path.startswith(reverse("admin:index"))


def _bare_page(status: int, title: str, text: str) -> HttpResponse:
    context = {"title": title, "text": text, "back": None}
    return HttpResponse(render_to_string(TEMPLATE, context), status=status)


def _page(request: HttpRequest, status: int, title: str, text: str) -> HttpResponse:
    context = {**admin.site.each_context(request), "title": title, "text": text}
    return HttpResponse(render_to_string(TEMPLATE, context, request), status=status)
