"""Whether someone works on what was requested in a canvas, and what it says if no one does."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property

from registry_sync import runs
from registry_sync.canvas import text as words
from registry_sync.models import Canvas, SyncRun, WebhookDelivery
from registry_sync.runs.rhythm import Rhythm, infer_rhythm
from registry_sync.runs.workers import Queues, read_queues

PROMPT = timedelta(seconds=5)
"""Within this time a worker takes a press up."""
MOST = 200


class Attendance:
    """Who is at work now, as seen once for all canvases of one drawing."""

    @cached_property
    def queues(self) -> Queues:
        """Return Redis and its workers."""
        return read_queues()

    @cached_property
    def rhythm(self) -> Rhythm | None:
        """Return the schedule."""
        return infer_rhythm()

    def notice(self, canvas: Canvas, run: SyncRun | None) -> str:
        """Return who is missing for what the canvas waits for, or when it starts; "" if neither."""
        queue = _queue_of(canvas, run)
        if not queue or self.queues.serves(queue):
            return ""
        return words.unattended(self.queues, self.rhythm)


class Attended(Attendance):
    """The process that draws works on the run itself; presses may still have no worker."""

    def notice(self, canvas: Canvas, run: SyncRun | None) -> str:
        """Return who is missing for a press in the canvas."""
        return super().notice(canvas, None)


def _queue_of(canvas: Canvas, run: SyncRun | None) -> str:
    """Return the queue that must be worked next for a canvas, "" if it waits for none."""
    if is_pressed(canvas.canvas_id):
        return "interactive"
    return "sync" if run is not None and _waits_for_worker(run) else ""


def is_pressed(canvas_id: str) -> bool:
    """Return whether a press in this canvas was not worked on yet."""
    return has_waiting_webhook(canvas_id, type=WebhookDelivery.PRESS)


def has_waiting_webhook(canvas_id: str, **filters: str) -> bool:
    """Return whether any webhook about this canvas was not worked on yet."""
    received = WebhookDelivery.objects.filter(state=WebhookDelivery.State.RECEIVED)
    return received.filter(message__canvasId=canvas_id, **filters).exists()


def pressed_canvases() -> list[str]:
    """Return the ids of canvases with a press that no worker took up at once."""
    received = WebhookDelivery.objects.filter(state=WebhookDelivery.State.RECEIVED)
    before = runs.now_in_query() - PROMPT
    late = received.filter(type=WebhookDelivery.PRESS, received_at__lt=before)
    ids = late.values_list("message__canvasId", flat=True).distinct()
    return [str(canvas_id) for canvas_id in ids[:MOST] if canvas_id]


def _waits_for_worker(run: SyncRun) -> bool:
    idle = run.is_active and run.paused_at is None
    return idle and not runs.is_held(run) and not runs.is_waiting(run)
