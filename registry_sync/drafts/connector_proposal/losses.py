"""Values that may say that a record has left the registry. What they mean, its owner knows."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import Any

from registry_sync.core.text import are, number_of
from registry_sync.drafts.connector_proposal.line import Findings
from registry_sync.mapping.tombstones import tombstone_path
from registry_sync.source.answers.page_answer import word_of
from registry_sync.source.cursor_evidence import flat_values

LEFT = re.compile(
    r"(is)?(archived|obsolete|inactive|disabled|void(ed)?|retired|withdrawn|cancell?ed|discontinued"
    r"|superseded|deprecated|hidden)(flag)?|markedfordeletion|ismarkedfordeletion"
)
"""Keys that say by true that a record has left."""
STAYS = re.compile(r"(is)?(active|enabled|valid|current|live)(flag)?")
"""Keys that say by false that a record has left."""
STATE = re.compile(r".*(status|state)(code)?")
STATES = re.compile(r"archived|obsolete|inactive|disabled|void(ed)?|retired|withdrawn|cancell?ed|"
                    r"discontinued|superseded|d|del|x")  # fmt: skip
NO, YES = ("false", "0", "0.0", "n", "no", "f"), ("true", "1", "1.0", "y", "yes", "t", "x")
MOST = 3


def note_losses(found: Findings) -> None:
    """Say which records are marked as deleted, and which values may mean the same."""
    marked = [mark for record in found.records if (mark := tombstone_path(record))]
    if marked:
        count = number_of(len(marked), "record")
        found.note(
            f"{count} {are(len(marked))} deleted, as {marked[0]} says. Runs report them as "
            "withdrawn, and clear nothing."
        )
        return
    values: dict[str, list[Any]] = defaultdict(list)
    for record in found.records:
        for path, value in flat_values(record):
            if _means_gone(word_of(path.split(".")[-1]), value):
                values[path].append(value)
    for path, marks in [*values.items()][:MOST]:
        if len(marks) < len(found.records):
            deletes = {"mode": "flag", "path": path, "values": list(dict.fromkeys(marks))}
            written = json.dumps({"endpoint": {"deletes": deletes}}, ensure_ascii=False)
            count = number_of(len(marks), "record")
            found.note(
                f"{count} {are(len(marks))} marked by {path}. If they have left the registry, set "
                f"{written}."
            )


def _means_gone(word: str, value: Any) -> bool:
    text = str(value).strip().lower()
    if STAYS.fullmatch(word):
        return text in NO
    if LEFT.fullmatch(word):
        return text in YES
    return bool(STATE.fullmatch(word)) and bool(STATES.fullmatch(text))
