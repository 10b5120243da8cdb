"""Which values of the records are their id and their name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations
from typing import Any

from registry_sync.core.text import number_of
from registry_sync.core.types import Json
from registry_sync.drafts.connector_proposal.line import Findings
from registry_sync.drafts.id_and_name import judge_ids, suggest_name
from registry_sync.drafts.sample import paths_of, values_of
from registry_sync.source.answers.page_answer import word_of

IDS = ("id", "uuid", "guid", "pk", "key", "code", "number", "identifier", "accession", "regno",
       "serial", "sku", "ref")  # fmt: skip
CHANGING = re.compile(
    r".*(etag|version|revision|hash|checksum|digest|token|session|request|updat|modif|chang|stamp)"
    r".*|.*rev(id|no)?|.*time|.*date"
)
"""Words of keys whose value is another one after an edit."""
LONGEST = 64
"""Characters of a value that may be a code."""
MOST_PAIRED = 8


def propose_ids(found: Findings) -> None:
    """Find the path whose value is there in every record, and different in each."""
    every = paths_of(found.records)
    paths = [path for path in every if judge_ids(found.records, [path])[0]]
    lasting = [path for path in paths if not CHANGING.fullmatch(_word(path))]
    ranked = sorted(lasting or paths, key=lambda path: _rank(path, found.records))
    sure = [path for path in ranked if _is_named(path)]
    pair = None if sure or (ranked and _is_code(ranked[0], found.records)) else _pair(found, every)
    if pair:
        seen = "No path alone gives every record a unique id; these two do. Check them."
        found.replace("endpoint.primary_key", pair, seen)
    elif ranked:
        _propose(found, ranked, sure)
    elif found.records:
        found.note("No path gives every record a unique id: set endpoint.primary_key.")


def _propose(found: Findings, ranked: list[str], sure: list[str]) -> None:
    best = ranked[0]
    others = [path for path in sure if path != best and not _counts(path, found.records)]
    if others and not found.complete and _counts(best, found.records):
        found.counting, best = best, others[0]
    seen = f"Every one of {number_of(len(found.records), 'record')} has a different value there."
    if best not in sure:
        seen += " No key is named like an id: check that it never changes."
    found.replace("endpoint.primary_key", best, seen)


def judge_proposed_ids(found: Findings) -> None:
    """Hold the id against all records that were read, once they are more than one page."""
    key = found.key if isinstance(found.key, list) else [found.key]
    fits, why = judge_ids(found.records, key)
    if found.counting and judge_ids(found.records, [found.counting])[0]:
        if len(found.records) > found.page_size or _word(found.counting) in IDS[:4]:
            seen = f"Every one of {number_of(len(found.records), 'record')} has another one."
            found.replace("endpoint.primary_key", found.counting, seen)
    elif found.counting:
        found.note(f"{found.counting} is no id: it counts the records of each page.")
    elif not fits and found.records:
        found.note(f"Over more than one page, {why}.")
        propose_ids(found)


def _pair(found: Findings, every: Sequence[str]) -> list[str] | None:
    """Return two paths whose values identify every record only together."""
    records = found.records
    lasting = [path for path in every if not CHANGING.fullmatch(_word(path))]
    codes = [path for path in lasting if _is_code(path, records)]
    filled = [path for path in codes if len(values_of(records, path)) == len(records)]
    alone = [path for path in filled[:MOST_PAIRED] if not judge_ids(records, [path])[0]]
    pairs = (list(pair) for pair in combinations(alone, 2))
    return next((pair for pair in pairs if judge_ids(records, pair)[0]), None)


def _counts(path: str, records: Sequence[Json]) -> bool:
    """Return whether values count the records, from 0 or 1."""
    values = values_of(records, path)
    return any(values == [*range(start, start + len(values))] for start in (0, 1))


def _is_code(path: str, records: Sequence[Json]) -> bool:
    """Return whether values can be codes: whole numbers, or short texts without blanks."""

    def is_code(value: Any) -> bool:
        if isinstance(value, str):
            return len(value) <= LONGEST and not re.search(r"\s", value)
        return isinstance(value, int) and not isinstance(value, bool)

    return all(map(is_code, values_of(records, path)))


def _word(path: str) -> str:
    return word_of(path.split(".")[-1])


def _is_named(path: str) -> bool:
    """Return whether a key is named like an id."""
    return any(_word(path).endswith(name) for name in IDS)


def _rank(path: str, records: Sequence[Json]) -> tuple[int, int, bool, int]:
    word = _word(path)
    ends = next((n for n, name in enumerate(IDS) if word.endswith(name)), len(IDS))
    exact = IDS.index(word) if word in IDS else len(IDS)
    return (exact, ends, not _is_code(path, records), path.count("."))


def propose_names(found: Findings) -> None:
    """Say which path names every record; it belongs into External Name Field."""
    key = found.key if isinstance(found.key, str) else found.key[-1]
    if found.records:
        name, why = suggest_name(found.records, "name", key)
        found.note(f"External Name Field: {name} ({why}).")
