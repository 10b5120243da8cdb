"""Draw canvases while a run is active."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from django.db import DatabaseError

from registry_sync.benchling.client import Client
from registry_sync.canvas import drawing as canvas
from registry_sync.canvas.attendance import Attended
from registry_sync.models import SyncRun
from registry_sync.sync.listener import Listener

logger = logging.getLogger(__name__)

CANVAS_EVERY = 5.0
"""Seconds between two drawings of a canvas while a run is active."""

CANVAS_SHARE = 2.0
"""Further seconds for each canvas: at most 15 of the app's 300 requests in 30 s are spent."""


class CanvasWatch:
    """A listener that shows a run's progress in canvases every few seconds, and passes it on."""

    def __init__(self, run: SyncRun, client: Client, inner: Listener) -> None:
        self.run, self.client, self.inner = run, client, inner
        self._next = 0.0

    def progress(self, run: SyncRun) -> None:
        self.inner.progress(run)
        if not run.is_active or time.monotonic() > self._next:
            self.draw()  # of an ended run before its session is closed: it is detached by then

    def finding(self, external_id: str, outcome: str, details: Sequence[str]) -> None:
        self.inner.finding(external_id, outcome, details)

    def _redraw(self) -> int:
        showing = canvas.canvases_showing(self.run)
        return canvas.redraw(showing, self.client, attendance=Attended())

    def draw(self) -> None:
        """Draw the canvases that show this run, from the database."""
        drawn = 0
        try:
            drawn = self._redraw()
        except DatabaseError as error:  # the run itself will end with this error
            logger.warning("The canvases were not drawn: %s", error)
        self._next = time.monotonic() + max(CANVAS_EVERY, CANVAS_SHARE * drawn)
