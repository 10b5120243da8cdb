"""One record, step by step, from the registry to what a run would write; nothing is written.

Each step is one function in STEPS, called in this order. It is called only if the step that it
`needs` has passed. To add one, add a function and a line to the table. No step takes the lane's
lock or waits for a turn: a run at work holds up nothing here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from registry_sync import runs
from registry_sync.benchling.errors import Refused, Wait
from registry_sync.core.dates import stamp
from registry_sync.core.problems import Problem, SyncError
from registry_sync.core.readable import readable
from registry_sync.core.text import number_of
from registry_sync.explain import in_benchling
from registry_sync.explain.deadline import LIMIT, OutOfTime
from registry_sync.explain.explanation import Explanation, Outcome, Step
from registry_sync.explain.outlook import Outlook, outlook
from registry_sync.explain.readings import FieldReading, readings_of
from registry_sync.explain.walk import Walk
from registry_sync.mapping.departures import departure
from registry_sync.mapping.transform import transform
from registry_sync.models import Lane
from registry_sync.reporting.catalogue import record_actor

Said = tuple[Outcome, str, Iterable[str], str]


def explain(lane: Lane, external_id: str, *, limit: float = LIMIT) -> Explanation:
    """Return what becomes of a record and why. Ask the registry and Benchling; write nothing.

    It ends after `limit` seconds; what was not found out until then is `unknown`.
    """
    began = time.monotonic()
    found = Explanation(external_id, lane)
    walk = Walk(lane, external_id, found.marks, limit)
    try:
        for name, stage in STEPS.items():
            needed = found.step(stage.needs) if stage.needs else None
            if stage.needs and not (needed and needed.passed):
                found.steps.append(_not_reached(name, found))
            else:
                found.steps.append(_take(name, stage, walk, found))
    finally:
        walk.close()
    found.secrets = walk.secrets
    found.seconds = time.monotonic() - began
    return found


def _take(name: str, stage: Stage, walk: Walk, found: Explanation) -> Step:
    try:
        result = stage.take(walk, found)
    except (Refused, SyncError, Wait) as error:
        late = isinstance(error, Wait | OutOfTime)
        return Step(name, "unknown" if late else "failed", failure_words(error))
    if result is None:
        return _not_reached(name, found)
    outcome, text, details, code = result
    return Step(name, outcome, text, tuple(details), code)


def _not_reached(name: str, found: Explanation) -> Step:
    """Return a step that was not taken: not known where an earlier one had no answer."""
    if (last := found.last) is not None and last.outcome == "unknown":
        return Step(name, "skipped", "Not known yet.")
    return Step(name, "skipped", "Not reached.")


def failure_words(error: Exception) -> str:
    """Return why another system could not be asked."""
    if isinstance(error, OutOfTime):
        return f"Not known yet: {error.with_remedy}"
    if isinstance(error, Wait):
        return (
            f"Not known yet: Benchling did not answer in time ({error.reason}). Try again in a "
            "minute, or sync just this record: a run waits longer."
        )
    if isinstance(error, SyncError):
        return error.with_remedy
    return f"Benchling could not be reached: {error}"


# -- the steps --------------------------------------------------------------------------------


def _connection(walk: Walk, found: Explanation) -> Said:
    requests = [f"Benchling, for the configuration, schema and folder: {walk.configure()}"]
    requests.append(f"The registry, {walk.how}: {walk.fetch()}")
    text = f"Benchling and the registry ({walk.host}) answer."
    return "ok", text, requests, ""


def _record(walk: Walk, found: Explanation) -> Said | None:
    if not walk.was_asked and not walk.take_copy():
        return None
    record = walk.record()
    if record is None:
        return "stopped", f"The registry has no record {walk.external_id}.", (), ""
    found.raw = walk.shown_raw()
    if record.problem is not None:
        return _problems([record.problem], ())
    if walk.kept_at is not None:
        text = (
            f"This is the copy that was kept on {stamp(walk.kept_at)}: the registry could not be "
            "asked for it now."
        )
        return "warning", text, (), ""
    changed = f", changed {stamp(record.modified_at)}" if record.modified_at else ""
    return "ok", f"The registry has it{changed}.", (), ""


def _scope(walk: Walk, found: Explanation) -> Said:
    setup, record = walk.setup_and_record()
    if (leaving := departure(record.raw, setup.mapping)) is not None:
        text = f"It is not of this lane now: {leaving.reason}. Nothing is written for it."
        return "stopped", text, (), ""
    return "ok", "It belongs to this lane.", (), ""


def _mapping(walk: Walk, found: Explanation) -> Said:
    setup, record = walk.setup_and_record()
    done = transform(record.raw, record.external_id, setup.mapping)
    found.readings = list(readings_of(record.raw, done, setup))
    details = [_line(reading) for reading in found.readings]
    if done.entity is None or done.problems:
        return _problems(done.problems, details)
    count = number_of(len(setup.mapping.fields), "field")
    return "ok", f"The name and {count} can be read.", details, ""


def _line(reading: FieldReading) -> str:
    result = reading.problem or readable(reading.result)
    return f"{reading.field} ← {reading.path or '(no path)'}: {readable(reading.raw)} → {result}"


def _name_and_links(walk: Walk, found: Explanation) -> Said:
    setup, record = walk.setup_and_record()
    walk.ahead = outlook(walk.lane, record, setup, walk.benchling)
    if (problem := walk.ahead.problem) is not None:
        who = record_actor(problem["code"], problem["kind"]).label
        text = f"{problem['message']} Who must act: {who}. {problem['remedy']}"
        return "stopped", text, (), problem["code"]
    text = "No other entity has its name or id, and its links lead to entities."
    return "ok", text, (), ""


def _in_benchling(walk: Walk, found: Explanation) -> Said:
    walk.state = state = in_benchling.read_state(walk.lane, walk.external_id, walk.benchling)
    if state is None:
        return "ok", "This app has not written it to Benchling yet.", (), ""
    if state.trouble:
        return "unknown", f"Not known yet: {state.trouble}", (), ""
    text = " ".join([*state.banners, *state.notes]) or "It is as this app last wrote it."
    schema = runs.schema_view(walk.lane)
    details = [
        f"{schema.field_name(key)}: {schema.text(key, value)} in Benchling"
        for key, value in state.theirs.items()
    ]
    return "ok" if state.pill == "good" else "warning", text, details, ""


def _writing(walk: Walk, found: Explanation) -> Said:
    ahead, state = walk.ahead, walk.state
    assert ahead is not None
    found.changes = ahead.changes
    if state is not None and state.trouble:
        return "unknown", "Not known yet: see the step Benchling.", (), ""
    if state is not None and state.is_gone:
        return "stopped", "Nothing would be written: see the step Benchling.", (), ""
    if state is not None and ahead.sort == "unchanged" and state.pill != "good":
        return "warning", f"The registry says what it said. {_differs(walk.lane, state)}", (), ""
    details = [f"{name}: {before} → {after}" for name, before, after in ahead.changes]
    return "ok", _outlook_sentence(ahead), details, ""


def _differs(lane: Lane, state: in_benchling.TenantState) -> str:
    """Return what becomes of an entity that is not as this app left it."""
    if state.theirs and lane.drift_policy == Lane.DriftPolicy.RESTORE:
        return f"Benchling does not have that: see the step Benchling. {in_benchling.RESTORES}"
    return "Benchling does not have that: see the step Benchling. A run would write nothing."


def _outlook_sentence(ahead: Outlook) -> str:
    if ahead.sort == "new":
        return "A run would create it in Benchling."
    if ahead.sort == "changed":
        return f"A run would change {number_of(len(ahead.changes), 'value')} in Benchling."
    return "It is in Benchling as it should be. A run would write nothing."


def _problems(problems: Iterable[Problem], details: Iterable[str]) -> Said:
    """Return a stop for these problems of a record, with who must act."""
    problems = list(problems)
    text = " ".join(
        f"{problem.message} Who must act: {record_actor(problem.code, problem.kind).label}. "
        f"{problem.remedy}"
        for problem in problems
    )
    return "stopped", text, details, problems[0].code if problems else ""


@dataclass(frozen=True, slots=True)
class Stage:
    """How a step is taken, the heading of its part of a page, and the step that it `needs`."""

    title: str
    take: Callable[[Walk, Explanation], Said | None]
    needs: str = ""


STEPS: dict[str, Stage] = {
    "connection": Stage("Connection", _connection),
    "record": Stage("The record as the registry has it", _record),
    "scope": Stage("Scope", _scope, "record"),
    "mapping": Stage("Mapping, field by field", _mapping, "scope"),
    "name, id and links": Stage("Name, id and links", _name_and_links, "mapping"),
    "Benchling": Stage("Benchling's side", _in_benchling),
    "writing": Stage("What would be written", _writing, "name, id and links"),
}
