"""Tell canvases, after their webhook was answered, that no one works on what they ask for.

Where workers or Redis are gone, only the web service knows of a press, and the canvas would stay
disabled. One thread draws it, and has a deadline for each; what it leaves undone the reconciler
does. Only the web service turns it on (see integration.wsgi).
"""

from __future__ import annotations

import logging
import queue
import threading
import time

from django.db import connections

from registry_sync.benchling.errors import Refused, Wait
from registry_sync.canvas import drawing as canvases
from registry_sync.canvas.attendance import Attendance, has_waiting_webhook
from registry_sync.core import log_context
from registry_sync.core.problems import SyncError
from registry_sync.core.types import Json
from registry_sync.models import WebhookDelivery
from registry_sync.sync.clients import hasty_client
from registry_sync.webhooks.threads import start_thread

logger = logging.getLogger(__name__)
TYPES = (WebhookDelivery.PRESS, "v2.canvas.created", "v2-beta.canvas.created")
MOST = 100
"""Canvases that wait for the thread; the reconciler draws those beyond."""
PROMPT = 2.0
"""Seconds that a worker has to take a press up before its canvas is looked at."""
LONGEST = 10.0
"""Seconds for one canvas."""
SEEN_FOR = 3.0
"""Seconds for which who is at work is not looked at again."""
IDLE = 5.0
"""Seconds without a press after which the thread ends."""


class Noticer:
    """One thread, and the canvases that wait for it."""

    def __init__(self) -> None:
        self.is_on = False
        self._waiting: queue.Queue[tuple[float, bool, WebhookDelivery]] = queue.Queue(MOST)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._attendance, self._seen_at = Attendance(), float("-inf")

    def look_after(self, delivery: WebhookDelivery, *, queued: bool) -> None:
        """Look soon at the canvas of a delivery. Never waits and never raises.

        `queued`: a worker may take it up, so it has a moment to do so.
        """
        if not self.is_on or delivery.type not in TYPES:
            return
        due = time.monotonic() + (PROMPT if queued else 0.0)
        with self._lock:
            try:
                self._waiting.put_nowait((due, queued, delivery))
            except queue.Full:
                return
            if self._thread is None:
                self._thread = start_thread(self._work, "notices")

    def _work(self) -> None:
        while True:
            try:
                due, queued, delivery = self._waiting.get(timeout=IDLE)
            except queue.Empty:
                connections.close_all()
                with self._lock:
                    if self._waiting.empty():
                        self._thread = None
                        return
                continue
            time.sleep(max(0.0, due - time.monotonic()))
            with log_context.bind(delivery=delivery.webhook_id):
                self._look_once(delivery.message, queued=queued)

    def _look_once(self, message: Json, *, queued: bool) -> None:
        try:
            self._see(redis_failed=not queued)
            self.look_at(message)
        except (Refused, SyncError, Wait) as error:
            logger.warning("A canvas could not be drawn after its webhook: %s", error)
        except Exception:
            logger.exception("A canvas could not be drawn after its webhook")
            connections.close_all()

    def _see(self, *, redis_failed: bool) -> None:
        """Look again who is at work, at times, or where Redis is gone that was there."""
        news = redis_failed and not self._attendance.queues.trouble
        if news or time.monotonic() - self._seen_at > SEEN_FOR:
            self._attendance, self._seen_at = Attendance(), time.monotonic()

    def look_at(self, message: Json) -> None:
        """Draw a canvas if no one works on its webhooks. Raise Refused, SyncError or Wait."""
        canvas_id = str(message.get("canvasId"))
        if not has_waiting_webhook(canvas_id):
            return  # a worker has taken it up
        if not self._attendance.queues.serves("interactive"):
            canvas = canvases.known_canvas(message, canvas_id)
            canvases.draw(canvas, hasty_client(LONGEST), attendance=self._attendance)


noticer = Noticer()
"""This process's."""
