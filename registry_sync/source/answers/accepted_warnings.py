"""Standing warnings that response actions accept: taken out of an answer before it is judged. Pure.

Some registries send the same warning with every answer. Its text is accepted as a whole, so that
whatever else the answer says still counts, also inside the same warning.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from registry_sync.core.late_patterns import pattern
from registry_sync.source.answers.page_answer import word_of
from registry_sync.source.answers.parts_missing import DEPTH, WARNINGS, says_missing
from registry_sync.source.connector import ResponseAction
from registry_sync.source.path_parents import parent_path
from registry_sync.source.paths import compile_path

EACH = pattern(r"\*|\[\?|\.\.")
"""What leads to each item of a list."""


def is_of_warning(path: str) -> bool:
    """Return whether a path leads to warnings, or to a value inside of one."""
    return any(word_of(part.strip("\"'")) in WARNINGS for part in re.split(r"[.\[\]]", path))


def accepts_warning(action: ResponseAction) -> bool:
    """Return whether an action accepts a warning that parts may be missing."""
    of_warning = action.action == "ignore" and is_of_warning(action.error_path)
    return of_warning and says_missing(action.content)


def accepting(path: str, texts: Sequence[str]) -> str:
    """Return the response actions that accept texts at a path of an answer, as settings."""
    actions = [{"action": "ignore", "error_path": path, "content": text} for text in texts]
    return json.dumps({"endpoint": {"response_actions": actions}}, ensure_ascii=False)


def take_out(body: Any, action: ResponseAction) -> None:
    """Remove an accepted text from a body's warnings, wherever it is a value of its own.

    Those that each item of a list has are values of its records: `items[*].warnings`.
    """
    place, text = _warnings_on(action.error_path), action.content
    if EACH.search(place):
        return
    parent = parent_path(place)
    around, value = compile_path(parent)(body) if parent else body, compile_path(place)(body)
    if isinstance(value, (dict, list)):
        _remove(value, text, DEPTH)
    elif value == text and isinstance(around, dict):
        for key in [key for key, each in around.items() if each is value]:
            del around[key]


def _warnings_on(path: str) -> str:
    """Return the path of the warnings that a path leads to, or into."""
    found, above = path, path
    while above:
        parent = parent_path(above)
        if is_of_warning(above.removeprefix(parent)):
            found = above
        above = parent
    return found


def _remove(value: dict[str, Any] | list[Any], text: str, depth: int) -> None:
    if isinstance(value, list):
        value[:] = [item for item in value if item != text]
    else:
        for key in [key for key, each in value.items() if each == text]:
            del value[key]
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, (dict, list)) and depth:
            _remove(inner, text, depth - 1)
