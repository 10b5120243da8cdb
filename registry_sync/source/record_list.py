"""Where the records are in an answer. Pure."""

from __future__ import annotations

from typing import Any

from registry_sync.core.types import Json
from registry_sync.source.decoding import Unusable
from registry_sync.source.paths import ABSENT, compile_path, is_filter

RECORD_KEYS = ("data", "items", "results", "rows", "records", "objects", "value", "values")
SELECT = "sets endpoint.data_selector in Connector Settings"


def records_of(body: Any, selector: str) -> list[Json]:
    """Return the records: at the selector, or else the body itself or its only list.

    Raises Unusable.
    """
    found = _selected(body, selector) if selector else _only_list(body)
    bad = next((item for item in found if not isinstance(item, dict)), None)
    if bad is not None:
        raise Unusable(
            f"its list contains {type(bad).__name__} where records were expected", SELECT
        )
    return found


def _selected(body: Any, selector: str) -> list[Any]:
    found = compile_path(selector.removesuffix("[*]"))(body)
    if isinstance(found, list):
        return found
    if is_filter(selector):
        return [] if found is ABSENT else [found]
    if isinstance(found, dict):
        return list(found.values())  # a map from ids to records
    if found is None:
        return []  # an empty list, as Go writes it
    raise Unusable(f"its answer has no list of records at {selector}", SELECT)


def _only_list(body: Any) -> list[Any]:
    if isinstance(body, list):
        return body
    lists = {k: v for k, v in body.items() if isinstance(v, list)} if isinstance(body, dict) else {}
    known = [key for key in RECORD_KEYS if key in lists]
    likely = known or [k for k, v in lists.items() if all(isinstance(item, dict) for item in v)]
    if len(likely) == 1:
        return lists[likely[0]]
    raise Unusable(
        f"its answer contains several lists ({', '.join(likely)})"
        if likely
        else "its answer contains no list of records",
        SELECT,
    )
