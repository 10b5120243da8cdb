"""The catalogue of causes: what each code means, who must act, what to do, what it waits for.

Every face (desk, canvas, App Status, alerts, commands, the docs' tables) takes its words from here.
To add a cause, add one entry to the table of its sort; a test finds codes without an entry.
"""

from __future__ import annotations

from collections.abc import Sequence

from registry_sync.reporting.catalogue.actions import ACTION_FAILURES
from registry_sync.reporting.catalogue.entry import (
    ACTORS,
    Actor,
    ActorKey,
    Cause,
    RecordWait,
    RunWait,
)
from registry_sync.reporting.catalogue.failures import RUN_FAILURES
from registry_sync.reporting.catalogue.records import RECORD_CAUSES
from registry_sync.reporting.catalogue.waits import RECORD_WAITS, RUN_WAITS
from registry_sync.reporting.catalogue.warnings import WARNINGS

__all__ = [
    "ACTION_FAILURES", "ACTORS", "RECORD_CAUSES", "RECORD_WAITS", "RUN_FAILURES", "RUN_WAITS",
    "WARNINGS", "Actor", "ActorKey", "Cause", "RecordWait", "RunWait", "record_actor",
    "record_actor_key", "record_cause", "record_wait", "run_actor", "run_actor_key",
    "run_failure", "run_wait", "scientist_failure", "warning_cause",
]  # fmt: skip


def record_cause(code: str) -> Cause:
    """Return the entry of a record's cause (`EntityError.code`)."""
    return _found(RECORD_CAUSES, code, "Each record says what to do.")


def run_failure(code: str) -> Cause:
    """Return the entry of a run's failure (`SyncRun.error_code`) or of a page's action."""
    return _found((*RUN_FAILURES, *ACTION_FAILURES), code, "The run says what to do.")


def warning_cause(code: str) -> Cause:
    """Return the entry of a run's warning (`SyncRun.warnings[…]["code"]`)."""
    return _found(WARNINGS, code, "The warning says what to do.")


def record_wait(code: str) -> RecordWait:
    """Return what a record waits for, by `EntityError.waits_for`."""
    by_code = {wait.code: wait for wait in RECORD_WAITS}
    return by_code.get(code, by_code[""])


def run_wait(code: str) -> RunWait:
    """Return why an active run waits, by `SyncRun.waiting_code`."""
    by_code = {wait.code: wait for wait in RUN_WAITS}
    return by_code.get(code, by_code[""])


def record_actor(code: str, kind: str, assigned: str = "") -> Actor:
    """Return who must act on a record's error, for every face: see `record_actor_key`."""
    return ACTORS[record_actor_key(code, kind, assigned)]


def record_actor_key(code: str, kind: str, assigned: str = "") -> str:
    """Return the key of whoever must act on a record's error.

    It is whom the error is assigned to; else no one, if it is transient; else, of those whom the
    cause's entry names, the one of the error's kind or the first.
    """
    if assigned or kind == "transient":
        return assigned or kind
    actors = record_cause(code).actors
    if actors:
        return kind if kind in actors else actors[0]
    return kind if kind in ACTORS else "operator"


def run_actor(code: str, kind: str) -> Actor:
    """Return who must act first on a failed run, by its `error_code` and `error_kind`."""
    return ACTORS[run_actor_key(code, kind)]


def run_actor_key(code: str, kind: str) -> str:
    """Return the key of whoever must act first on a failed run."""
    actors = run_failure(code).actors
    if kind == "transient" and actors[:1] != ("operator",):
        return "transient"
    if kind == "benchling" and kind in actors:
        return kind
    return actors[0] if actors else (kind if kind in ACTORS else "operator")


def scientist_failure(code: str, kind: str, message: str) -> str:
    """Return two sentences on a failure for a scientist: what happened, and whom to ask.

    `message` stands where the catalogue has no sentence of its own.
    """
    cause = run_failure(code)
    actor = run_actor(code, kind)
    return f"{cause.scientist or message} {actor.ask}"


def _found(entries: Sequence[Cause], code: str, remedy: str) -> Cause:
    exact = next((entry for entry in entries if entry.code == code), None)
    if exact is not None:
        return exact
    pattern = next((entry for entry in entries if entry.matches(code)), None)
    return pattern or Cause(code, code.replace("_", " "), (), remedy)
