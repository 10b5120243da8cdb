"""An error inside a success: where it usually is, and its words. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from registry_sync.core.late_patterns import pattern
from registry_sync.core.secrets import shortened
from registry_sync.core.types import Json
from registry_sync.source.answers.failures import failure_beside
from registry_sync.source.answers.nothing_found import says_nothing_found
from registry_sync.source.answers.page_answer import Entry, PageAnswer
from registry_sync.source.answers.parts_missing import parts_missing

ERROR_KEYS = ("error", "errors", "exc_type", "fault", "Fault", "exception", "odata.error")
WORDS = ("message", "error_description", "detail", "title", "description", "reason", "text", "msg",
         "faultstring")  # fmt: skip
"""Where an error has its words, the likeliest first."""
INNER = ("data", "debug", "extensions", "cause", "root_cause")
"""Where an error repeats itself more exactly."""
NO_ERROR = pattern(
    r"(no|without|none|null|false|n/?a|ok|0+|200|-*)"
    r"|no errors?( found| occurred)?|((the )?(request|operation|query)( was)? )?success(ful(ly)?)?"
)
"""What stands where errors do if there is none, in small letters."""
NOT_RESOLVABLE = {"id": "notResolvable", "type": "error"}
"""What Contentful says of a link to an entry that is not published: no record is missing.

https://www.contentful.com/developers/docs/concepts/links/
"""
EMPTY: tuple[Any, ...] = (None, "", [], {}, 0)
LONGEST_WORDS = 200
BAD = ("error", "fail", "failed", "failure")
FAILED: dict[str, tuple[Any, ...]] = {
    "success": (False, 0, "false"), "ok": (False, 0, "false"), "status": BAD, "result": BAD,
}  # fmt: skip
"""What some answers say of themselves where others have an error."""
CODES = ("status", "code", "statusCode", "status_code", "errorCode", "error_code", "httpStatus")
"""Where some answers repeat the status that they should have come with."""
ENVELOPE = frozenset({
    *CODES, *WORDS, "success", "ok", "error", "errors", "timestamp", "path", "type", "instance",
    "details", "requestId", "request_id", "traceId", "trace_id", "method", "url", "help", "meta",
})  # fmt: skip
"""Keys of an answer that is about the request and holds no records."""
KEY = pattern(
    r"session|token|log[ -]?in|sign[ -]?in|sign[ -]?on|unauthori|not authori|authenticat|credential"
    r"|api.?key|permission|forbidden|denied|signature|licen[cs]e|jwt|invalid.auth|missing.scope"
    r"|insufficient.scope|(?:no|not have|lacks?) (?:\w+ )?(?:access|rights?)\b"
    r"|(?:^|\b(?:you|users?|accounts?|clients?|roles?|caller|app|application|access|operation"
    r"|action)\b[^.;]{0,60}\b)not (?:allowed|permitted)|not (?:allowed|permitted) to\b",
    re.IGNORECASE,
)
"""Words of a failure that is about who asks, not about the service."""
CHECK_KEY = (
    "checks API Key in the app's configuration, and what it may read, against these words. If the "
    "key is right, the registry's owner checks the service"
)
CHECK_REQUEST = (
    "checks the request in Connector Settings (endpoint.path, endpoint.params, endpoint.json) "
    "against these words. If it is right, the registry's owner checks the service"
)
CHECK_BOTH = (
    "checks API Key, what it may read, and the request in Connector Settings (endpoint.path, "
    "endpoint.params, endpoint.json) against these words"
)
INTERNAL = ("unexpected", "postgres_error", "internal_server_error", "internal_error", "_32603",
            "service_unavailable", "internal")  # fmt: skip
"""Codes of GraphQL servers, and of JSON-RPC, for a failure of the service."""
OUTAGE = pattern(
    r"connection (?:error|refused|reset|lost|closed)|could not connect|database (?:query )?error"
    r"|internal (?:server )?error|unavailable|deadlock|out of memory"
    r"|(?<!argument )(?<!parameter )(?<!field )(?<![\"'`“‘$])time(?:d[ -]?|-)?out(?![\"'`”’])",
    re.IGNORECASE,
)
"""Words of an outage; a timeout may also be the name of an argument."""
NAMES = (
    r"(?:field|property|parameter|param|column|table|index|query|filter|attribute|entity(?: ?set)?"
    r"|resource|argument|operator|sort|order|selector|collection|module|model|object type)s?"
)
REQUEST = pattern(
    rf"(?:invalid|unknown|unrecogni[sz]ed|unsupported|undefined|no such|missing|required|bad)"
    rf" (?:\w+ )?{NAMES}\b"
    rf"|\b{NAMES}\b.{{0,80}}(?:not (?:found|exist|valid|supported|defined|allowed)|doesn.t exist"
    r"|is (?:invalid|unknown|required|missing))"
    r"|\b(?:limit|offset|page|size)\b.{0,40}not (?:allowed|permitted|supported)",
    re.IGNORECASE,
)
"""Words of an error that the request itself caused."""


def error_in(body: Any, record_keys: tuple[str, ...]) -> str:
    """Return an error from where it usually is, in a body without records; "" if there is none.

    An empty list beside an error does not count as an answer.
    """
    if not isinstance(body, dict) or any(_is_filled(body.get(key)) for key in record_keys):
        return ""
    message = error_said(body)
    if not message and (_has_failed(body) or _has_code(body)):
        message = _words(body)
    return "" if says_nothing_found(message) else message


def error_said(body: Json) -> str:
    """Return the words of an error where it usually is, whatever else a body has; "" for none."""
    found = next((body[key] for key in ERROR_KEYS if not _is_blank(body.get(key))), None)
    if found is None:
        return ""
    return (_words(body) if found is True else "") or _words(found)


def all_said(body: Json) -> str:
    """Return the words of an error, with those that are beside one that is only a name.

    `{"error": "Forbidden", "message": "API rate limit exceeded"}`
    """
    said = error_said(body)
    if not any(str(body.get(key)) == said for key in ERROR_KEYS):
        return said
    beside = (body[key] for key in WORDS if isinstance(body.get(key), str))
    return ": ".join(dict.fromkeys(words for words in (said, *beside) if words))


def _is_blank(found: Any) -> bool:
    """Return whether what stands where errors do is none: `{"code": 0, "message": "OK"}`."""
    if isinstance(found, dict) and found.get("sys") == NOT_RESOLVABLE:
        return True
    if isinstance(found, (dict, list)):
        return all(map(_is_blank, found.values() if isinstance(found, dict) else found))
    return not found or NO_ERROR.fullmatch(str(found).strip(" .!\t\r\n").lower()) is not None


def partial_in(answer: PageAnswer, entries: Iterable[Entry], *, last: bool) -> str:
    """Return what an answer says of parts that are missing; "" for nothing.

    `entries` are what counts of the answer's own; `last`: no page follows.
    """
    if not isinstance(answer.body, dict):
        return ""
    if message := error_said(answer.body):
        return shortened(message, LONGEST_WORDS)
    if message := parts_missing(entries, last=last):
        return message
    return shortened(failure_beside(answer.body), LONGEST_WORDS) if answer.count else ""


def _has_failed(body: Json) -> bool:
    """Return whether a body says that it failed; `{"success": 0, "failed": 0}` only counts."""
    counts = any(type(body.get(key)) is int for key in ("failed", "failures"))
    flags = (key for key, values in FAILED.items() if _is(body.get(key), values))
    return any(not counts or type(body[key]) is not int for key in flags)


def _has_code(body: Json) -> bool:
    """Return whether a body is nothing but the description of a failure, by a status in it."""
    if any(key not in ENVELOPE and value not in EMPTY for key, value in body.items()):
        return False
    codes = (str(body.get(key, "")) for key in CODES)
    return any(re.fullmatch(r"[45]\d\d", code) for code in codes)


def is_about_the_request(body: Any) -> bool:
    """Return whether a protocol says by an error that it understood the request, and refuses it.

    https://spec.graphql.org/October2021/#sec-Errors
    https://www.jsonrpc.org/specification#error_object
    """
    if not isinstance(body, dict):
        return False
    errors = body.get("errors")
    by_graphql = isinstance(errors, list) and all(
        isinstance(each, dict) and "message" in each and "path" not in each for each in errors
    )  # with a path, a field failed while the request was worked on
    return by_graphql or ("jsonrpc" in body and isinstance(body.get("error"), dict))


def owner_of(body: Any, message: str) -> str:
    """Return what the integration owner does about an error inside a success.

    "" if the registry's owner must act: on the service itself.
    """
    by_protocol = is_about_the_request(body)
    of_request = by_protocol or REQUEST.search(message) is not None
    if KEY.search(message):
        return CHECK_BOTH if of_request else CHECK_KEY
    if OUTAGE.search(message) or (by_protocol and _is_internal(body)):
        return ""
    return CHECK_REQUEST if of_request else ""


def _is_internal(body: Json) -> bool:
    """Return whether a protocol's code says that the service failed, not the request."""
    errors = body.get("errors")
    several = errors if errors and isinstance(errors, list) else [body.get("error")]
    codes = (_code_of(each) for each in several)
    return all(str(code).lower().replace("-", "_") in INTERNAL for code in codes)


