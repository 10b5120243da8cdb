"""The WSGI application, for gunicorn.

The server may have hundreds of threads, so that slow connections do not delay others; only a
few of them work at a time, so that the database has few connections.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Iterable
from tempfile import SpooledTemporaryFile
from threading import BoundedSemaphore
from typing import IO, Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "integration.settings")

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
AT_A_TIME = 16
"""Requests that one process works on at a time."""
LARGEST = 2_621_440
"""Bytes of a body that is read at all; a file of mappings has a million at most.

https://docs.djangoproject.com/en/stable/ref/settings/#data-upload-max-memory-size
"""
IN_MEMORY, PIECE = 1024 * 1024, 64 * 1024
"""Bytes of a body that are kept in memory, and read at once."""


def take_turns(work: Wsgi, *, at_a_time: int = AT_A_TIME) -> Wsgi:
    """Return an application that reads a whole body first, then works when it is its turn.

    Who sends a body slowly, or never ends it, takes no one's turn.
    """
    turns = BoundedSemaphore(at_a_time)

    def application(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        length = str(environ.get("CONTENT_LENGTH") or "0")
        size = int(length) if length.isdecimal() else 0
        if size > LARGEST:
            start_response("413 Content Too Large", [("Content-Type", "text/plain")])
            return [f"The request has {size:,} bytes. Send {LARGEST:,} at most.\n".encode()]
        if size:
            environ["wsgi.input"] = received(environ["wsgi.input"], size)
        with turns:
            return work(environ, start_response)

    return application


def received(body: IO[bytes], size: int) -> IO[bytes]:
    """Return a copy of a body, read to its end; a large one is in a temporary file."""
    copy = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - it ends with its last reader
    while size and (piece := body.read(min(size, PIECE))):
        copy.write(piece)
        size -= len(piece)
    copy.seek(0)
    return copy


application = take_turns(get_wsgi_application())


def _turn_on() -> None:
    from registry_sync.webhooks.notices import noticer  # models need the application
    from registry_sync.webhooks.refusals import refusals

    noticer.is_on = refusals.is_on = True
    atexit.register(refusals.flush)


_turn_on()
