"""What is in a registry's answer: its records. Pure."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

from registry_sync.core.types import Json
from registry_sync.source.paths import ABSENT, compile_path, is_filter

RECORD_KEYS = ("data", "items", "results", "rows", "records", "objects", "value", "values")


class Unusable(ValueError):
    """The body cannot be used: its text says why, `remedy` what the integration owner must do."""

    def __init__(self, text: str, remedy: str = "") -> None:
        super().__init__(text)
        self.remedy = remedy


LONGEST_WHOLE = 4000
"""Digits of a whole number; Python parses no more than 4,300."""
SELECT = "sets endpoint.data_selector in Connector Settings"


def parse(content: bytes) -> Any:
    """Return parsed JSON; whole numbers stay exact, NaN and Infinity are refused.

    Raises Unusable.
    """
    try:
        return json.loads(
            content, parse_constant=_no_constant, parse_float=_decimal, parse_int=_whole
        )
    except (ValueError, RecursionError) as error:
        raise Unusable(f"its answer is not valid JSON: {error}") from error


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


def mark_of(value: Any) -> str:
    """Return a mark that tells two pages or positions apart: 16 hex characters; "" for nothing."""
    if not value:
        return ""
    if isinstance(value, list):
        value = [value[0], value[-1], len(value)]
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _decimal(text: str) -> float | str:
    """Return a decimal; one beyond the range of floats stays text, because inf is not JSON."""
    number = float(text)
    return number if math.isfinite(number) else text


def _whole(text: str) -> int | str:
    """Return a whole number; one too long for Python to parse stays text."""
    return int(text) if len(text) < LONGEST_WHOLE else text


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not a JSON number")
