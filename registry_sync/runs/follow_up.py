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

from registry_sync.models import Lane, SyncRun
from registry_sync.runs.lease import write_past_frozen
from registry_sync.runs.lifecycle import ATTEMPTS, request_run
from registry_sync.runs.queries import active
from registry_sync.runs.run_log import log

Kind = SyncRun.Kind
NOTES = 100
"""Reasons that are kept for one following run, however many people ask for it."""
LOOKED_AT = 20


class Answer(Enum):
    """What became of a wish for a run."""

    STARTED = "started"
    JOINED = "joined"
    FOLLOWS = "follows"
    SHOWN = "shown"
    """Nothing: another run is active, and is shown instead."""


def request_or_follow(
    *,
    kind: SyncRun.Kind,
    trigger: SyncRun.Trigger,
    actor: str,
    asked_at: datetime,
    lane: Lane | None = None,
    only: Sequence[str] = (),
    only_cause: str = "",
    notes: Sequence[str] = (),
    retries_all: bool = False,
    joined_by: Sequence[str] = (),
) -> tuple[SyncRun, Answer]:
    """Return the run that does what was asked for at `asked_at`, or that it follows.

    It is one of the lane, or of any lane where none is given.
    `notes` say who asked and why: they go into the log of the run that does it. `joined_by` are
    others who asked for it as well.
    """
    people = list(dict.fromkeys([actor, *joined_by]))
    absorb = trigger == SyncRun.Trigger.CANVAS
    whole: dict[str, Any] = {"kind": kind, "only_cause": only_cause, "retries_all": retries_all}
    started_by: dict[str, Any] = {"trigger": trigger, "actor": actor}
    for _ in range(ATTEMPTS):
        run = joinable(asked_at=asked_at, lane=lane, only=only, absorb=absorb, **whole)
        if run is not None:
            return _noted(run, notes, people), Answer.JOINED
        if (running := active(lane)) is None:
            run, is_new = request_run(lane=lane, only=only, **whole, **started_by)
            if is_new:
                return _noted(run, notes, people), Answer.STARTED
        else:
            spec = {**whole, **started_by, "only": list(only), "notes": list(notes),
                    "asked_at": asked_at.isoformat(), "joined_by": people}  # fmt: skip
            if _note(running, spec):
                return running, Answer.FOLLOWS
    raise AssertionError("runs begin and end faster than one can be asked for")


def _noted(run: SyncRun, notes: Sequence[str], people: Sequence[str]) -> SyncRun:
    """Log why a run was requested, and save who requested it beside its starter."""
    for note in notes:
        log(run, "INFO", note)
    if {*people} <= {"", run.actor}:
        return run

    def write() -> None:
        row = SyncRun.objects.select_for_update().get(pk=run.pk)
        requesters = [*(row.joined_by or ()), *people]
        run.joined_by = [each for each in dict.fromkeys(requesters) if each not in ("", row.actor)]
        SyncRun.objects.filter(pk=run.pk).update(joined_by=run.joined_by)

    write_past_frozen(write)
    return run


def joinable(
    kind: SyncRun.Kind,
    *,
    asked_at: datetime,
    lane: Lane | None = None,
    only: Sequence[str] = (),
    only_cause: str = "",
    absorb: bool = True,
    retries_all: bool = False,
) -> SyncRun | None:
    """Return the run that does what was asked for at `asked_at`, None if there is none.

    It began to read after that, or has not begun. With `absorb`, one that has not begun and that
    people asked for in canvases takes on whatever else they ask for. With `retries_all`, one that
    has not begun retries every error from now on.
    """
    app_runs = SyncRun.objects.of_app().filter(only_cause="", since_asked__isnull=True)
    if lane is not None:
        app_runs = app_runs.filter(Q(lane=lane) | Q(lane__isnull=True))
    unbegun = Q(started_at__isnull=True, status=SyncRun.Status.QUEUED)
    later = app_runs.filter(unbegun | Q(started_at__gt=asked_at)).exclude(
        status=SyncRun.Status.CANCELLED
    )
    newest = later.order_by("-id")[:LOOKED_AT]
    wide = {"absorb": absorb, "retries_all": retries_all}
    found = next((run for run in newest if _does(run, kind, only, **wide)), None)
    if found is None and (absorb or retries_all) and kind != Kind.DRY_RUN:
        spec = {"kind": kind, "only": list(only), "only_cause": only_cause,
                "retries_all": retries_all}  # fmt: skip
        return _widened(later.filter(unbegun), spec)
    return found


