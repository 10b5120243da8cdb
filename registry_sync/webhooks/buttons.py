"""What each button of a canvas does."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from registry_sync import runs
from registry_sync.benchling.client import Client
from registry_sync.benchling.errors import Refused, Wait
from registry_sync.canvas import drawing
from registry_sync.canvas import text as words
from registry_sync.canvas.lane_choice import chosen_lanes, read_inputs
from registry_sync.canvas.requested_record import await_runs
from registry_sync.core.problems import SyncError
from registry_sync.models import Canvas, Lane, SyncRun
from registry_sync.runs.queue import enqueue
from registry_sync.webhooks.typed_records import (
    find_record,
    gives_one,
    is_unread,
    meant_records,
    reading_runs,
    to_await,
)

logger = logging.getLogger(__name__)
Kind = SyncRun.Kind
CHIPS = 3
"""Entities that a look-up links to."""


class Presser:
    """Who pressed a button, and when Benchling's webhook about it arrived."""

    def __init__(self, user_id: str, pressed_at: datetime, client: Client) -> None:
        self.user_id, self.pressed_at, self._client = user_id, pressed_at, client

    @property
    def name(self) -> str:
        """Return the user's name, or "a scientist" where Benchling does not give it."""
        if self.user_id not in known_names:
            try:
                name = self._client.user_name(self.user_id)
            except (Refused, SyncError, Wait):
                name = ""
            known_names[self.user_id] = name or "a scientist"
        return known_names[self.user_id]


known_names: dict[str, str] = {}
"""The names of users that this process asked for; it works on presses for less than a minute."""
NOTES: dict[runs.Answer, Callable[[SyncRun], str]] = {
    runs.Answer.STARTED: words.started,
    runs.Answer.JOINED: words.joined_run,
    runs.Answer.FOLLOWS: words.follows,
    runs.Answer.SHOWN: words.shown_instead,
}


def _start(kind: SyncRun.Kind) -> Press:
    def press(canvas: Canvas, client: Client, who: Presser) -> None:
        names = runs.LaneNames()
        if names.several:
            canvas.asked = read_inputs(canvas, client)
            lanes: Sequence[Lane | None] = chosen_lanes(canvas, names)
        else:
            lanes = [None]
        begin_runs(canvas, who, kind, [(lane, ()) for lane in lanes])

    return press


def begin_runs(
    canvas: Canvas,
    who: Presser,
    kind: SyncRun.Kind,
    choices: Sequence[tuple[Lane | None, Sequence[str]]],
) -> None:
    """Start or join a run of each lane, of chosen records if any, and note it in the canvas.

    Without a lane, it is that of the only one.
    """
    names, notes, begun = runs.LaneNames(), [], []
    for lane, only in choices:
        run, answer = _request(who, kind, lane, only)
        begun.append(run)
        notes.append(words.of_lane(names.label(lane), NOTES[answer](run)))
        if answer is runs.Answer.STARTED:
            enqueue(run.pk)
    previews = [run for run in begun if run.kind == kind == Kind.DRY_RUN]
    if previews:
        canvas.preview = min(previews, key=lambda run: run.pk)
    canvas.note = "\n\n".join(notes)
    canvas.run = next((run for run in begun if run.is_active), begun[0])


def _request(
    who: Presser, kind: SyncRun.Kind, lane: Lane | None, only: Sequence[str]
) -> tuple[SyncRun, runs.Answer]:
    run = runs.joinable(kind, asked_at=who.pressed_at, lane=lane, only=only)
    if run is not None:
        return run, runs.Answer.JOINED
    values: dict[str, Any] = {
        "kind": kind, "trigger": SyncRun.Trigger.CANVAS, "actor": who.name, "lane": lane,
    }  # fmt: skip
    if kind == Kind.DRY_RUN:
        run, is_new = runs.request_run(**values)
        return run, runs.Answer.STARTED if is_new else runs.Answer.SHOWN
    return runs.request_or_follow(**values, asked_at=who.pressed_at, only=only)


