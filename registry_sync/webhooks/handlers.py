"""What the app does for each stored webhook: one job per delivery, tried again if it fails.

Messages are short, unordered and may arrive twice, so canvases are drawn from the database and
never from a message. https://docs.benchling.com/docs/getting-started-with-webhooks
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from registry_sync import runs
from registry_sync.benchling.client import Client
from registry_sync.benchling.errors import Refused, Wait
from registry_sync.canvas import drawing as canvases
from registry_sync.canvas import text as words
from registry_sync.canvas.record_status import record_status, typed_external_id
from registry_sync.core.problems import SyncError
from registry_sync.core.types import Json
from registry_sync.models import Canvas, Installation, Lane, SyncRun, WebhookDelivery
from registry_sync.runs.queue import enqueue
from registry_sync.source.client import Source
from registry_sync.sync.clients import impatient_client, plain_source
from registry_sync.sync.setup import Setup, configure
from registry_sync.webhooks.inbox import claim_delivery, close_delivery, try_again

logger = logging.getLogger(__name__)
Kind, State = SyncRun.Kind, WebhookDelivery.State


def work_delivery(delivery_id: int) -> None:
    """Work one delivery, unless it is done or another worker has it. Never raises."""
    delivery = claim_delivery(delivery_id)
    if delivery is None:
        return
    handler = HANDLERS.get(delivery.type)
    if handler is None:
        close_delivery(delivery, State.IGNORED)
        return
    client = impatient_client()
    try:
        handler(delivery, client)
    except (Refused, SyncError, Wait) as error:
        logger.warning("delivery=%s failed: %s", delivery.webhook_id, error)
        if not (_is_transient(error) and try_again(delivery, str(error))):
            close_delivery(delivery, State.FAILED, str(error))
            _enable(delivery, client)
    except Exception as error:
        logger.exception("delivery=%s failed with an internal error", delivery.webhook_id)
        close_delivery(delivery, State.FAILED, f"An internal error occurred: {error!r}")
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
    canvases.draw(_canvas(message, str(message["canvasId"])), client)


def _initialised(delivery: WebhookDelivery, client: Client) -> None:
    """Create and draw the canvas of a page that was opened for the first time."""
    message = delivery.message
    resource_id, feature_id = str(message["resourceId"]), str(message["featureId"])
    mine = Canvas.objects.of_app()
    known = mine.filter(resource_id=resource_id, feature_id=feature_id).first()
    if known is not None and not _is_there(known, client):
        known.delete()  # archived or deleted: a new one is created
        known = None
    if known is None:
        body = {
            "featureId": feature_id, "resourceId": resource_id, "enabled": True, "blocks": [],
        }  # fmt: skip
        made = client.create_canvas(
            body, after_lost=lambda: client.canvas_of(resource_id, feature_id)
        )
        known = _canvas({**message, "resourceId": resource_id}, str(made["id"]))
    canvases.draw(known, client)


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
    canvas = _canvas(message, str(message["canvasId"]))
    canvas.used_at = timezone.now()
    canvas.save(update_fields=["used_at"])  # from now on it must be drawn again
    press = BUTTONS.get(str(message.get("buttonId")))
    canvas.note = words.unknown_button() if press is None else ""
    if press is not None:
        canvas.standing = canvas.chip = ""  # of an earlier look-up
        press(canvas, client, Presser(_name_of(message, client), delivery.received_at))
    canvas.save(update_fields=["run", "preview", "note", "asked", "standing", "chip"])
    try:
        canvases.draw(canvas, client, pressed=True)
    except (SyncError, Wait) as error:
        if not _is_transient(error):
            raise
        # The button did its work; the reconciler draws the canvas later.
        logger.warning("canvas=%s was not drawn yet: %s", canvas.canvas_id, error)


def _canvas(message: Json, canvas_id: str) -> Canvas:
    canvas, _ = Canvas.objects.get_or_create(
        canvas_id=canvas_id,
        defaults={
            **runs.app_key(),
            "feature_id": str(message.get("featureId") or ""),
            "resource_id": str(message.get("resourceId") or ""),
            "used_at": timezone.now(),
        },
    )
    return canvas


def _name_of(message: Json, client: Client) -> str:
    """Return the user's name, or "a scientist" where Benchling does not give it."""
    try:
        return client.user_name(str(message.get("userId") or "")) or "a scientist"
    except (Refused, SyncError, Wait):
        return "a scientist"