def _widened(unbegun: QuerySet[SyncRun], spec: dict[str, Any]) -> SyncRun | None:
    """Return a run that has not begun and now does what is wanted as well, or None.

    A run that others asked for elsewhere keeps its kind, and retries errors as well if it can.
    """
    run = unbegun.exclude(kind__in=SyncRun.DRY).first()
    if run is None:
        return None
    whole = run.kind in SyncRun.SYNC and not run.only
    if not whole and run.trigger != SyncRun.Trigger.CANVAS:
        return None
    now = {"kind": run.kind, "only": run.only, "retries_all": run.retries_all}
    does = {"retries_all": True} if whole else _merged(now, spec)
    if not unbegun.filter(pk=run.pk, kind=run.kind, only=run.only).update(**does):
        return None  # it has just begun, or does something else by now
    run.refresh_from_db()
    return run


def _does(
    run: SyncRun, kind: SyncRun.Kind, only: Sequence[str], *, absorb: bool, retries_all: bool
) -> bool:
    """Return whether a run includes what a run of this kind for these records would do."""
    if kind == Kind.DRY_RUN or run.dry_run:
        return run.kind == kind and not (only or run.only)
    if run.kind in SyncRun.SYNC and not run.only:
        if run.retries_all and absorb:
            return True
        return not (only or kind == Kind.RETRY) and (run.retries_all or not retries_all)
    if kind == Kind.RETRY and not run.only:
        return run.kind == kind
    return run.kind == kind and bool(only) and set(only) <= set(run.only)


def _note(run: SyncRun, spec: dict[str, Any]) -> bool:
    """Let a run be followed by what is wanted. Return False when it has ended."""

    def write() -> bool:
        row = SyncRun.objects.select_for_update().get(pk=run.pk)
        if not row.is_active:
            return False
        merged = spec
        if row.follow_up is not None:
            notes = [*row.follow_up.get("notes", ()), *spec["notes"]][:NOTES]
            merged = _merged(row.follow_up, spec)
            people = [*row.follow_up.get("joined_by", ()), *spec["joined_by"]]
            merged |= {"asked_at": spec["asked_at"], "notes": notes, "if_good": False,
                       "joined_by": list(dict.fromkeys(people))}  # fmt: skip
        SyncRun.objects.filter(pk=run.pk).update(follow_up=merged)
        return True

    return write_past_frozen(write)


def _merged(earlier: dict[str, Any], later: dict[str, Any]) -> dict[str, Any]:
    """Return what does both: where they differ, a sync that retries every error as well."""
    alike = earlier["kind"] == later["kind"] and bool(earlier["only"]) == bool(later["only"])
    causes = {each.get("only_cause", "") for each in (earlier, later)}
    if alike and len(causes) == 1:
        only = list(dict.fromkeys([*earlier["only"], *later["only"]]))
        retries_all = earlier["retries_all"] or later["retries_all"]
        return {**earlier, "only": only, "retries_all": retries_all}
    whole = {"only": [], "only_cause": "", "retries_all": True}
    return {**earlier, "kind": Kind.INCREMENTAL, **whole}


def start_following(run: SyncRun) -> SyncRun | None:
    """Request the run that was asked for while this one was active; None if there is none.

    Nothing follows a run that was cancelled: who cancelled it wanted it to end. With `if_good`,
    nothing follows one that failed.
    """

    def write() -> SyncRun | None:
        rows = SyncRun.objects.only("status", "follow_up", "lane").select_for_update()
        row = rows.get(pk=run.pk)
        if row.is_active or row.follow_up is None:
            return None
        SyncRun.objects.filter(pk=run.pk).update(follow_up=None)
        spec = dict(row.follow_up)
        if_good = spec.pop("if_good", False)
        failed = row.status == SyncRun.Status.FAILED
        if row.status == SyncRun.Status.CANCELLED or (if_good and failed):
            return None
        asked_at = parse_datetime(spec.pop("asked_at"))
        assert asked_at is not None
        found, answer = request_or_follow(asked_at=asked_at, lane=row.lane, **spec)
        return None if answer is Answer.FOLLOWS else found

    return write_past_frozen(write)


def to_follow() -> QuerySet[SyncRun]:
    """Return runs that have ended without the one that was to follow them."""
    ended = SyncRun.objects.of_app().exclude(status__in=SyncRun.ACTIVE)
    return ended.filter(follow_up__isnull=False)
