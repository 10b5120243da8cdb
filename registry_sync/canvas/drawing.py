"""Draw canvases: what a scientist sees of the sync, from the database alone.

Each drawing is the whole canvas, enabled. Benchling disables a canvas when a button is pressed,
until the app draws it again. https://docs.benchling.com/docs/introduction-to-canvas
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from registry_sync import runs
from registry_sync.benchling.client import Client
from registry_sync.benchling.errors import Refused, Wait
from registry_sync.canvas import text as words
from registry_sync.canvas.attendance import Attendance, is_pressed, pressed_canvases
from registry_sync.canvas.record_status import entities_concerned
from registry_sync.core.problems import SyncError
from registry_sync.core.types import Json
from registry_sync.models import Canvas, Installation, SyncRun
from registry_sync.runs import estimate

logger = logging.getLogger(__name__)
LONGEST_TEXT = 4000
OWED_AFTER = timedelta(seconds=10)
MOST_LOOKED_AT = 200
RECENT = 20
"""Canvases used last, which are kept up to date although no one pressed a button for this run."""


def draw(
    canvas: Canvas,
    client: Client,
    *,
    pressed: bool = False,
    attendance: Attendance | None = None,
) -> None:
    """Draw a canvas as things are now. Raise Refused, SyncError or Wait.

    With `pressed`, the canvas's note is shown: it answers the button that was pressed.
    """
    run = _shown_run(canvas)
    notice = (attendance or Attendance()).notice(canvas, run)
    if is_pressed(canvas.canvas_id):  # that press will read here what was typed for it
        canvas.asked = typed(canvas, client)
    session = run.session_id if run is not None else ""
    body: Json = {
        "blocks": blocks(canvas, run, pressed=pressed, notice=notice),
        "enabled": True,
        "sessionId": session or None,
    }
    client.update_canvas(canvas.canvas_id, body)
    Canvas.objects.filter(pk=canvas.pk).update(
        drawn_at=timezone.now(),
        drawn_run=run,
        drawn_status=run.status if run else "",
        asked=canvas.asked,
        notice=notice,
    )


def redraw(
    canvases: Iterable[Canvas],
    client: Client,
    *,
    pressed: bool = False,
    attendance: Attendance | None = None,
) -> int:
    """Draw some canvases. Return how many; those that cannot be drawn wait for the next time."""
    number, attendance = 0, attendance or Attendance()
    for canvas in canvases:
        number += 1
        try:
            draw(canvas, client, pressed=pressed, attendance=attendance)
        except Refused as refused:
            if refused.status == 404:  # archived, or deleted with its entry
                canvas.delete()
            logger.warning("canvas=%s was not drawn: %s", canvas.canvas_id, refused)
        except (SyncError, Wait) as error:  # Benchling is unavailable: the others must wait, too
            logger.warning("canvas=%s was not drawn: %s", canvas.canvas_id, error)
            break
    return number


def typed(canvas: Canvas, client: Client) -> str:
    """Return what the canvas's text field holds now: the webhook of a press does not say it."""
    for block in client.canvas(canvas.canvas_id).get("blocks") or ():
        if block.get("id") == "record":
            return str(block.get("value") or "").strip()[:255]
    return ""


def known_canvas(message: Json, canvas_id: str) -> Canvas:
    """Return the canvas that a webhook is about; it is kept from now on."""
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


def owe_drawing(canvas_id: str, note: str) -> None:
    """Give a canvas a note and let the reconciler draw it soon."""
    Canvas.objects.filter(canvas_id=canvas_id).update(
        note=note, used_at=timezone.now(), drawn_at=None
    )


def canvases_showing(run: SyncRun) -> QuerySet[Canvas]:
    """Return the canvases that show a run: those it was started or joined from, and the recent."""
    mine = Canvas.objects.of_same_app(run)
    recent = mine.order_by("-used_at").values_list("pk", flat=True)[:RECENT]
    return mine.filter(Q(run=run) | Q(pk__in=list(recent)))


def outdated() -> QuerySet[Canvas]:
    """Return canvases that show a run as active that has ended, or that must still be drawn."""
    mine = Canvas.objects.of_app()
    active = [str(status) for status in SyncRun.ACTIVE]
    moved = Q(drawn_status__in=active) & ~Q(drawn_run__status=F("drawn_status"))
    owed = Q(drawn_at__isnull=True) | Q(drawn_at__lt=F("used_at"))
    patient = Q(used_at__lt=timezone.now() - OWED_AFTER)  # else a worker is about to draw it
    return mine.filter(moved | (owed & patient)).order_by("-used_at")


