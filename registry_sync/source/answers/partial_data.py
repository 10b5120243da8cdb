"""GraphQL's errors beside data: which records of a list they leave without a value. Pure.

A field that fails comes as null, which must not pass for an empty value. Each such error names
its place, so its record alone is refused. https://spec.graphql.org/October2021/#sec-Errors
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from registry_sync.source.answers.inner_errors import error_said
from registry_sync.source.answers.list_items import RecordList


def is_partial(body: Any) -> bool:
    """Return whether an answer has data, and errors that are all about items of its lists."""
    if not isinstance(body, dict) or not isinstance(body.get("data"), dict):
        return False
    errors = body.get("errors")
    return isinstance(errors, list) and bool(errors) and all(map(_is_of_item, errors))


def refused_in(body: Any, listed: RecordList) -> dict[int, str] | None:
    """Return the errors' words by the `id()` of the record that each is about.

    A null in place of a record is a stray already. Return None if an error is about anything else,
    such as where the next page is.
    """
    records = {id(record) for record in listed.records}
    found: dict[int, str] = {}
    for error in body["errors"]:
        values = list(_values_on(body["data"], error["path"]))
        at = next((id(value) for value in values if id(value) in records), None)
        if (
            not values
            or values[-1] is not None
            or (at is None and not (listed.strays and None in listed.strays))
        ):
            return None
        if at is not None:
            found.setdefault(at, error_said({"errors": [error]}))
    return found


def _is_of_item(error: Any) -> bool:
    path = error.get("path") if isinstance(error, dict) else None
    steps = set(map(type, path)) if isinstance(path, list) else set()
    return int in steps and steps <= {int, str}


def _values_on(value: Any, path: Sequence[Any]) -> Iterator[Any]:
    """Yield the values on a path, as far as it leads: a null takes the place of what holds it."""
    for step in path:
        inside = isinstance(value, dict) and step in value
        if not inside and not (
            isinstance(value, list) and type(step) is int and -1 < step < len(value)
        ):
            return
        value = value[step]
        yield value
