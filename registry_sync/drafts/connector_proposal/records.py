"""Where the records are in a registry's first answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from registry_sync.core.problems import SourceError
from registry_sync.core.text import number_of
from registry_sync.core.types import Json
from registry_sync.drafts.connector_proposal.ids import IDS
from registry_sync.drafts.connector_proposal.line import Findings
from registry_sync.source.answers.page_answer import word_of
from registry_sync.source.answers.record_guess import ASIDE, NAME, NEVER, RECORD_KEYS, word

SIDES = re.compile(r"included|links|errors|warnings|.*facets|meta|deleted|removed|columns|.*tables")
"""Lists beside the records."""
SHAPES: tuple[Json, ...] = ({"_shape": "objects"}, {"format": "json"})
"""Parameters that make a record of a row: Datasette's, and a common one."""
DEPTH = 3


def propose_records(found: Findings) -> None:
    """Find the list of records in the first answer. Raise SourceError."""
    body = _with_objects(found)
    if isinstance(body, list) and all(isinstance(item, dict) for item in body):
        found.records, found.page_size = body, len(body)
        found.note(f"The answer is the list itself: {number_of(len(body), 'record')}.")
        return
    lists = sorted(_lists(body, "", DEPTH), key=_rank)
    if not lists:
        raise _no_list(body)
    path, records = _inside(*lists[0])
    found.records, found.page_size = records, len(records)
    others = ", ".join(other for other, _ in lists[1:4])
    beside = f" Other lists: {others}." if others else ""
    found.add(
        "endpoint.data_selector", path,
        f"The list there has {number_of(len(records), 'record')}.{beside}",
    )  # fmt: skip


def _no_list(body: Any) -> SourceError:
    empty = "$" if body == [] else ""
    if isinstance(body, dict):
        empty = next((key for key in RECORD_KEYS if body.get(key) == []), "")
    if empty:
        return SourceError(
            f"The registry's list {'' if empty == '$' else f'at {empty} '}is empty: nothing shows "
            "how its records are read.",
            remedy="The registry's owner checks what the key may read, or adds a few records.",
            code="registry_answer",
        )
    return SourceError(
        "The registry's first answer has no list of records.",
        remedy="The integration owner checks that API URL is the address of a list.",
        code="registry_answer",
    )


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
        aside = SIDES.fullmatch(word_of(str(key))) or word(str(key)) in NEVER
        if isinstance(inner, list) and not aside:
            if inner and all(isinstance(item, dict) for item in inner):
                yield name, inner
        elif isinstance(inner, dict) and depth:
            yield from _lists(inner, f"{name}.", depth - 1)


def _inside(path: str, records: list[Json]) -> tuple[str, list[Json]]:
    """Return the list in the only item of a list, if that is no record: `results[0].records`.

    An id or a name makes a record of it. A deeper list counts at a usual key alone.
    """
    first, around = records[0], f"{path}[0]."
    if len(records) > 1 or any(_identifies(str(key), value) for key, value in first.items()):
        return path, records
    direct = [found for found, _ in _lists(first, around, 0)]
    inner = [
        (found, items)
        for found, items in _lists(first, around, DEPTH)
        if found in direct or found.split(".")[-1] in RECORD_KEYS
    ]
    return min(inner, key=_rank) if inner else (path, records)


def _identifies(key: str, value: Any) -> bool:
    named = NAME.fullmatch(word(key)) is not None and isinstance(value, str) and value != ""
    return named or word_of(key).endswith(IDS)


def _rank(found: tuple[str, list[Json]]) -> tuple[bool, bool, int, int]:
    path, records = found
    unusual = path.split(".")[-1] not in RECORD_KEYS
    return (unusual, word(path) in ASIDE, path.count("."), -len(records))
