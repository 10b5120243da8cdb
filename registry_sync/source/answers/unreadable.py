"""A success whose body is no JSON: what it is instead, and who must act."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from registry_sync.core.problems import SourceError
from registry_sync.core.readable import in_message
from registry_sync.source.answers.firewalls import firewall_of
from registry_sync.source.answers.proxies import proxy_of
from registry_sync.source.answers.readable import readable_page
from registry_sync.source.answers.refusal_words import DOWN, OUT_OF_ORDER
from registry_sync.source.connection import Received
from registry_sync.source.errors import RetryableError, bad_answer
from registry_sync.source.quoting import LONGEST
from registry_sync.source.refusals import refused_by_firewall, refused_by_proxy

PACKINGS = {
    b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"PK\x03\x04": "zip", b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
}  # fmt: skip
"""Packed bodies by how they begin; br has no mark of its own."""
UNPACKED = ("", "identity", "gzip", "x-gzip", "deflate")
"""The encodings that are unpacked while a body is read."""
WORDS = 2000
"""Characters of a page or a text whose words count."""
FORM = re.compile(rb"(?i)<input[^>]{0,200}password")
LOGIN = "checks API URL, and the operator the network between"
AS_JSON = (
    "requests JSON from the registry: in Connector Settings, with a header such as "
    '{"client": {"headers": {"Accept": "application/json"}}} or a parameter such as '
    '{"endpoint": {"params": {"format": "json"}}}'
)
UNPACK = (
    "requests the list unpacked in Connector Settings: "
    '{"client": {"headers": {"Accept-Encoding": "identity"}}}'
)


@dataclass(frozen=True, slots=True)
class Format:
    """Something other than JSON: how it is recognized, its name, and what to do about it."""

    fits: Callable[[bytes, str], bool]
    name: str
    owner: str


def _is_html(body: bytes, kind: str) -> bool:
    return "html" in kind or re.match(rb"(?i)<!doctype html|<html|<head|<body", body) is not None


def _is_xml(body: bytes, kind: str) -> bool:
    return body.startswith(b"<")


def _is_ndjson(body: bytes, kind: str) -> bool:
    lines = [line.lstrip(b"\x1e") for line in body.split(b"\n", 3)[:3] if line.strip()]
    return len(lines) > 1 and all(_is_json(line) for line in lines[:2])


CALL = re.compile(rb"(?:/\*\*/\s*)?(?:typeof [^&]{1,100}&&\s*)?[\w$.]{1,80}\s*\(\s*[\[{]")


def _is_call(body: bytes, kind: str) -> bool:
    return CALL.match(body) is not None


def _is_csv(body: bytes, kind: str) -> bool:
    first, _, rest = body.partition(b"\n")
    second = rest.partition(b"\n")[0]
    signs = (first.count(sign) for sign in (b",", b";", b"\t"))
    alike = any(n and n == second.count(s) for n, s in zip(signs, (b",", b";", b"\t"), strict=True))
    return "csv" in kind or (alike and first[:1] not in (b"{", b"["))


def _is_file(body: bytes, kind: str) -> bool:
    return (
        re.search(
            r"yaml|protobuf|msgpack|cbor|bson|avro|parquet|pdf|image/|spreadsheet|excel|chemical/"
            r"|event-stream",
            kind,
        )
        is not None
    )


A_PAGE = "a web page"
FORMATS = (
    Format(_is_file, "another format", AS_JSON),
    Format(_is_html, A_PAGE, LOGIN),
    Format(_is_xml, "XML", AS_JSON),
    Format(_is_ndjson, "one JSON value per line (NDJSON)", AS_JSON),
    Format(_is_call, "JSON inside a function call (JSONP)", AS_JSON),
    Format(_is_csv, "a table of text (CSV)", AS_JSON),
)


def unreadable_body(answer: Received, why: str, start: str, *, cut: bool) -> SourceError:
    """Return the error of a body that is no JSON; `why` is the parser's reason.

    `start` is its beginning. `cut`: it is JSON that ends before its end. It is worth asking again:
    a proxy may have cut it, or the registry may be restarting.
    """
    body = answer.content.strip()
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if not body:
        return _bad_json("its answer is not valid JSON: it is empty", transient=True)
    packing = "" if _is_file(body, kind) else _packing(answer, body)
    if packing:
        what = f"its body is packed with {packing}, which its Content-Encoding does not say"
        if answer.headers.get("Content-Encoding", "").lower() == packing:
            what = f"its body is packed with {packing}, which was not requested"
        return _not_json(what, UNPACK)
    if cut:
        return _bad_json(f"its JSON ends in the middle ({why})", transient=True)
    if _is_html(body, kind) and (proxy := proxy_of(answer.headers, body)):
        return refused_by_proxy(answer, proxy)
    words, shown = readable_page(body)[:WORDS], in_message(start, LONGEST)
    if firewall := firewall_of(answer.headers, words, body, success=True):
        return refused_by_firewall(answer.status, firewall)
    if _is_html(body, kind) and DOWN.search(body):
        return _bad_json(f"it answered with a web page ({shown})", transient=True)
    found = next((each for each in FORMATS if each.fits(body, kind)), None)
    if _has_broken_down(body, words, found.name if found else ""):
        return _bad_json(f"it answered with the words of a failure ({shown})", transient=True)
    if found is None and ("json" in kind or not kind or body[:1] in (b"{", b"[")):
        return _bad_json(why)
    received = f"{kind or 'no Content-Type'} ({shown})"
    hint = f"; it is {found.name}" if found else ""
    if found is None or found.name == A_PAGE:
        hint += "; a login page or a proxy may be in the way"
    owner = found.owner if found else LOGIN
    return _not_json(f"expected JSON but got {received}{hint}", owner)


def _has_broken_down(body: bytes, words: str, form: str) -> bool:
    """Return whether a page or a text has the words of a failure; in data they say nothing."""
    if form not in ("", A_PAGE) or FORM.search(body):
        return False
    broken = OUT_OF_ORDER.search(words)
    return broken is not None and (bool(form) or broken[0].lower() != "hibernat")


def _bad_json(what: str, *, transient: bool = False) -> SourceError:
    error: SourceError = bad_answer(what, transient=transient, kind=RetryableError)
    return error


def _not_json(what: str, owner: str) -> SourceError:
    error: SourceError = bad_answer(what, owner, code="registry_not_json", kind=RetryableError)
    return error


def _packing(answer: Received, body: bytes) -> str:
    """Return how a body is packed, "" if it is not."""
    named = answer.headers.get("Content-Encoding", "").strip().lower()
    if named not in UNPACKED:
        return named
    return next((name for mark, name in PACKINGS.items() if body.startswith(mark)), "")


def _is_json(text: bytes) -> bool:
    try:
        return isinstance(json.loads(text), (dict, list))
    except (ValueError, RecursionError):
        return False
