"""JSON that people write: settings, rules and files."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from registry_sync.core.text import DEEPEST


def parse_json(text: str) -> Any:
    """Return the value of a JSON text. Raise ValueError with the reason.

    Python parses any depth up to its own limit, which the code that walks the value then passes.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise too_deep() from None
    if is_too_deep(value):
        raise too_deep()
    return value


def too_deep() -> ValueError:
    """Return the error of a value that is nested too deeply."""
    return ValueError(f"it is nested more than {DEEPEST} levels deep")


def is_too_deep(value: Any) -> bool:
    """Return whether a value has more than `DEEPEST` levels of lists and objects."""
    level = _held([value])
    for _ in range(DEEPEST):
        if not level:
            return False
        level = _held(item for container in level for item in _items(container))
    return bool(level)


def numbers_unlike_json(value: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Yield the numbers in a value that JSON does not have, each with its path.

    Python parses NaN and Infinity, and reads 1e400 as Infinity.
    https://datatracker.ietf.org/doc/html/rfc8259#section-6
    """
    if isinstance(value, float) and not math.isfinite(value):
        yield where, json.dumps(value)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from numbers_unlike_json(item, f"{where}[{index}]")
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from numbers_unlike_json(item, f"{where}.{name}" if where else str(name))


def _held(values: Any) -> list[Any]:
    """Return the lists and objects among some values, each once: YAML can name one repeatedly."""
    return list({id(value): value for value in values if isinstance(value, (dict, list))}.values())


def _items(container: Any) -> Any:
    return container.values() if isinstance(container, dict) else container


def count_values(value: Any) -> int:
    """Return how many values a text of this would hold, with what YAML names repeatedly.

    Raise ValueError if a value holds itself.
    """
    counts: dict[int, int] = {}

    def count(node: Any) -> int:
        if not isinstance(node, (dict, list)):
            return 1
        if id(node) not in counts:
            counts[id(node)] = 0
            counts[id(node)] = 1 + sum(map(count, _items(node)))
        elif not counts[id(node)]:
            raise ValueError("Circular reference detected")
        return counts[id(node)]

    return count(value)
