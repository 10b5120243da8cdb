"""What one entry of the catalogue holds, and who can be asked to act."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ActorKey = Literal["source", "mapping", "benchling", "operator", "transient"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Someone who can act on a cause.

    `label` completes "Who must act: …"; `ask` is the sentence a scientist reads on the canvas;
    `escalation` says who must act if the cause persists, "" where no one else has to.
    """

    label: str
    ask: str
    escalation: str = ""


ASK_OWNER = "Ask your integration owner to look at it."
ACTORS: dict[str, Actor] = {
    "source": Actor("the registry's owner", "Ask the registry's owner to look at it."),
    "mapping": Actor("the integration owner", ASK_OWNER),
    "benchling": Actor("a Benchling admin", "Ask a Benchling admin to look at it."),
    "operator": Actor("the operator", ASK_OWNER),
    "transient": Actor(
        "no one: it will be retried",
        "The next sync tries it again. If the problem persists, ask your integration owner.",
        "If it persists, the operator.",
    ),
}
"""By an error's kind (`Problem.kind`, `SyncError.kind`), and the operator."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause, as every face describes it.

    `code` is the stored code; a trailing `*` stands for a part that varies (`benchling_403`).
    `title` can follow a count ("3 × option missing in a Benchling dropdown"). `actors` lists who
    must act, the first one usually. `remedy` is one or two sentences for them. `scientist` is the
    canvas's sentence, "" where the record's or the run's own message is shown. `waits_for` is what
    a record with this cause usually waits for: a key of RECORD_WAITS, "" for its own change.
    """

    code: str
    title: str
    actors: tuple[ActorKey, ...]
    remedy: str
    scientist: str = ""
    waits_for: str = ""

    @property
    def who(self) -> str:
        """Return who must act, for example "the registry's owner or a Benchling admin"."""
        labels = [ACTORS[actor].label for actor in self.actors if actor != "transient"]
        if "transient" not in self.actors:
            return " or ".join(labels) or "no one"
        return f"no one at first; then {' or '.join(labels)}" if labels else "no one"

    def matches(self, code: str) -> bool:
        """Return whether this entry describes a stored code."""
        if self.code.endswith("*"):
            return code.startswith(self.code[:-1])
        return code == self.code


@dataclass(frozen=True, slots=True)
class RecordWait:
    """What a refused record waits for.

    `summary` is a noun phrase. `owner` follows "It"; `scientist` is a sentence, "" where it waits
    for nothing but that someone acts; whoever must act is named behind it. Both may name `{key}`
    (the awaited id, option or name), `owner` also `{field}` and `{name}` (the name as the record
    spells it).
    """

    code: str
    summary: str
    owner: str
    scientist: str = ""


@dataclass(frozen=True, slots=True)
class RunWait:
    """Why an active run waits.

    `scientist` is a sentence with `{when}`, a time in words. The run itself keeps the phrase for
    everyone else (`SyncRun.waiting_for`).
    """

    code: str
    scientist: str
