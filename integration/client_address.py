"""The address that a request came from, for the login throttle."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """Return the client's address.

    Where the proxy's headers are trusted (`TRUST_PROXY_HEADERS`), it is the last one in
    X-Forwarded-For: the proxy itself adds that, and the client may invent those before it.
    """
    seen = request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.TRUST_PROXY_HEADERS else ""
    return seen.rpartition(",")[2].strip() or request.META.get("REMOTE_ADDR", "")
