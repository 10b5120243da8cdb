"""What the app does for each stored webhook: one job per delivery, tried again if it fails.

Messages are short, unordered and may arrive twice, so canvases are drawn from the database and
never from a message. https://docs.benchling.com/docs/getting-started-with-webhooks
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from django.conf import settings
from django.utils import timezone

from registry_sync import runs
from registry_sync.benchling.client import Client
from registry_sync.benchling.errors import Refused, Wait
from registry_sync.canvas import drawing as canvases
from registry_sync.canvas import text as words
from registry_sync.canvas.attendance import is_pressed
from registry_sync.canvas.refused import wake
from registry_sync.core import log_context, stopping
from registry_sync.core.problems import SyncError
from registry_sync.core.types import Json
from registry_sync.models import Canvas, Installation, WebhookDelivery
from registry_sync.runs.queue import is_out_of_time
from registry_sync.sync.clients import impatient_client
from registry_sync.sync.lane_refresh import refresh_lanes
from registry_sync.sync.setup import configure, read_items
from registry_sync.webhooks.buttons import BUTTONS, Presser
from registry_sync.webhooks.enqueue import enqueue_deliveries
from registry_sync.webhooks.inbox import (
    claim_delivery,
    close_delivery,
    next_waiting,
    try_again,
    waiting_deliveries,
)

logger = logging.getLogger(__name__)
State = WebhookDelivery.State
WANTED = ("wanted", "wanted_at")
WORK_FOR = 20.0
"""Seconds after which a job begins no further delivery: less than half of LONGEST_WORK."""


def work_deliveries(delivery_id: int) -> None:
    """Work a delivery and those that wait behind it.

    Where others wait, a further job is queued first: another worker may help, and takes over if
    this one is killed.
    """
    client, until = impatient_client(), time.monotonic() + WORK_FOR
    enqueue_deliveries(waiting_deliveries().exclude(pk=delivery_id)[:1])
    work_delivery(delivery_id, client)
    while (waiting := next_waiting()) is not None:
        if time.monotonic() > until or stopping.requested():
            enqueue_deliveries(waiting_deliveries()[:1])
            return
        work_delivery(waiting, client)


def work_delivery(delivery_id: int, client: Client | None = None) -> None:
    """Work one delivery, unless it is done or another worker has it. Never raises."""
    delivery = claim_delivery(delivery_id)
    if delivery is None:
        return
    with log_context.bind(delivery=delivery.webhook_id):
        _work(delivery, client or impatient_client())


def _work(delivery: WebhookDelivery, client: Client) -> None:
    handler = HANDLERS.get(delivery.type)
    if handler is None:
        close_delivery(delivery, State.IGNORED)
        return
    try:
        handler(delivery, client)
    except stopping.Stopping:
        try_again(delivery, "The worker was stopped.")
    except (Refused, SyncError, Wait) as error:
        logger.warning("The delivery failed: %s", error)
        if not (_is_transient(error) and try_again(delivery, str(error))):
            close_delivery(delivery, State.FAILED, str(error))
            _enable(delivery, client)
    except Exception as error:
        # Deliveries before this one may have taken the job's time.
        if is_out_of_time(error) and try_again(delivery, "The job took too long."):
            return
        logger.exception("The delivery failed with an internal error")
        text = f"An internal error occurred ({type(error).__name__})."
        close_delivery(delivery, State.FAILED, f"{text} The service's log has more.")
        _enable(delivery, client)
    else:
        close_delivery(delivery, State.DONE)


def _enable(delivery: WebhookDelivery, client: Client) -> None:
    """Enable the canvas's buttons again after a failure: now, or later by the reconciler."""
    canvas_id = str(delivery.message.get("canvasId"))
    canvases.owe_drawing(canvas_id, words.trouble())
    canvases.redraw(Canvas.objects.filter(canvas_id=canvas_id), client, pressed=True)


def _is_transient(error: Exception) -> bool:
    """Return whether waiting is enough."""
    return isinstance(error, Wait) or (isinstance(error, SyncError) and error.transient)


# -- canvases ---------------------------------------------------------------------------------


def _created(delivery: WebhookDelivery, client: Client) -> None:
    """Draw a canvas that a scientist inserted and Benchling created."""
    message = delivery.message
    canvases.draw(canvases.known_canvas(message, str(message["canvasId"])), client)


