"""Draw canvases: what a scientist sees of the sync, from the database alone.

Each drawing is the whole canvas, enabled. Benchling disables a canvas when a button is pressed,
until the app draws it again. https://docs.benchling.com/docs/introduction-to-canvas
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.db import InterfaceError, OperationalError
from django.db.models import Case, F, Q, QuerySet, When

from registry_sync import runs
from registry_sync.benchling.client import Client
from registry_sync.benchling.errors import Refused, Wait
from registry_sync.canvas import text as words
from registry_sync.canvas.attendance import Attendance, is_pressed, pressed_canvases
from registry_sync.canvas.block_forms import (
    button_section,
    chip_section,
    markdown_block,
    text_input,
)
from registry_sync.canvas.lane_choice import RECORD, choice, chosen_lanes, read_inputs
from registry_sync.canvas.lane_lines import lane_lines
from registry_sync.canvas.lane_status import LaneStatus, lane_status, shown_run
from registry_sync.canvas.preview_text import preview_lines
from registry_sync.canvas.record_status import entities_concerned
from registry_sync.canvas.refused import DRAWN, INTERNAL, PATIENCE, is_resting, let_rest
from registry_sync.canvas.requested_record import is_overtaken, outcomes
from registry_sync.core import stopping
from registry_sync.core.problems import SyncError
from registry_sync.core.types import Json
from registry_sync.models import Canvas, Installation, Lane, SyncRun
from registry_sync.runs.queue import is_out_of_time

logger = logging.getLogger(__name__)
OWED_AFTER = timedelta(seconds=10)
MOST_LOOKED_AT = 200
RECENT = Canvas.RECENT


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
    seen = Canvas.objects.values_list("outdated_at", flat=True).filter(pk=canvas.pk).first()
    run = _shown_run(canvas)
    notice = (attendance or Attendance()).notice(canvas, run)
    if is_pressed(canvas.canvas_id):  # that press will read here what was typed for it
        canvas.asked = read_inputs(canvas, client)
    body: Json = {
        "blocks": blocks(canvas, run, pressed=pressed, notice=notice),
        "enabled": True,
        "sessionId": _session(canvas, run),
    }
    client.update_canvas(canvas.canvas_id, body)
    Canvas.objects.filter(pk=canvas.pk).update(
        drawn_at=runs.now_in_query(),
        outdated_at=Case(When(outdated_at=seen, then=None), default=F("outdated_at")),
        drawn_run=run,
        drawn_status=run.status if run else "",
        asked=canvas.asked,
        notice=notice,
        **DRAWN,
    )


def show_looking(canvas: Canvas, client: Client) -> None:
    """Say in a canvas that what was typed is looked up. It stays disabled until the answer."""
    canvas.standing = words.looking(canvas.asked)
    body: Json = {"blocks": blocks(canvas, _shown_run(canvas))}
    client.update_canvas(canvas.canvas_id, body)


def _session(canvas: Canvas, run: SyncRun | None) -> str | None:
    """Return the App Status session to attach, whose messages Benchling draws below the blocks.

    Only that of an active run: the last messages of a session are for this service, and the canvas
    says the same in its own words. The session of single records is for those who asked for them.
    """
    if run is None or not run.is_active:
        return None
    if run.only and canvas.run_id != run.pk:
        return None
    return run.session_id or None


def redraw(
    canvases: Iterable[Canvas],
    client: Client,
    *,
    pressed: bool = False,
    attendance: Attendance | None = None,
) -> int:
    """Draw some canvases. Return how many; those that cannot be drawn wait for the next time.

    An error that no one expects is logged, and costs only its canvas.
    """
    number, attendance = 0, attendance or Attendance()
    for canvas in canvases:
        number += 1
        try:
            answers = pressed and not canvas.is_only_outdated
            draw(canvas, client, pressed=answers, attendance=attendance)
        except Refused as refused:
            if refused.status == 404:  # archived, or deleted with its entry
                canvas.delete()
            else:
                _leave(canvas, refused.message)
            logger.warning("canvas=%s was not drawn: %s", canvas.canvas_id, refused)
        except (SyncError, Wait) as error:  # Benchling is unavailable: the others must wait, too
            logger.warning("canvas=%s was not drawn: %s", canvas.canvas_id, error)
            break
        except (stopping.Stopping, OperationalError, InterfaceError):
            raise
        except Exception as error:
            if is_out_of_time(error):
                raise
            logger.exception("canvas=%s was not drawn", canvas.canvas_id)
            why = f"{INTERNAL} ({type(error).__name__}); the service's log has more."
            _leave(canvas, why)
    return number


def _leave(canvas: Canvas, why: str) -> None:
    """Leave a canvas that cannot be drawn as it is, for a while or until the next decision."""
    if canvas.is_only_outdated:  # no one waits for it: the next decision asks again
        same = Canvas.objects.filter(pk=canvas.pk, outdated_at=canvas.outdated_at)
        same.update(outdated_at=None)  # unless something else was decided since
    else:
        let_rest(canvas, why)


def known_canvas(message: Json, canvas_id: str) -> Canvas:
    """Return the canvas that a webhook is about; it is kept from now on."""
    canvas, _ = Canvas.objects.get_or_create(
        canvas_id=canvas_id,
        defaults={
            **runs.app_key(),
            "feature_id": str(message.get("featureId") or ""),
            "resource_id": str(message.get("resourceId") or ""),
            "used_at": runs.database_now(),
        },
    )
    return canvas


def owe_drawing(canvas_id: str, note: str) -> None:
    """Give a canvas a note and let the reconciler draw it soon, even if it rests."""
    Canvas.objects.filter(canvas_id=canvas_id).update(
        note=note, used_at=runs.now_in_query(), drawn_at=None, rests_until=None
    )


def canvases_showing(run: SyncRun) -> list[Canvas]:
    """Return the canvases that show a run: those it was started or joined from, and the recent."""
    canvases = Canvas.objects.of_same_app(run).exclude(is_resting())
    recent = list(canvases.order_by("-used_at").values_list("pk", flat=True)[:RECENT])
    return list(canvases.filter(Q(run=run) | Q(pk__in=recent))) if recent else []


def outdated_canvases() -> QuerySet[Canvas]:
    """Return canvases that show a run as active that has ended, or that must still be drawn."""
    patient = Q(used_at__lt=runs.now_in_query() - OWED_AFTER)  # else a worker is about to draw it
    canvases = Canvas.objects.of_app().exclude(is_resting())
    return canvases.filter(_has_moved() | (_is_owed() & patient)).order_by("-used_at")


def refused_canvases() -> QuerySet[Canvas]:
    """Return canvases that wait to be drawn and that Benchling refused, the longest first.

    Those that no one used for days are left out: their entries may be locked for good.
    """
    lately = runs.now_in_query() - PATIENCE
    canvases = Canvas.objects.of_app().filter(refusals__gt=0, used_at__gte=lately)
    return canvases.filter(_has_moved() | _is_owed()).order_by("used_at")


def _has_moved() -> Q:
    active = [str(status) for status in SyncRun.ACTIVE]
    return Q(drawn_status__in=active) & ~Q(drawn_run__status=F("drawn_status"))


def _is_owed() -> Q:
    not_since = Q(drawn_at__isnull=True) | Q(drawn_at__lt=F("used_at"))
    return not_since | Q(outdated_at__isnull=False)


def misattended(attendance: Attendance) -> list[Canvas]:
    """Return canvases that do not say who is missing, or that say so although it is over.

    Those that were pressed last come first.
    """
    waiting = pressed_canvases()
    active = [str(status) for status in SyncRun.ACTIVE]
    shown = Q(canvas_id__in=waiting) | Q(drawn_status__in=active) | ~Q(notice="")
    canvases = Canvas.objects.of_app().filter(shown).exclude(is_resting()).order_by("-used_at")
    return [c for c in canvases[:MOST_LOOKED_AT] if attendance.notice(c, _shown_run(c)) != c.notice]


def blocks(
    canvas: Canvas, run: SyncRun | None, *, pressed: bool = False, notice: str = ""
) -> list[Json]:
    """Return a canvas's blocks, composed from the database. `notice`: who is missing."""
    names = runs.LaneNames()
    of = chosen_lanes(canvas, names) if names.several else names.lanes
    joined = run is not None and run.is_active and canvas.run_id == run.pk
    note = notice or (canvas.note if pressed or joined else "")
    troubles = _installation()
    state, shown = _standing(canvas, run, names, of, attended=not notice, can_run=not troubles)
    lines = [*filter(None, [note]), *troubles, *state]
    out = [markdown_block("title", words.HEADING), markdown_block("state", "\n\n".join(lines))]
    out += _attention(shown, names)
    failed = runs.open_errors(*of).exists()
    if names.several:
        out.append(choice(canvas, names))
    buttons = ["manual_sync", "preview", *(["retry_failed"] if failed else []), "refresh"]
    out.append(button_section("actions", buttons))
    out.append(text_input(RECORD, words.RECORD, canvas.asked))
    out.append(button_section("record_actions", ["look_up", "sync_one"]))
    return out + _record(canvas, names)


