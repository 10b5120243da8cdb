"""What each button of a canvas does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.conf import settings

from registry_sync import runs
from registry_sync.benchling.client import Client
from registry_sync.benchling.errors import Refused, Wait
from registry_sync.canvas import text as words
from registry_sync.canvas.drawing import typed
from registry_sync.canvas.record_status import record_status, typed_external_id
from registry_sync.core.problems import SyncError
from registry_sync.models import Canvas, Lane, SyncRun
from registry_sync.runs.queue import enqueue
from registry_sync.source.client import Source
from registry_sync.sync.clients import plain_source
from registry_sync.sync.setup import Setup, configure

Kind = SyncRun.Kind


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
    runs.Answer.JOINED: words.joined,
    runs.Answer.FOLLOWS: words.follows,
    runs.Answer.SHOWN: words.shown_instead,
}


def _start(kind: SyncRun.Kind, *, only: tuple[str, ...] = ()) -> Press:
    def press(canvas: Canvas, client: Client, who: Presser) -> None:
        run = runs.joinable(kind, asked_at=who.pressed_at, only=only)
        answer = runs.Answer.JOINED
        if run is None:
            asked: dict[str, Any] = {
                "kind": kind,
                "trigger": SyncRun.Trigger.CANVAS,
                "actor": who.name,
            }
            if kind == Kind.DRY_RUN:
                run, is_new = runs.request(**asked)
                answer = runs.Answer.STARTED if is_new else runs.Answer.SHOWN
            else:
                run, answer = runs.request_or_follow(**asked, asked_at=who.pressed_at, only=only)
        if run.kind == kind == Kind.DRY_RUN:
            canvas.preview = run
        canvas.note = NOTES[answer](run)
        canvas.run = run
        if answer is runs.Answer.STARTED:
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
    """Return what the text field holds now, and keep it with the canvas."""
    asked = typed(canvas, client)
    canvas.asked, canvas.standing, canvas.chip = asked, "", ""
    return asked


Press = Callable[[Canvas, Client, Presser], None]
BUTTONS: dict[str, Press] = {
    "manual_sync": _start(Kind.INCREMENTAL),
    "preview": _start(Kind.DRY_RUN),
    "retry_failed": _start(Kind.RETRY),
    "refresh": _refresh,
    "look_up": _look_up,
    "sync_one": _sync_one,
}
