"""Where the records are, and which of their values are their id and their name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from registry_sync.core.problems import SourceError
from registry_sync.core.text import number_of
from registry_sync.core.types import Json
from registry_sync.drafts.id_and_name import judge_ids, suggest_name
from registry_sync.drafts.proposal.line import Findings
from registry_sync.drafts.sample import paths_of
from registry_sync.source.answers.page_answer import word_of
from registry_sync.source.answers.record_guess import RECORD_KEYS

SIDES = re.compile(r"included|links|errors|warnings|.*facets|meta|deleted|removed|columns|.*tables")
"""Lists beside the records."""
SHAPES: tuple[Json, ...] = ({"_shape": "objects"}, {"format": "json"})
"""Parameters that make a record of a row: Datasette's, and a common one."""
IDS = ("id", "uuid", "guid", "pk", "key", "code", "number", "identifier", "accession", "regno")
DEPTH = 3


def propose_records(found: Findings) -> None:
    """Find the list of records in the first answer. Raises SourceError."""
    body = _with_objects(found)
    if isinstance(body, list) and all(isinstance(item, dict) for item in body):
        found.records, found.page_size = body, len(body)
        found.note(f"The answer is the list itself: {number_of(len(body), 'record')}.")
        return
    lists = sorted(_lists(body, "", DEPTH), key=_rank)
    if not lists:
        raise SourceError(
            "The registry's first answer has no list of records.",
            remedy="The integration owner checks that API URL is the address of a list.",
            code="registry_answer",
        )
    path, records = lists[0]
    found.records, found.page_size = records, len(records)
    others = ", ".join(other for other, _ in lists[1:4])
    beside = f" Other lists: {others}." if others else ""
    found.add(
        "endpoint.data_selector", path,
        f"The list there has {number_of(len(records), 'record')}.{beside}",
    )  # fmt: skip


def _with_objects(found: Findings) -> Any:
    """Return the first answer's body, requested again in another shape if its rows are arrays."""
    body = found.reply.body if found.reply else None
    if not _has_arrays(body):
        return body
    for shape in SHAPES:
        try:
            reply = found.source(endpoint__params=shape).first_reply()
        except SourceError:
            continue
        if not _has_arrays(reply.body):
            found.reply = reply
            found.add("endpoint.params", shape, "Without it, each row is an array of values.")
            return reply.body
    raise SourceError(
        "The registry's rows are arrays of values, not records with named values.",
        remedy="The integration owner asks the registry's owner for an address or a parameter "
        "that returns objects.",
        code="registry_answer",
    )


def _has_arrays(body: Any) -> bool:
    lists: list[Any] = [body] if isinstance(body, list) else []
    lists += [body.get(key) for key in RECORD_KEYS] if isinstance(body, dict) else []
    return any(isinstance(rows, list) and rows and isinstance(rows[0], list) for rows in lists)


def _lists(value: Any, prefix: str, depth: int) -> Iterator[tuple[str, list[Json]]]:
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        name = f"{prefix}{key}" if str(key).isidentifier() else f'{prefix}"{key}"'
        if isinstance(inner, list) and not SIDES.fullmatch(word_of(str(key))):
            if inner and all(isinstance(item, dict) for item in inner):
                yield name, inner
        elif isinstance(inner, dict) and depth:
            yield from _lists(inner, f"{name}.", depth - 1)


def _rank(found: tuple[str, list[Json]]) -> tuple[bool, int, int]:
    path, records = found
    return (path.split(".")[-1] not in RECORD_KEYS, path.count("."), -len(records))


def propose_ids(found: Findings) -> None:
    """Find the path whose value is there in every record, and different in each."""
    paths = [path for path in paths_of(found.records) if judge_ids(found.records, [path])[0]]
    if not paths:
        if found.records:
            found.note("No path gives every record a unique id: set endpoint.primary_key.")
        return
    best = min(paths, key=_id_rank)
    seen = f"Every one of {number_of(len(found.records), 'record')} has a different value there."
    found.add("endpoint.primary_key", best, seen)


def _id_rank(path: str) -> tuple[int, int, int]:
    word = word_of(path.split(".")[-1])
    ends = next((n for n, name in enumerate(IDS) if word.endswith(name)), len(IDS))
    exact = IDS.index(word) if word in IDS else len(IDS)
    return (exact, ends, path.count("."))


def propose_names(found: Findings) -> None:
    """Say which path names every record; it belongs into External Name Field."""
    key = str((found.settings.get("endpoint") or {}).get("primary_key") or "id")
    if found.records:
        name, why = suggest_name(found.records, "name", key)
        found.note(f"External Name Field: {name} ({why}).")
