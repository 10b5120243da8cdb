"""The WSGI application, for gunicorn.

The server may have hundreds of threads, so that slow connections do not delay others; only a
few of them work at a time, so that the database has few connections.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable
from threading import BoundedSemaphore
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "integration.settings")

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
AT_A_TIME = 16
"""Requests that one process works on at a time."""
BUFFERED = 1024 * 1024
"""Bytes of a body that are read before the request waits for its turn."""


def take_turns(work: Wsgi, *, at_a_time: int = AT_A_TIME) -> Wsgi:
    """Return an application that reads small bodies first, then works when it is its turn."""
    turns = BoundedSemaphore(at_a_time)

    def application(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        length = str(environ.get("CONTENT_LENGTH") or "0")
        if length.isdecimal() and 0 < int(length) <= BUFFERED:
            environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(int(length)))
        with turns:
            return work(environ, start_response)

    return application


application = take_turns(get_wsgi_application())


def _turn_on() -> None:
    from registry_sync.webhooks.notices import noticer  # models need the application

    noticer.is_on = True


_turn_on()
