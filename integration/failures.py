"""Pages of what the service could not answer: what happened, and who must act.

They ask no database, which may be what failed.
https://docs.djangoproject.com/en/stable/topics/http/views/#customizing-error-views
"""

from __future__ import annotations

import sys

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from registry_sync.core import log_context


def server_error(request: HttpRequest) -> HttpResponse:
    """Return the page of an error that no one foresaw: 503 if the database gave it, else 500."""
    if isinstance(sys.exc_info()[1], DatabaseError):
        lines = [
            "The database does not answer, or does not match this version. Nothing is lost: try "
            "again in a minute.",
            "If it stays so, the operator must look at /healthz and at the log of the web "
            "service, and run manage.py migrate if migrations are missing.",
        ]
        return _page("The database cannot be used", lines, status=503)
    named = log_context.bound().get("request", "")
    lines = [
        "An error in the service stopped this page. What was saved before is kept.",
        "The operator must find the traceback in the log of the web service and report it to the "
        f"makers of Registry Sync. The request is {named}.",
    ]
    return _page("Something went wrong", lines, status=500)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return the page of a request that Django refused, such as one for another host."""
    lines = [
        "The service cannot read this request, or does not know the address that it was sent to.",
        "If every page says so, the operator must add the host of this address to ALLOWED_HOSTS "
        "and restart the web service.",
    ]
    return _page("This request was refused", lines, status=400)


def _page(title: str, lines: list[str], *, status: int) -> HttpResponse:
    shown = render_to_string("failure.html", {"title": title, "lines": lines})
    return HttpResponse(shown, status=status)
