"""An error inside a success: where it usually is, and its words. Pure."""

from __future__ import annotations

import json
from typing import Any

from registry_sync.core.types import Json

ERROR_KEYS = ("error", "errors", "exc_type")
WORDS = ("message", "error_description", "detail", "title", "description", "reason", "text", "msg")
"""Where an error has its words, the likeliest first."""
INNER = ("data", "debug", "extensions", "cause")
"""Where an error repeats itself more exactly."""
FAILED = {"success": (False,), "ok": (False,), "status": ("error", "fail", "failed", "failure")}
"""What some answers say of themselves where others have an error."""
CHECK_REQUEST = (
    "checks the request in Connector Settings (endpoint.path, endpoint.params, endpoint.json) "
    "against these words. If it is right, the registry's owner checks the service"
)


def error_in(body: Any, record_keys: tuple[str, ...]) -> str:
    """Return an error from where it usually is, in a body without records; "" if there is none.

    An empty list beside an error does not count as an answer.
    """
    if not isinstance(body, dict) or any(_is_filled(body.get(key)) for key in record_keys):
        return ""
    found = next((body[key] for key in ERROR_KEYS if body.get(key)), None)
    if found is not None:
        return (_words(body) if found is True else "") or _words(found)
    if any(_is(body.get(key), values) for key, values in FAILED.items()):
        return _words(body)
    return ""


def is_about_the_request(body: Any) -> bool:
    """Return whether a protocol says by an error that it understood the request, and refuses it.

    https://spec.graphql.org/October2021/#sec-Errors
    https://www.jsonrpc.org/specification#error_object
    """
    if not isinstance(body, dict):
        return False
    errors = body.get("errors")
    by_graphql = isinstance(errors, list) and all(
        isinstance(each, dict) and "message" in each for each in errors
    )
    return by_graphql or ("jsonrpc" in body and isinstance(body.get("error"), dict))


def _words(found: Any) -> str:
    """Return the words of an error: of each of several, and of what is inside it."""
    if isinstance(found, list):
        return "; ".join(dict.fromkeys(_words(each) for each in found))
    if not isinstance(found, dict):
        return str(found)
    said = next((found[key] for key in WORDS if isinstance(found.get(key), str)), "")
    inner = (_words(found[key]) for key in INNER if isinstance(found.get(key), dict))
    parts = [said, *(part for part in inner if not part.startswith("{"))]
    return ": ".join(dict.fromkeys(part for part in parts if part)) or _whole(found)


def _whole(found: Json) -> str:
    return json.dumps(found, ensure_ascii=False, default=str)


def _is(value: Any, values: tuple[Any, ...]) -> bool:
    return any(value is each or (isinstance(each, str) and value == each) for each in values)


def _is_filled(value: Any) -> bool:
    return isinstance(value, list) and bool(value)