@dataclass(frozen=True, slots=True)
class Presser:
    """Who pressed a button, and when Benchling's webhook about it arrived."""

    name: str
    pressed_at: datetime


NOTES: dict[runs.Answer, Callable[[SyncRun], str]] = {
    runs.Answer.STARTED: words.started,
    runs.Answer.JOINED: words.joined,
    runs.Answer.FOLLOWS: words.follows,
}


def _start(kind: SyncRun.Kind, *, only: tuple[str, ...] = ()) -> Press:
    def press(canvas: Canvas, client: Client, who: Presser) -> None:
        trigger = SyncRun.Trigger.CANVAS
        if kind == Kind.DRY_RUN:
            run, is_new = runs.request(kind=kind, trigger=trigger, actor=who.name)
            canvas.preview = run if is_new else canvas.preview
            canvas.note = words.started(run) if is_new else words.attached(run, kind)
        else:
            run, answer = runs.request_or_follow(
                kind=kind, trigger=trigger, actor=who.name, asked_at=who.pressed_at, only=only
            )
            canvas.note, is_new = NOTES[answer](run), answer is runs.Answer.STARTED
        canvas.run = run
        if is_new:
            enqueue(run.pk)

    return press


def _refresh(canvas: Canvas, client: Client, who: Presser) -> None:
    """Draw the canvas again, and nothing else."""


def _look_up(canvas: Canvas, client: Client, who: Presser) -> None:
    asked = _typed(canvas, client)
    lane = _lane()
    if not asked:
        canvas.note = words.nothing_typed()
        return
    if lane is None:
        canvas.standing = words.never()
        return
    with _asking(client) as (setup, source):
        found = record_status(asked, lane, setup, source, client)
    canvas.standing, canvas.chip = found.text, found.entity_id


def _lane() -> Lane | None:
    """Return the lane that canvases are about: today an app feeds one."""
    return next(iter(runs.current_lanes()), None)


@contextmanager
def _asking(client: Client) -> Iterator[tuple[Setup, Source]]:
    """Open the registry for one question."""
    setup = configure(client, private_key=settings.BENCHLING_PRIVATE_KEY)
    source = plain_source(setup)
    try:
        yield setup, source
    finally:
        source.close()


def _sync_one(canvas: Canvas, client: Client, who: Presser) -> None:
    asked = _typed(canvas, client)
    if not asked:
        canvas.note = words.nothing_typed()
        return
    with _asking(client) as (_, source):
        if not source.gives_one:
            canvas.note = words.only_lists()
            return
    lane = _lane()
    external_id = typed_external_id(asked, lane) if lane else asked
    _start(Kind.INCREMENTAL, only=(external_id,))(canvas, client, who)


def _typed(canvas: Canvas, client: Client) -> str:
    """Return what the text field holds now: the webhook of a click does not say it."""
    asked = ""
    for block in client.canvas(canvas.canvas_id).get("blocks") or ():
        if block.get("id") == "record":
            asked = str(block.get("value") or "").strip()[:255]
    canvas.asked, canvas.standing, canvas.chip = asked, "", ""
    return asked


# -- the app itself ----------------------------------------------------------------------------


def _configuration_updated(delivery: WebhookDelivery, client: Client) -> None:
    """Check the new configuration at once, so that its faults show before a run meets them."""
    fault = ""
    try:
        configure(client, private_key=settings.BENCHLING_PRIVATE_KEY)
    except SyncError as error:
        if error.transient:
            raise  # Benchling is unavailable, which says nothing about the configuration
        fault = f"{error.message} {error.remedy}"
    _save_installation(config_fault=fault, config_checked_at=timezone.now())
    _redraw_all(client)


def _installed(delivery: WebhookDelivery, client: Client) -> None:
    _save_installation(deactivated_at=None)


def _deactivated(delivery: WebhookDelivery, client: Client) -> None:
    _save_installation(deactivated_at=timezone.now())
    _redraw_all(client)


def _save_installation(**values: object) -> None:
    Installation.objects.update_or_create(**runs.app_key(), defaults=values)


def _redraw_all(client: Client) -> None:
    canvases.redraw(Canvas.objects.of_app().order_by("-used_at")[: canvases.RECENT], client)


Press = Callable[[Canvas, Client, Presser], None]
BUTTONS: dict[str, Press] = {
    "manual_sync": _start(Kind.INCREMENTAL),
    "preview": _start(Kind.DRY_RUN),
    "retry_failed": _start(Kind.RETRY),
    "refresh": _refresh,
    "look_up": _look_up,
    "sync_one": _sync_one,
}
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
