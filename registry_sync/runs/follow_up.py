"""What people ask for while a run is active: it joins the run, or begins when the run ends.

A run that began to read after it was asked for does what was wanted. An active run that began
earlier may have passed the record in question; what is asked for then becomes one following run,
however many people ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_datetime

from registry_sync.models import SyncRun
from registry_sync.runs.lease import write_past_frozen
from registry_sync.runs.lifecycle import ATTEMPTS, request
from registry_sync.runs.queries import active
from registry_sync.runs.run_log import log

Kind = SyncRun.Kind
NOTES = 100
"""Reasons that are kept for one following run, however many people ask for it."""


class Answer(Enum):
    """What became of a wish for a run."""

    STARTED = "started"
    JOINED = "joined"
    FOLLOWS = "follows"


def request_or_follow(
    *,
    kind: SyncRun.Kind,
    trigger: SyncRun.Trigger,
    actor: str,
    asked_at: datetime,
    only: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> tuple[SyncRun, Answer]:
    """Return the run that does what was asked for at `asked_at`, or that it follows.

    `notes` say who asked and why: they go into the log of the run that does it.
    """
    for _ in range(ATTEMPTS):
        if (covering := _covering(kind, asked_at, only).first()) is not None:
            return _noted(covering, notes), Answer.JOINED
        if (running := active()) is None:
            run, is_new = request(kind=kind, trigger=trigger, actor=actor, only=only)
            if is_new:
                return _noted(run, notes), Answer.STARTED
        else:
            wanted = {"kind": kind, "trigger": trigger, "actor": actor, "only": list(only),
                      "asked_at": asked_at.isoformat(), "notes": list(notes)}  # fmt: skip
            if _note(running, wanted):
                return running, Answer.FOLLOWS
    raise AssertionError("runs begin and end faster than one can be asked for")


def _noted(run: SyncRun, notes: Sequence[str]) -> SyncRun:
    for note in notes:
        log(run, "INFO", note)
    return run


def _covering(kind: SyncRun.Kind, asked_at: datetime, only: Sequence[str]) -> QuerySet[SyncRun]:
    """Return runs that began to read after this was asked for, or have not begun, newest first."""
    later = Q(started_at__isnull=True, status=SyncRun.Status.QUEUED) | Q(started_at__gt=asked_at)
    kinds = [Kind.RETRY] if kind == Kind.RETRY else [Kind.INCREMENTAL, Kind.FULL]
    same = SyncRun.objects.of_app().filter(
        later, kind__in=kinds, only=list(only), only_cause="", since_asked__isnull=True
    )
    return same.exclude(status=SyncRun.Status.CANCELLED).order_by("-id")


def _note(run: SyncRun, wanted: dict[str, Any]) -> bool:
    """Let a run be followed by what is wanted. Return False when it has ended."""

    def write() -> bool:
        row = SyncRun.objects.select_for_update().get(pk=run.pk)
        if not row.is_active:
            return False
        merged = wanted if row.follow_up is None else _merged(row.follow_up, wanted)
        SyncRun.objects.filter(pk=run.pk).update(follow_up=merged)
        return True

    return write_past_frozen(write)


def _merged(earlier: dict[str, Any], later: dict[str, Any]) -> dict[str, Any]:
    """Return what does both. A sync of everything that changed includes any of the others."""
    notes = [*earlier.get("notes", ()), *later["notes"]][:NOTES]
    both = {**earlier, "asked_at": later["asked_at"], "notes": notes}
    if earlier["kind"] != later["kind"] or not (earlier["only"] and later["only"]):
        alike = earlier["kind"] == later["kind"]
        return {**both, "kind": earlier["kind"] if alike else Kind.INCREMENTAL, "only": []}
    return {**both, "only": list(dict.fromkeys([*earlier["only"], *later["only"]]))}


def start_following(run: SyncRun) -> SyncRun | None:
    """Request the run that was asked for while this one was active; None if there is none.

    Nothing follows a run that was cancelled: who cancelled it wanted it to end.
    """

    def write() -> SyncRun | None:
        row = SyncRun.objects.select_for_update().get(pk=run.pk)
        if row.is_active or row.follow_up is None:
            return None
        SyncRun.objects.filter(pk=run.pk).update(follow_up=None)
        if row.status == SyncRun.Status.CANCELLED:
            return None
        wanted = dict(row.follow_up)
        asked_at = parse_datetime(wanted.pop("asked_at"))
        assert asked_at is not None
        found, answer = request_or_follow(asked_at=asked_at, **wanted)
        return None if answer is Answer.FOLLOWS else found

    return write_past_frozen(write)


def to_follow() -> QuerySet[SyncRun]:
    """Return runs that have ended without the one that was to follow them."""
    ended = SyncRun.objects.of_app().exclude(status__in=SyncRun.ACTIVE)
    return ended.filter(follow_up__isnull=False)