def _record(canvas: Canvas, names: runs.LaneNames) -> list[Json]:
    """Return what was looked up, or what became of the record that was asked for."""
    outcome, entities = outcomes(canvas, names)
    looked_up = "" if is_overtaken(canvas) else canvas.standing
    text = "\n\n".join(filter(None, [looked_up, *outcome]))
    chips = list(dict.fromkeys([*canvas.chip.split(), *entities]))
    return [*([markdown_block("standing", text)] if text else []), *chip_section("chip", chips)]


def _attention(shown: list[SyncRun], names: runs.LaneNames) -> list[Json]:
    """Return what needs attention after these runs, and the entities concerned."""
    lines: list[str] = []
    chips: list[str] = []
    for run in shown:
        if run.status == SyncRun.Status.COMPLETED_WITH_WARNINGS:
            name = names.label(run.lane)
            lines += [words.of_lane(name, "")] if name else []
            lines += words.attention(run)
            chips += entities_concerned(run.lane)
    if not lines:
        return []
    return [markdown_block("attention", "\n".join(lines)), *chip_section("concerned", chips)]


def _installation() -> list[str]:
    installation = Installation.objects.of_app().first()
    if installation is None:
        return []
    if installation.deactivated_at is not None:
        return [words.deactivated(installation)]
    return [words.misconfigured(installation)] if installation.config_fault else []


