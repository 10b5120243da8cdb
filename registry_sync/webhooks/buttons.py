"""What each button of a canvas does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from registry_sync import runs
from registry_sync.benchling.client import Client
from registry_sync.canvas import text as words
from registry_sync.canvas.record_status import record_status, typed_external_id
from registry_sync.models import Canvas, Lane, SyncRun
from registry_sync.runs.queue import enqueue
from registry_sync.source.client import Source
from registry_sync.sync.clients import plain_source
from registry_sync.sync.setup import Setup, configure

Kind = SyncRun.Kind


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


Press = Callable[[Canvas, Client, Presser], None]
BUTTONS: dict[str, Press] = {
    "manual_sync": _start(Kind.INCREMENTAL),
    "preview": _start(Kind.DRY_RUN),
    "retry_failed": _start(Kind.RETRY),
    "refresh": _refresh,
    "look_up": _look_up,
    "sync_one": _sync_one,
}
