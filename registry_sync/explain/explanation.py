"""What becomes of one record, as every face shows it: one list of steps, and no secret."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from registry_sync.core.types import Json
from registry_sync.explain.readings import FieldReading
from registry_sync.models import Lane
from registry_sync.reporting.redaction import redact

Outcome = Literal["ok", "warning", "stopped", "failed", "unknown", "skipped"]
MARKS: dict[Outcome, str] = {
    "ok": "✓", "warning": "!", "stopped": "✕", "failed": "✕", "unknown": "?", "skipped": "–",
}  # fmt: skip
"""The sign by which an outcome is known without colour."""
PASSED = ("ok", "warning")
MOST_SAID = 5
"""Changes that the short form names."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a record's way, with what it came to.

    `stopped`: the record goes no further; `failed`: a system could not be asked; `unknown`: it did
    not answer within the time that someone waits; `skipped`: not reached. `code` is the cause of a
    stop, "" where it has none.
    """

    name: str
    outcome: Outcome
    text: str
    details: tuple[str, ...] = ()
    code: str = ""

    @property
    def mark(self) -> str:
        """Return the sign of the outcome."""
        return MARKS[self.outcome]

    @property
    def passed(self) -> bool:
        """Return whether the record goes on from here."""
        return self.outcome in PASSED


@dataclass(slots=True)
class Explanation:
    """What becomes of a record; `marks` and `secrets` must not be shown."""

    external_id: str
    lane: Lane
    steps: list[Step] = field(default_factory=list)
    raw: Json | None = None
    readings: list[FieldReading] = field(default_factory=list)
    changes: list[tuple[str, str, str]] = field(default_factory=list)
    """Each field that would change, and its value before and after."""
    marks: set[str] = field(default_factory=set)
    secrets: set[str] = field(default_factory=set)
    """What signed the requests to the registry."""
    seconds: float = 0.0
    """How long it took."""

    def step(self, name: str) -> Step | None:
        """Return a step by its name; None if it was not reached."""
        return next((step for step in self.steps if step.name == name), None)

    @property
    def last(self) -> Step | None:
        """Return the first step that the record does not pass; None if it passes all."""
        return next((step for step in self.steps if not step.passed), None)


def as_json(found: Explanation, lane_name: str) -> Json:
    """Return an explanation without secrets, in the form of docs/commands.schema.json."""
    shown: Json = redact(
        {
            "record_id": found.external_id,
            "lane": lane_name,
            "steps": [
                {"step": step.name, "outcome": step.outcome, "text": step.text,
                 "details": list(step.details)}
                for step in found.steps
            ],
            "record": found.raw,
            "fields": [
                {"field": reading.field, "path": reading.path, "raw": reading.raw,
                 "result": reading.result, "problem": reading.problem or None}
                for reading in found.readings
            ],
            "changes": [
                {"field": name, "before": before, "after": after}
                for name, before, after in found.changes
            ],
        },
        found.marks,
        found.secrets,
    )  # fmt: skip
    return shown


def short_sentences(found: Explanation) -> list[str]:
    """Return an explanation in a few sentences without secrets, for a canvas.

    First what is unusual on the way, then where the record stops, or what a run would write.
    """
    unusual_steps: Iterable[str] = (
        f"{step.mark} {step.text}" for step in found.steps if step.outcome not in ("ok", "skipped")
    )
    sentences = list(unusual_steps)
    writing = found.step("writing")
    if writing is not None and writing.outcome == "ok":
        sentences.append(f"{writing.mark} {writing.text}")
        sentences += [f"{name}: {a} → {b}" for name, a, b in found.changes[:MOST_SAID]]
        if (more := len(found.changes) - MOST_SAID) > 0:
            sentences.append(f"And {more} more.")
    return [str(line) for line in redact(sentences, found.marks, found.secrets)]