def _standing(
    canvas: Canvas,
    run: SyncRun | None,
    names: runs.LaneNames,
    of: Sequence[Lane],
    *,
    attended: bool,
    can_run: bool,
) -> tuple[list[str], list[SyncRun]]:
    """Return how the lanes stand, in paragraphs, and the runs of the chosen ones that say so."""
    if not names.several:
        status = lane_status(SyncRun.objects.of_same_app(canvas), run)
        shown = [status.run] if status.run is not None else []
        return _only_lane(canvas, status, attended=attended, can_run=can_run), shown
    found = {lane.pk: lane_status(lane.runs.all()) for lane in names.lanes}
    runs_shown = [run for lane in of if (run := found[lane.pk].run) is not None]
    return lane_lines(canvas, names, found, attended=attended, can_run=can_run), runs_shown


def _only_lane(canvas: Canvas, status: LaneStatus, *, attended: bool, can_run: bool) -> list[str]:
    """Return how the only lane stands, and what the last preview found."""
    lines = status.lines(attended=attended) or [words.never(can_run=can_run)]
    preview, run = canvas.preview, status.run
    if preview is not None and not preview.is_active and (run is None or preview.pk > run.pk):
        lines.append("\n".join(preview_lines(preview)))
    return lines


def _shown_run(canvas: Canvas) -> SyncRun | None:
    """Return the run that a canvas shows."""
    return shown_run(SyncRun.objects.of_same_app(canvas))
