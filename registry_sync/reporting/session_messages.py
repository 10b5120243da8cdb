"""What an App Status session says, within Benchling's limits for messages.

https://docs.benchling.com/docs/introduction-to-app-status
"""

from __future__ import annotations

import re

from registry_sync.benchling.entity_types.molecules import Molecule
from registry_sync.core.types import Json
from registry_sync.ledger import substances
from registry_sync.models import Lane, SyncRun
from registry_sync.reporting.catalogue import ACTORS
from registry_sync.reporting.error_groups import ErrorGroup, groups_with_examples

MESSAGES, LONGEST, SHORTEST = 10, 200, 3
"""Messages of one update, and the characters of one message, as Benchling takes them."""
CAUSES = 5
STYLES = {
    SyncRun.Status.SUCCEEDED: "SUCCESS",
    SyncRun.Status.COMPLETED_WITH_WARNINGS: "WARNING",
    SyncRun.Status.FAILED: "ERROR",
    SyncRun.Status.CANCELLED: "ERROR",
}


def message(text: str, style: str = "NONE") -> Json:
    """Return a text as one message, cut to Benchling's limit; braces would make it a chip."""
    text = _escaped(text)
    if len(text) > LONGEST:
        text = text[: LONGEST - 1].rstrip("\\ ") + "…"
    return {"content": text.ljust(SHORTEST, "."), "style": style}


def _escaped(text: str) -> str:
    # Without backslashes before a brace, which might escape the one that escapes it.
    return re.sub(r"\\*([{}])", r"\\\1", " ".join(text.split()))


def messages(styled_texts: list[tuple[str, str]], room: int) -> list[Json]:
    """Return texts with their styles as messages, at most `room`.

    A long text becomes several messages of whole sentences. Where there is room for some of them
    only, the first ones and the last are kept: what to do stands at the end. Otherwise it is cut.
    """
    spare = room - len(styled_texts)
    written: list[Json] = []
    for text, style in styled_texts:
        parts = _sentences(text)
        if len(parts) - 1 > spare:
            parts = [*parts[:spare], parts[-1]] if spare else [text]
        spare -= len(parts) - 1
        written += [message(part, style) for part in parts]
    return written[:room]


def _sentences(text: str) -> list[str]:
    """Return a text in parts that fit into a message, each of whole sentences where they fit."""
    parts = [""]
    for sentence in re.split(r"(?<=[.!?])(?<!e\.g\.) +(?=[A-Z“])", text.strip()):
        longer = f"{parts[-1]} {sentence}".strip()
        if len(_escaped(longer)) <= LONGEST or not parts[-1]:
            parts[-1] = longer
        else:
            parts.append(sentence)
    return parts


def closing_messages(run: SyncRun, bookmark: str = "", note: str = "") -> list[Json]:
    """Return how a run ended: its outcome, first causes, warnings, a note, and its bookmark."""
    last = [message(note, "WARNING")] if note else []
    last += [message(bookmark)] if bookmark and run.status in SyncRun.GOOD else []
    return [*messages(_outcome(run), min(MESSAGES - 1, MESSAGES - len(last))), *last]


def _outcome(run: SyncRun) -> list[tuple[str, str]]:
    style = STYLES.get(SyncRun.Status(run.status), "INFO")
    if run.status == SyncRun.Status.CANCELLED:
        return [(f"Cancelled. {run.error}", style)]
    if run.status == SyncRun.Status.FAILED:
        return [
            (run.error or "The sync failed.", style),
            (run.remedy or "Ask the integration owner.", style),
            (f"{counts_sentence(run)} Records that were written stay in Benchling.", "INFO"),
        ]
    return [
        (counts_sentence(run), style),
        *((cause, "WARNING") for cause in describe_causes(run.lane)),
        *((text, "INFO") for text in _shared_structures(run.lane)),
        *((warning["text"], "WARNING") for warning in run.warnings),
    ]


def _shared_structures(lane: Lane | None) -> list[str]:
    """Return how many records share a canonical structure: Benchling strips their salts."""
    if lane is None or lane.entity_type is not Molecule:
        return []
    records, structures = substances.shared(lane)
    if not records:
        return []
    noun = "one structure" if structures == 1 else f"{structures:,} structures"
    return [
        f"{records:,} records share {noun} in Benchling, which strips salts. They are listed in "
        "the desk under Shared structures."
    ]


def counts_sentence(run: SyncRun) -> str:
    """Return what a run did, or a dry run would do, counted in one sentence."""
    be = "would be " if run.dry_run else ""
    parts = [
        f"{run.created:,} {be}created", f"{run.updated:,} {be}changed",
        f"{run.unchanged:,} unchanged",
    ]  # fmt: skip
    if run.failed:
        parts.append(f"{run.failed:,} {be}refused")
    if run.archived:
        parts.append(f"{run.archived:,} {be}archived")
    read = "record" if run.read == 1 else "records"
    return f"{run.read:,} {read} read: {', '.join(parts)}."


def describe_causes(lane: Lane | None, *, most: int = CAUSES) -> list[str]:
    """Return the most frequent causes of a lane's open errors, each counted, with an example."""
    return [
        f"{f'{group.count:,} × ' if group.count > 1 else ''}{group.title}"
        f"{_for_whom(group)}: {first.message}"
        for group, first in groups_with_examples(lane, most=most)
    ]


def _for_whom(group: ErrorGroup) -> str:
    """Return who must act, before the example: the end of a long message is cut off."""
    who = [label for label in group.who if label != ACTORS["transient"].label]
    return f", for {' and '.join(who)}" if who else ""
