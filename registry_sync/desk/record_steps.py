"""One record, step by step, from the registry to what a run would write; nothing is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from django.conf import settings

from registry_sync.benchling.client import Client
from registry_sync.benchling.errors import Refused, Wait
from registry_sync.core.dates import stamp
from registry_sync.core.problems import SyncError
from registry_sync.core.text import number_of
from registry_sync.core.types import Json
from registry_sync.desk import record_history, record_tenant
from registry_sync.desk.record_live import Reading, impatient, readings_of, words_of
from registry_sync.desk.record_outlook import Outlook, outlook
from registry_sync.mapping.departures import departure
from registry_sync.mapping.transform import transform
from registry_sync.models import Lane
from registry_sync.reporting.catalogue import record_actor
from registry_sync.reporting.redaction import HIDDEN, mark, redact
from registry_sync.source.client import Source
from registry_sync.sync.clients import client_of_settings, source_of
from registry_sync.sync.records import SourceRecord, source_records
from registry_sync.sync.setup import Setup, configure

Outcome = Literal["ok", "warning", "stopped", "failed", "skipped"]
STEPS = ("connection", "record", "scope", "mapping", "name, id and links", "Benchling", "writing")


@dataclass(frozen=True, slots=True)
class Step:
    """One step: `stopped`: the record goes no further; `failed`: a system could not be asked."""

    name: str
    outcome: Outcome
    text: str
    details: tuple[str, ...] = ()


@dataclass(slots=True)
class Explanation:
    """What becomes of a record; `marks` stand for the secrets that must not be shown."""

    external_id: str
    lane: Lane
    steps: dict[str, Step] = field(default_factory=dict)
    raw: Json | None = None
    readings: list[Reading] = field(default_factory=list)
    changes: list[tuple[str, str, str]] = field(default_factory=list)
    """Each field that would change, and its value before and after."""
    marks: set[str] = field(default_factory=set)

    def add(self, name: str, outcome: Outcome, text: str, details: Iterable[str] = ()) -> bool:
        """Add a step. Return whether the record goes on to the next."""
        self.steps[name] = Step(name, outcome, text, tuple(details))
        return outcome in ("ok", "warning")

    def all_steps(self) -> list[Step]:
        """Return every step in order; those that were not reached are `skipped`."""
        return [self.steps.get(name) or Step(name, "skipped", "Not reached.") for name in STEPS]


def explain(lane: Lane, external_id: str) -> Explanation:
    """Return what becomes of a record and why. Ask the registry and Benchling; write nothing."""
    found = Explanation(external_id, lane)
    state = _see_benchling(found)
    try:
        client = client_of_settings(impatient("Benchling"))
        setup = configure(client, private_key=settings.BENCHLING_PRIVATE_KEY, element=lane.element)
        found.marks.add(mark(setup.config.api_key))
        record = _fetched(found, setup)
        if record is not None and _maps(found, record, setup):
            _look_ahead(found, record, setup, client, state)
    except (Refused, SyncError, Wait) as error:
        step = next(name for name in STEPS if name not in found.steps)
        found.add(step, "failed", words_of(error))
    return found


def _see_benchling(found: Explanation) -> record_tenant.TenantState | None:
    story = record_history.story_of(found.lane, found.external_id)
    state = record_tenant.see(story)
    if state is None:
        found.add("Benchling", "ok", "This app has not written it to Benchling yet.")
    elif state.trouble:
        found.add("Benchling", "failed", state.trouble)
    else:
        said = " ".join([*state.banners, *state.notes]) or "It is as this app last wrote it."
        details = (f"{key}: {value!r} in Benchling" for key, value in state.theirs.items())
        found.add("Benchling", "ok" if state.pill == "good" else "warning", said, details)
    return state


def _fetched(found: Explanation, setup: Setup) -> SourceRecord | None:
    """Ask the registry for the record; None where it has none."""
    wait = impatient("The registry")
    source = source_of(setup, wait, wait)
    try:
        raw = _raw(source, found.external_id)
        host = urlsplit(setup.config.api_url).hostname
        how = "for this record alone" if source.gives_one else "for its list"
        found.add("connection", "ok", f"Benchling and the registry ({host}) answer. "
                  f"The registry was asked {how}.")  # fmt: skip
        if raw is None:
            found.add("record", "stopped", f"The registry has no record {found.external_id}.")
            return None
        (record,) = source_records([raw], source, setup.mapping.fingerprint)
    finally:
        source.close()
    found.raw = redact(raw, found.marks)
    found.marks |= {mark(secret) for secret in _hidden(raw, found.raw)}
    changed = f", changed {stamp(record.modified_at)}" if record.modified_at else ""
    found.add("record", "ok", f"The registry has it{changed}.")
    return record


def _raw(source: Source, external_id: str) -> Json | None:
    if source.gives_one:
        return source.fetch(external_id)
    for page in source.pages(None):
        for raw in page.records:
            if source.identify(raw) == external_id:
                return raw
    return None


def _hidden(raw: Any, shown: Any) -> Iterator[str]:
    """Yield the texts of a record that are secrets, so that they are hidden elsewhere too."""
    if isinstance(raw, dict) and isinstance(shown, dict):
        for key, value in raw.items():
            yield from _hidden(value, shown[key])
    elif isinstance(raw, list) and isinstance(shown, list):
        for value, other in zip(raw, shown, strict=True):
            yield from _hidden(value, other)
    elif shown == HIDDEN:
        yield from _texts(raw)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)
    else:
        yield str(value)


def _maps(found: Explanation, record: SourceRecord, setup: Setup) -> bool:
    """Add scope and mapping. Return whether there is an entity to write."""
    if (left := departure(record.raw, setup.mapping)) is not None:
        return found.add("scope", "stopped", f"It is not of this lane now: {left.said}. Nothing is "
                         "written for it.")  # fmt: skip
    found.add("scope", "ok", "It is of this lane.")
    done = transform(record.raw, record.external_id, setup.mapping)
    found.readings = list(readings_of(record.raw, done, setup))
    details = (_line(reading) for reading in found.readings)
    if done.entity is None or done.problems:
        said = " ".join(
            f"{one.message} Who must act: {record_actor(one.code, one.kind).label}. {one.remedy}"
            for one in done.problems
        )
        return found.add("mapping", "stopped", said, details)
    count = number_of(len(setup.mapping.fields), "field")
    return found.add("mapping", "ok", f"The name and {count} can be read.", details)


def _line(reading: Reading) -> str:
    result = reading.problem or f"{reading.result!r}"
    return f"{reading.field} ← {reading.path or '(no path)'}: {reading.raw!r} → {result}"


def _look_ahead(
    found: Explanation,
    record: SourceRecord,
    setup: Setup,
    client: Client,
    state: record_tenant.TenantState | None,
) -> None:
    """Add whether it gets its name, id and links, and what would be written."""
    ahead = outlook(found.lane, record, setup, client)
    if ahead.problem is not None:
        who = record_actor(ahead.problem["code"], "").label
        said = f"{ahead.problem['message']} Who must act: {who}. {ahead.problem['remedy']}"
        found.add("name, id and links", "stopped", said)
        return
    found.add("name, id and links", "ok", "No other entity has its name or id, and its links lead "
              "to entities.")  # fmt: skip
    found.changes = ahead.changes
    archived = state is not None and ("archived" in state.word or "not found" in state.word)
    if archived and ahead.sort != "unchanged":
        found.add("writing", "stopped", "Nothing would be written: see the step Benchling.")
        return
    found.add("writing", "ok", _said(ahead), (f"{n}: {a} → {b}" for n, a, b in ahead.changes))


def _said(ahead: Outlook) -> str:
    if ahead.sort == "new":
        return "A run would create it in Benchling."
    if ahead.sort == "changed":
        return f"A run would change {number_of(len(ahead.changes), 'value')} in Benchling."
    return "It is in Benchling as it should be. A run would write nothing."
