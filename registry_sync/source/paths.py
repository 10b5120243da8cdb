"""Paths into a record: `name`, `a.b`, `tags[0]`, `properties[?name=='CAS'].value`, `"odd.key"`.

A path that is not in a record gives ABSENT, which is not null: null clears a field in Benchling,
an absent path leaves it as it is. Simple paths are plain dictionary look-ups. The others are
JSONPath, as jsonpath-ng implements it. https://datatracker.ietf.org/doc/html/rfc9535
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Container
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from registry_sync.source.answers.marks import twice_in

if TYPE_CHECKING:
    from jsonpath_ng import JSONPath


class Absent:
    """The type of ABSENT, the value of a path that is not in a record."""

    def __repr__(self) -> str:
        return "ABSENT"

    def __bool__(self) -> bool:
        return False


ABSENT: Final = Absent()
Getter = Callable[[Any], Any]
# A key may contain blanks and signs, as in `MW (g/mol)`: only brackets, quotes, stars and double
# dots make a path more than keys.
SIMPLE = re.compile(r"[^.\[\]\"'*{}]+(\.[^.\[\]\"'*{}]+)*")
QUOTED = re.compile(r"""(["'])(?P<key>[^"']+)\1""")
BRACKETED = re.compile(r"""\[(["'])(?P<key>[^"']+)\1\]""")
HOLE = re.compile(r"\{([^{}]+)\}")
FILTER = re.compile(r"""\[\?(?!\()((?:'[^']*'|"[^"]*"|[^\]'"])+)\]""")
ALL_OF = re.compile(r"\[\s*(?:\*|-?\d*\s*:[^\]]*)\s*\]")
MANY = re.compile(r"""\*|\.\.|\[\s*-?\d*\s*:|,""")


class PathError(ValueError):
    """A path or template cannot be read; its text says which and why."""


@lru_cache(maxsize=1024)
def compile_path(text: str) -> Getter:
    """Return a function from a record to the path's value, a list of values, or ABSENT.

    A key that is literally the whole dotted text wins over nesting. A path that can give several
    values (`[*]`, a slice) always gives a list, an empty one if the record's list is empty or
    null; a filter gives a list if several items match.
    Raise PathError.
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
                return twice_in(value) or ABSENT
            value = value[key]
        return value

    return get


def is_filter(text: str) -> bool:
    """Return whether a path selects by a condition, so that finding nothing is an answer, too."""
    return "[?" in text


def parse_steps(text: str) -> JSONPath:
    """Return a JSONPath, parsed and with its patterns bounded. Raise PathError."""
    # Most configurations have keys alone: they need neither the parser nor regular expressions.
    from jsonpath_ng.ext.parser import parse as parse_jsonpath

    from registry_sync.source.patterns import bound_patterns

    try:
        found = parse_jsonpath(_with_current(text))
        bound_patterns(found)
        return found
    except Exception as error:  # jsonpath-ng raises bare Exception for some faults
        raise PathError(
            f"the path {text} cannot be read ({error}); write keys with blanks or signs in "
            'quotes, as in "odd key"[0]'
        ) from error


def _jsonpath(text: str) -> Getter:
    found = parse_steps(text)
    many = MANY.search(re.sub(r"""\[\?.*?\]|'[^']*'|"[^"]*\"""", "q", text)) is not None
    whole = _whole_list(text)
    rest = text.removeprefix("$")
    keyed = QUOTED.match(rest) or BRACKETED.match(rest)
    begin = SIMPLE.match(rest)
    before = _key(keyed["key"]) if keyed else compile_path(begin[0]) if begin else None

    def get(record: Any) -> Any:
        if before is not None and twice_in(reached := before(record)):
            return reached
        values = [match.value for match in found.find(record)]
        if not values:
            return [] if whole(record) in ([], None) else ABSENT
        return values if many or len(values) > 1 else values[0]

    return get


def _whole_list(text: str) -> Getter:
    """Compile the path to the lists that `[*]` goes through: if all are empty, none is absent."""
    *before, _ = ALL_OF.split(text)
    try:
        steps = [compile_path(part.removeprefix(".")) for part in before]
    except PathError:  # a bracket within a filter's text
        steps = []

    def get(record: Any) -> Any:
        reached = [record]
        for step in steps:
            lists = [found for value in reached if (found := step(value)) is not ABSENT]
            reached = [item for value in lists if isinstance(value, list) for item in value]
            if not reached:
                return [] if lists and all(value in ([], None) for value in lists) else ABSENT
        return ABSENT

    return get


def _with_current(text: str) -> str:
    """Return filters as jsonpath-ng expects them: `[?(@.name=='x')]` for `[?name=='x']`."""
    return FILTER.sub(lambda found: f"[?(@.{found[1].strip().removeprefix('@.')})]", text)


def compile_template(text: str, nulls: Container[Any] = ()) -> Getter:
    """Return a function from a record to a path's value, or to a template's text.

    A template has paths in braces: `{pref_name} [{id}]`. It gives ABSENT if one of them is absent,
    None if one is null, empty or among `nulls`. Raise PathError.
    """
    if "{" in HOLE.sub("", text) or "}" in HOLE.sub("", text):
        raise PathError(f"the template {text} has an unmatched brace")
    if not HOLE.search(text):
        return compile_path(text)
    holes = [(match.span(), compile_path(match[1])) for match in HOLE.finditer(text)]

    def fill(record: Any) -> Any:
        parts: list[str] = []
        last = 0
        for (begin, end), get in holes:
            value = get(record)
            if isinstance(value, str):
                value = value if value.strip() else None
            if value is ABSENT or value in (None, []) or value in nulls:
                return ABSENT if value is ABSENT else None
            parts += [text[last:begin], value if isinstance(value, str) else _text(value)]
            last = end
        return "".join([*parts, text[last:]])

    return fill


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, ensure_ascii=False)
