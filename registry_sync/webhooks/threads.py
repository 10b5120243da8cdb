"""Threads of the web service, which work after an answer was sent."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)


def start_thread(work: Callable[[], None], name: str) -> threading.Thread | None:
    """Return a thread that works from now on; None where the system has none left."""
    thread = threading.Thread(target=work, daemon=True, name=name)
    try:
        thread.start()
    except RuntimeError as error:
        logger.warning("The thread %s could not be started: %s", name, error)
        return None
    return thread