def _code_of(error: Any) -> Any:
    if not isinstance(error, dict):
        return None
    inner = error.get("extensions")
    return (inner if isinstance(inner, dict) else {}).get("code", error.get("code"))


def _words(error: Any) -> str:
    """Return the words of an error: of each of several, and of what is inside it."""
    if isinstance(error, list):
        return "; ".join(dict.fromkeys(_words(each) for each in error))
    if not isinstance(error, dict):
        return str(error)
    error = {key: _in_one_language(value) for key, value in error.items()}
    message = next((error[key] for key in WORDS if isinstance(error.get(key), str)), "")
    nested = (key for key in INNER if isinstance(error.get(key), dict) or key == "root_cause")
    inner = (_words(error[key]) for key in nested if error.get(key))
    parts = [message, *(part for part in inner if not part.startswith("{"))]
    return ": ".join(dict.fromkeys(part for part in parts if part)) or _whole(error)


def _in_one_language(value: Any) -> Any:
    """Return the words of `{"lang": "en", "value": "No such field"}` (OData 2 and 3)."""
    words = value.get("value") if isinstance(value, dict) and "lang" in value else None
    return words if isinstance(words, str) else value


def _whole(found: Json) -> str:
    return json.dumps(found, ensure_ascii=False, default=str)


def _is(value: Any, values: tuple[Any, ...]) -> bool:
    """Return whether a value is one of some, true and false apart from numbers."""
    plain = value.strip().lower() if isinstance(value, str) else value
    return any(type(plain) is type(each) and plain == each for each in values)


def _is_filled(value: Any) -> bool:
    return isinstance(value, list) and bool(value)
