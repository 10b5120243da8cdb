"""An id for each request: in every line of the log that it causes, and in its answer."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from registry_sync.core import log_context

HEADER = "X-Request-ID"
USABLE = re.compile(r"[\w.:-]{1,100}", re.ASCII)


class RequestIdMiddleware:
    """Takes the id of a trusted proxy (`TRUST_PROXY_HEADERS`), or makes one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get(HEADER, "") if settings.TRUST_PROXY_HEADERS else ""
        request_id = given if USABLE.fullmatch(given) else uuid.uuid4().hex
        request.META[log_context.REQUEST] = request_id
        with log_context.bind(request=request_id):
            response = self.get_response(request)
        response[HEADER] = request_id
        return response
