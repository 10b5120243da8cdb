"""How runs look on the desk: a pill, a sign that needs no colour, and readable numbers."""

from __future__ import annotations

from datetime import datetime, timedelta

from registry_sync import runs
from registry_sync.core.dates import duration, stamp
from registry_sync.core.text import number_of
from registry_sync.core.types import Json
from registry_sync.desk import chart_geometry as figures
from registry_sync.desk.values import rule_text
from registry_sync.models import SyncRun

Status = SyncRun.Status
PILLS = {
    Status.SUCCEEDED: "good",
    Status.COMPLETED_WITH_WARNINGS: "warning",
    Status.FAILED: "bad",
    Status.CANCELLED: "quiet",
    Status.RUNNING: "active",
    Status.QUEUED: "active",
}
"""How each status looks; desk.css has the colours, light and dark."""
SIGNS = {"good": "✓", "warning": "!", "bad": "✕", "quiet": "–", "active": "…"}
"""By which it is known without colour."""
DRY = "○"
"""The sign of a dry run that went well."""


PHASES = {
    "configure": "read the configuration",
    "rebuild": "list Benchling for an empty ledger",
    "drift": "check for drift in Benchling",
    "pull": "read the registry",
    "compare": "transform and compare",
    "upsert": "write to Benchling",
    "retry": "retry open errors",
    "report": "conclude and report",
}
"""The line that a run takes, in order."""
STOPS = {Status.FAILED: "failed here", Status.CANCELLED: "cancelled here"}
"""What is said of the phase in which a run was stopped."""


def outcome_of(run: SyncRun) -> Status:
    """Return how a run itself ended.

    Its status also says whether something of earlier runs still waits, as its exit status must; a
    run that refused nothing and warned of nothing new succeeded all the same.
    """
    status = Status(run.status)
    if status == Status.COMPLETED_WITH_WARNINGS and not (run.failed or _own_warnings(run)):
        return Status.SUCCEEDED
    return status


def _own_warnings(run: SyncRun) -> list[Json]:
    """Return what a run warns of, without what its lane waits for: each run repeats that."""
    return [
        warning
        for warning in run.warnings
        if warning["code"] != "adoption" and (warning["code"] != "drift" or run.reads_all)
    ]


def others_wait(run: SyncRun) -> bool:
    """Return whether a run succeeded while something of earlier runs still waited."""
    return outcome_of(run) != run.status


def pill(run: SyncRun) -> str:
    """Return how a run looks; a dry run that went well has done nothing to be green for."""
    if run.paused_at or (run.dry_run and run.status in SyncRun.GOOD):
        return "quiet"
    return PILLS[outcome_of(run)]


def status_sign(run: SyncRun) -> str:
    """Return the sign by which a run's outcome is known without colour."""
    if run.dry_run and run.status in SyncRun.GOOD:
        return DRY
    return SIGNS[PILLS[outcome_of(run)]]


def status_words(run: SyncRun) -> str:
    """Return a run's status in words."""
    hold_up = runs.hold_up(run)
    words = status_in_words(outcome_of(run)) if hold_up is None else hold_up.word
    kind = "plan" if run.kind == SyncRun.Kind.PLAN else "dry run"
    return f"{kind} {words}" if run.dry_run else words


def turn(run: SyncRun) -> str:
    """Return that a run waits until another lane has written its batch, and which; else ""."""
    return f"Waiting for {run.waiting_for}." if runs.waits_for_turn(run) else ""


def status_in_words(status: str) -> str:
    """Return a status in words."""
    if status == Status.COMPLETED_WITH_WARNINGS:
        return "with warnings"
    return status.replace("_", " ").lower()


def sort(run: SyncRun) -> str:
    """Return what a run is if it is no sync of all records: "dry run", "retry", "1 record"."""
    if run.only:
        return number_of(len(run.only), "record")
    return "" if run.kind in SyncRun.SYNC else str(run.kind)


def by(run: SyncRun) -> str:
    """Return what started a run, and who."""
    return f"{run.trigger}, {run.actor}" if run.actor else str(run.trigger)


def summary(run: SyncRun) -> str:
    """Return one line on a run and what it did, as the text alternative of a picture."""
    return (
        f"Run {run.pk}, {stamp(run.created_at)}: {status_words(run)}, {run.kind}, "
        f"{run.read:,} read, {run.created:,} {be(run)}created, "
        f"{run.updated:,} {be(run)}changed, {run.failed:,} {be(run)}refused"
    )


