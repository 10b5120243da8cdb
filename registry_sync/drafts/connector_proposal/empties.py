"""How the registry writes what is empty."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from registry_sync.core.text import are, number_of
from registry_sync.drafts.connector_proposal.line import Findings
from registry_sync.source.answers.marks import as_sent
from registry_sync.source.cursor_evidence import flat_values
from registry_sync.source.settings_sections import ENDPOINT

PLACEHOLDERS = {
    "n/a", "N/A", "NA", "n.a.", "#N/A", "null", "NULL", "nil", "-", "--", "NaN", "nan",
    "not available", "Not available", "0000-00-00", "0000-00-00 00:00:00", "0001-01-01",
    "0001-01-01T00:00:00", "0001-01-01T00:00:00Z",
}  # fmt: skip
"""Texts that hardly mean anything else. `Na` may be sodium, and “unknown” and “none” be options."""
ENOUGH = 3
"""Records that are needed before a value left out means anything."""


def propose_empties(found: Findings) -> None:
    """Look for placeholders of empty values, and for values that are left out."""
    if len(found.records) < ENOUGH:
        return
    values: dict[str, list[Any]] = defaultdict(list)
    for record in found.records:
        for path, value in flat_values(record):
            values[path].append(value)
    empty = _placeholders(values)
    if empty and "empty_values" in ENDPOINT:
        seen = "; ".join(f"{key} has {as_sent(value)} beside other values" for value, key in empty)
        found.add("endpoint.empty_values", [value for value, _ in empty], f"{seen}.")
    partly_empty = [key for key, filled in values.items() if len(filled) < len(found.records)]
    nulls = any(value is None for filled in values.values() for value in filled)
    if partly_empty and not nulls and "absent" in ENDPOINT:
        found.add(
            "endpoint.absent", "clear",
            f"{', '.join(partly_empty[:3])} {are(len(partly_empty))} left out of some of "
            f"{number_of(len(found.records), 'record')}, and no value is null: what is left out "
            "is empty.",
        )  # fmt: skip


def _placeholders(values: dict[str, list[Any]]) -> list[tuple[Any, str]]:
    """Return values that stand for nothing, each with a key that has them."""
    empty: dict[Any, str] = {}
    for key, filled in values.items():
        others = [value for value in filled if not isinstance(value, (bool, type(None)))]
        if others and any(value is False for value in filled):
            empty.setdefault(False, key)
        for value in filled:
            stands_alone = isinstance(value, str) and value.strip() in PLACEHOLDERS
            if stands_alone and len({str(other) for other in filled}) > 1:
                empty.setdefault(value, key)
    return list(empty.items())
