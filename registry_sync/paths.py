"""Paths into a record: `name`, `a.b`, `tags[0]`, `properties[?name=='CAS'].value`, `"odd.key"`.

A path that is not in a record gives ABSENT, which is not null: null clears a field in Benchling,
an absent path leaves it as it is. Simple paths are plain dictionary look-ups; the others are
JSONPath (RFC 9535 in spirit), by jsonpath-ng.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from jsonpath_ng.ext import parse as parse_jsonpath


class Absent:
    """The type of ABSENT: what a path gives where the record has nothing."""

    def __repr__(self) -> str:
        return "ABSENT"

    def __bool__(self) -> bool:
        return False


ABSENT: Final = Absent()
Getter = Callable[[Any], Any]
SIMPLE = re.compile(r"[^.\[\]\"'*?()]+(\.[^.\[\]\"'*?()]+)*")
QUOTED = re.compile(r"""(["'])(?P<key>[^"']+)\1""")
HOLE = re.compile(r"\{([^{}]+)\}")


class PathError(ValueError):
    """A path that cannot be read; its text says which and why."""


def compile_path(text: str) -> Getter:
    """Compile a path to a function from a record to its value, a list of values, or ABSENT.

    A key that literally holds the whole dotted text wins over nesting. Raises PathError.
    """
    text = text.strip()
    if not text:
        raise PathError("the path is empty")
    if text in ("$", "@"):
        return lambda record: record
    text = text.removeprefix("$.")
    if quoted := QUOTED.fullmatch(text):
        return _key(quoted["key"])
    if SIMPLE.fullmatch(text):
        return _key(text) if "." not in text else _dotted(text)
    return _jsonpath(text)


def _key(key: str) -> Getter:
    def get(record: Any) -> Any:
        return record.get(key, ABSENT) if isinstance(record, dict) else ABSENT

    return get


def _dotted(text: str) -> Getter:
    keys = text.split(".")

    def get(record: Any) -> Any:
        if not isinstance(record, dict):
            return ABSENT
        if text in record:
            return record[text]
        value: Any = record
        for key in keys:
            if not isinstance(value, dict) or key not in value:
                return ABSENT
            value = value[key]
        return value

    return get


def _jsonpath(text: str) -> Getter:
    try:
        found = parse_jsonpath(_single_equals(text))
    except Exception as error:  # jsonpath-ng raises bare Exception for some faults
        raise PathError(f"the path {text} cannot be read: {error}") from error
    many = "[*]" in text or ".." in text or "[:" in text

    def get(record: Any) -> Any:
        values = [match.value for match in found.find(record)]
        if not values:
            return ABSENT
        return values if many or len(values) > 1 else values[0]

    return get


def _single_equals(text: str) -> str:
    """Write filters as jsonpath-ng wants them: `[?(@.name == 'x')]` for `[?name=='x']`."""
    return re.sub(r"\[\?(?!\()\s*@?\.?([^\]]+)\]", r"[?(@.\1)]", text)


def compile_template(text: str) -> Getter:
    """Compile a path, or a template of paths like `{pref_name} [{id}]`, to a text getter.

    A template gives ABSENT when one of its paths is absent and None when one is null or empty.
    Raises PathError.
    """
    if not HOLE.search(text):
        return compile_path(text)
    holes = [(match.span(), compile_path(match[1])) for match in HOLE.finditer(text)]

    def fill(record: Any) -> Any:
        parts: list[str] = []
        last = 0
        for (begin, end), get in holes:
            value = get(record)
            if value is ABSENT or value is None or value == "":
                return ABSENT if value is ABSENT else None
            parts += [text[last:begin], value if isinstance(value, str) else _text(value)]
            last = end
        return "".join([*parts, text[last:]])

    return fill


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