def counts_in_words(run: SyncRun) -> list[str]:
    """Return a run's counts in words, without zeros."""
    parts = [f"{run.read:,} read"]
    for number, word in (
        (run.created, "created"), (run.updated, "changed"), (run.failed, "refused"),
    ):  # fmt: skip
        parts += [f"{number:,} {be(run)}{word}"] if number else []
    return parts


def be(run: SyncRun) -> str:
    """Return “would be ” for a dry run, whose counts are of what it only found."""
    return "would be " if run.dry_run else ""


def took(run: SyncRun, now: datetime) -> str:
    """Return a run's duration so far, or ""."""
    if run.started_at is None:
        return ""
    return seconds(((run.finished_at or now) - run.started_at).total_seconds())


def seconds(length: float) -> str:
    """Return a duration: seconds below 100, then as `core.dates.duration` does."""
    if length < 10:
        return f"{length:.1f} s"
    if length < 100:
        return f"{length:.0f} s"
    return duration(timedelta(seconds=length))


def phases(run: SyncRun) -> list[Json]:
    """Return the phases of a run: their duration and state, and where the run stopped."""
    spent = {name: float(run.phase_seconds.get(name, 0.0)) for name in PHASES}
    percents = figures.percents(list(spent.values()))
    cut = figures.shares(list(spent.values()), width=1000.0)
    drawn = []
    for (name, label), (x, width), percent in zip(PHASES.items(), cut, percents, strict=True):
        now_here = run.is_active and run.phase == name and run.started_at is not None
        is_reported = name == "report" and run.status in SyncRun.GOOD  # its end cannot time itself
        state = "now" if now_here else "done" if spent[name] or is_reported else "not needed"
        if run.status in STOPS:
            state = _stopped(run, name)
        drawn.append(
            {
                "name": name,
                "what": label,
                "state": state,
                "seconds": seconds(spent[name]) if spent[name] and state != "not reached" else "",
                "percent": percent,
                "x": x,
                "width": width,
            }
        )
    return drawn


def _stopped(run: SyncRun, name: str) -> str:
    """Return whether a phase of a failed or cancelled run was before, at or after its end."""
    if run.started_at is None:
        return "not reached"
    order, end = list(PHASES), _ended_in(run)
    if name == end:
        return STOPS[Status(run.status)]
    is_later = order.index(name) > order.index(end)
    if is_later and not run.read:  # what it spent there was for no record
        return "not reached"
    if run.phase_seconds.get(name) or name == "configure":
        return "done"
    if is_later:
        return "not reached"
    if name == "drift" and run.kind != SyncRun.Kind.FULL:
        return "not needed"
    if name == "pull" and run.kind != SyncRun.Kind.RETRY:
        return "done"
    # Times are kept with the first page that is accounted for; before, nothing tells.
    return "not needed" if run.phase_seconds else "done, or not needed"


def _ended_in(run: SyncRun) -> str:
    """Return the phase in which a run was stopped: of those that go page by page, by its fault."""
    if run.phase == "pull" and run.error_kind == "benchling":
        return "upsert"
    if run.phase == "pull" and run.error_code == "great_change":
        return "compare"
    return str(run.phase)


def mapping_used(run: SyncRun) -> list[Json]:
    """Return the mapping that a run used: Benchling field, source path, rule."""
    used = run.mapping or {}
    rules, names = used.get("rules") or {}, used.get("field_names") or {}
    ids = {name: field_id for field_id, name in names.items()}
    rows = []
    for row in used.get("rows") or []:
        field_id = row.get("id") or ids.get(row.get("field"), "")
        rule = rules.get(field_id, rules.get(row.get("field"), ""))
        if rule or row.get("path"):  # a sequence's rule already states its topology
            rows.append({**row, "rule": rule_text(rule)})
    fed = {row.get("id") or ids.get(row.get("field")) for row in used.get("rows") or []}
    for field_id, rule in rules.items():
        if field_id not in fed:  # a constant needs no path
            field = names.get(field_id, field_id)
            rows.append({"field": field, "path": "", "rule": rule_text(rule)})
    return rows