def _initialised(delivery: WebhookDelivery, client: Client) -> None:
    """Create and draw the canvas of a page that was opened for the first time."""
    message = delivery.message
    resource_id, feature_id = str(message["resourceId"]), str(message["featureId"])
    canvas_rows = Canvas.objects.of_app()
    canvas = canvas_rows.filter(resource_id=resource_id, feature_id=feature_id).first()
    if canvas is not None and not _is_there(canvas, client):
        canvas.delete()  # archived or deleted: a new one is created
        canvas = None
    if canvas is None:
        body = {
            "featureId": feature_id, "resourceId": resource_id, "enabled": True, "blocks": [],
        }  # fmt: skip
        created = client.create_canvas(
            body, after_lost=lambda: client.canvas_of(resource_id, feature_id)
        )
        canvas = canvases.known_canvas({**message, "resourceId": resource_id}, str(created["id"]))
    canvases.draw(canvas, client)


def _is_there(canvas: Canvas, client: Client) -> bool:
    try:
        return not client.canvas(canvas.canvas_id).get("archiveRecord")
    except Refused as refused:
        if refused.status == 404:
            return False
        raise


def _interacted(delivery: WebhookDelivery, client: Client) -> None:
    """Do what the button does that a scientist pressed."""
    message = delivery.message
    canvas = canvases.known_canvas(message, str(message["canvasId"]))
    canvas.used_at, canvas.rests_until = runs.database_now(), None
    canvas.save(update_fields=["used_at", "rests_until"])  # from now on it must be drawn again
    press = BUTTONS.get(str(message.get("buttonId")))
    canvas.note = words.unknown_button() if press is None else ""
    if press is not None:
        canvas.standing = canvas.chip = ""  # of an earlier look-up
        user_id = str(message.get("userId") or "")
        press(canvas, client, Presser(user_id, delivery.received_at, client))
    canvas.save(update_fields=["run", "preview", "note", "asked", "standing", "chip", *WANTED])
    if is_pressed(canvas.canvas_id):
        return  # the next press draws it
    try:
        canvases.draw(canvas, client, pressed=True)
    except (SyncError, Wait) as error:
        if not _is_transient(error):
            raise
        # The button did its work; the reconciler draws the canvas later.
        logger.warning("canvas=%s was not drawn yet: %s", canvas.canvas_id, error)


# -- the app itself ----------------------------------------------------------------------------


def _configuration_updated(delivery: WebhookDelivery, client: Client) -> None:
    """Check the new configuration at once, so that its faults show before a run meets them.

    It refreshes the lanes, and requests no run.
    """
    try:
        items = read_items(client)
        elements = [lane.element for lane in refresh_lanes(client, items).lanes] or [""]
        faults = [_fault(client, items, element) for element in elements]
    except SyncError as error:
        faults = [_fault_text(error)]
    fault = " ".join(dict.fromkeys(filter(None, faults)))
    _save_installation(config_fault=fault, config_checked_at=timezone.now())
    _redraw_all(client)


def _fault(client: Client, items: list[Json], element: str) -> str:
    """Return what is wrong with the configuration of one sync; "" if it is sound."""
    key = settings.BENCHLING_PRIVATE_KEY
    try:
        configure(client, private_key=key, element=element, items=items)
    except SyncError as error:
        return _fault_text(error)
    return ""


def _fault_text(error: SyncError) -> str:
    if error.transient:
        raise error  # Benchling is unavailable, which says nothing about the configuration
    return error.with_remedy


def _installed(delivery: WebhookDelivery, client: Client) -> None:
    _save_installation(deactivated_at=None)
    wake()


def _deactivated(delivery: WebhookDelivery, client: Client) -> None:
    _save_installation(deactivated_at=timezone.now())
    _redraw_all(client)


def _save_installation(**values: object) -> None:
    Installation.objects.update_or_create(**runs.app_key(), defaults=values)


def _redraw_all(client: Client) -> None:
    canvases.redraw(Canvas.objects.of_app().order_by("-used_at")[: canvases.RECENT], client)


HANDLERS: dict[str, Callable[[WebhookDelivery, Client], None]] = {
    "v2.canvas.created": _created,
    "v2-beta.canvas.created": _created,
    "v2.canvas.initialized": _initialised,
    "v2.canvas.userInteracted": _interacted,
    "v2-beta.app.configuration.updated": _configuration_updated,
    "v2.app.installed": _installed,
    "v2.app.activateRequested": _installed,
    "v2.app.deactivated": _deactivated,
}