def misattended(attendance: Attendance) -> list[Canvas]:
    """Return canvases that do not say who is missing, or that say so although it is over.

    Those that were pressed last come first.
    """
    waiting = pressed_canvases()
    active = [str(status) for status in SyncRun.ACTIVE]
    shown = Q(canvas_id__in=waiting) | Q(drawn_status__in=active) | ~Q(notice="")
    mine = Canvas.objects.of_app().filter(shown).order_by("-used_at")
    return [c for c in mine[:MOST_LOOKED_AT] if attendance.notice(c, _shown_run(c)) != c.notice]


def blocks(
    canvas: Canvas, run: SyncRun | None, *, pressed: bool = False, notice: str = ""
) -> list[Json]:
    """Return a canvas's blocks, composed from the database. `notice`: who is missing."""
    joined = run is not None and run.is_active and canvas.run_id == run.pk
    note = notice or (canvas.note if pressed or joined else "")
    lines = [*filter(None, [note]), *_state(run, attended=not notice)]
    preview = canvas.preview
    if preview is not None and not preview.is_active and (run is None or preview.pk > run.pk):
        lines.append(words.ended(preview))
    out = [_markdown("title", words.HEADING), _markdown("state", "\n\n".join(lines))]
    if run is not None and run.status == SyncRun.Status.COMPLETED_WITH_WARNINGS:
        out.append(_markdown("attention", "\n".join(words.attention(run))))
        out += _chips("concerned", entities_concerned(run.lane))
    failed = any(runs.open_errors(lane).exists() for lane in runs.current_lanes())
    names = ["manual_sync", "preview", *(["retry_failed"] if failed else []), "refresh"]
    out.append(_buttons("actions", names))
    out.append(_input("record", words.RECORD, canvas.asked))
    out.append(_buttons("record_actions", ["look_up", "sync_one"]))
    if canvas.standing:
        out.append(_markdown("standing", canvas.standing))
    if canvas.chip:
        out += _chips("chip", [canvas.chip])
    return out


def _state(run: SyncRun | None, *, attended: bool) -> list[str]:
    here = Installation.objects.of_app().first()
    lines = []
    if here is not None and here.deactivated_at is not None:
        lines.append(words.deactivated(here))
    elif here is not None and here.config_fault:
        lines.append(words.misconfigured(here))
    if run is None:
        return lines or [words.never()]
    if run.is_active:
        left = estimate.time_left_sentence(run, per_hour=settings.OBJECTS_PER_HOUR)
        lines.append(words.underway(run, left=left, attended=attended))
    else:
        lines.append(words.ended(run))
    return lines


def _shown_run(canvas: Canvas) -> SyncRun | None:
    """Return the run that a canvas shows: the active one, else the last that was no dry run."""
    mine = SyncRun.objects.of_same_app(canvas)
    active = mine.filter(status__in=SyncRun.ACTIVE).select_related("lane").first()
    if active is not None:
        return active
    synced = mine.exclude(kind=SyncRun.Kind.DRY_RUN).select_related("lane")
    return synced.order_by("-id").first()


def _markdown(name: str, text: str) -> Json:
    return {"type": "MARKDOWN", "id": name, "value": text[:LONGEST_TEXT]}


def _buttons(name: str, buttons: list[str]) -> Json:
    children = [
        {"type": "BUTTON", "id": button, "text": words.BUTTONS[button], "enabled": True}
        for button in buttons
    ]
    return {"type": "SECTION", "id": name, "children": children}


def _chips(name: str, entity_ids: list[str]) -> list[Json]:
    """Return a section of chips, which Benchling shows as links to entities."""
    chips = [
        {"type": "CHIP", "id": f"{name}_{i}", "value": id_} for i, id_ in enumerate(entity_ids)
    ]
    return [{"type": "SECTION", "id": name, "children": chips}] if chips else []


def _input(name: str, label: str, value: str) -> Json:
    return {
        "type": "TEXT_INPUT", "id": name, "label": label, "value": value,
        "placeholder": words.RECORD_EXAMPLE,
        "required": False, "enabled": True,
    }  # fmt: skip