def _refresh(canvas: Canvas, client: Client, who: Presser) -> None:
    """Draw the canvas again, and nothing else."""


def _look_up(canvas: Canvas, client: Client, who: Presser) -> None:
    typed = _typed(canvas, client)
    names = runs.LaneNames()
    if not typed:
        canvas.note = words.nothing_typed()
        return
    if not names.lanes:
        canvas.standing = words.never()
        return
    _show_looking(canvas, client)
    lanes = chosen_lanes(canvas, names)
    reading = reading_runs(lanes)  # before the look: a run that ends meanwhile may have found it
    found = find_record(typed, lanes, client, foresees=not reading)
    awaits = await_runs(canvas, to_await(typed, lanes, found), reading)
    canvas.wanted_at = who.pressed_at
    canvas.standing = "\n\n".join(
        words.of_lane(names.label(match.lane), match.status.text)
        for match in found
        if not (match.lane.pk in reading and is_unread(match))  # the canvas says for what it waits
    )
    if not found and not awaits:
        canvas.standing = words.known_nowhere(typed)
    canvas.chip = " ".join(
        [match.status.entity_id for match in found if match.status.entity_id][:CHIPS]
    )


def _show_looking(canvas: Canvas, client: Client) -> None:
    """Say at once that it is looked up: the registry may take seconds to answer."""
    try:
        drawing.show_looking(canvas, client)
    except (Refused, SyncError, Wait) as error:  # the answer may still be drawn
        logger.info("canvas=%s does not say that it looks: %s", canvas.canvas_id, error)


def _sync_one(canvas: Canvas, client: Client, who: Presser) -> None:
    typed = _typed(canvas, client)
    if not typed:
        canvas.note = words.nothing_typed()
        return
    names = runs.LaneNames()
    lanes = chosen_lanes(canvas, names)
    reading = reading_runs(lanes)
    matches = meant_records(typed, lanes, client)
    choices = matches.records if names.several else [(None, id_) for _, id_ in matches.records]
    canvas.wanted_at = who.pressed_at
    if matches.several:
        canvas.standing = matches.several
    elif not matches.is_known and await_runs(canvas, dict.fromkeys(lanes, typed), reading):
        canvas.note = words.kept()
    elif not choices and names.lanes:
        canvas.note = words.known_nowhere(typed)
    else:  # without a lane before the first run has read the configuration
        _sync_records(canvas, client, who, choices or [(None, typed)])


def _sync_records(
    canvas: Canvas, client: Client, who: Presser, choices: Sequence[tuple[Lane | None, str]]
) -> None:
    """Start or join runs of single records; one of a registry that gives only lists follows a run.

    Where none is under way, that is left to *Manual Sync*.
    """
    alone = {lane: gives_one(lane, client) for lane, _ in choices}
    if not all(record_run or runs.active(lane) for lane, record_run in alone.items()):
        canvas.note = words.only_lists()
        return
    each = [(lane, (id_,) if alone[lane] else ()) for lane, id_ in choices]
    begin_runs(canvas, who, Kind.INCREMENTAL, each)
    canvas.wanted = [{"lane": lane.pk if lane else None, "id": id_} for lane, id_ in choices]


def _typed(canvas: Canvas, client: Client) -> str:
    """Return what the text field holds now, and keep it and the chosen lane with the canvas."""
    typed = read_inputs(canvas, client)
    canvas.asked, canvas.standing, canvas.chip = typed, "", ""
    canvas.wanted, canvas.wanted_at = [], None
    return typed


Press = Callable[[Canvas, Client, Presser], None]
BUTTONS: dict[str, Press] = {
    "manual_sync": _start(Kind.INCREMENTAL),
    "preview": _start(Kind.DRY_RUN),
    "retry_failed": _start(Kind.RETRY),
    "refresh": _refresh,
    "look_up": _look_up,
    "sync_one": _sync_one,
}
