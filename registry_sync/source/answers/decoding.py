"""An answer's bytes to JSON: in its charset, and lenient about single values that are wrong. Pure.

orjson parses plain UTF-8. What it refuses, and numbers that it would not keep exactly, go to the
standard library, which says where a fault is and lets a few values be read otherwise. Only a body
that it refuses, too, is repaired and parsed again. https://github.com/ijl/orjson#deserialize
"""

from __future__ import annotations

import codecs
import json
import math
import re
import sys
from contextlib import suppress
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal, InvalidOperation
from typing import Any

import orjson

from registry_sync.core.late_patterns import pattern
from registry_sync.core.secrets import shortened
from registry_sync.source.answers.doubled_keys import (
    DoubledKey,
    may_have_doubled_keys,
    object_of,
)
from registry_sync.source.answers.marks import BACKSLASH, NO_VALUE

LONGEST_WHOLE = 4000
"""Digits of a whole number; Python parses no more than 4,300."""
LATIN = ("iso8859-1", "ascii")
"""Charsets that are windows-1252 in fact. https://encoding.spec.whatwg.org/#names-and-labels"""
PREFIX = pattern(r"\)\]\}',?|(?:for|while)\s*\([;1\s]*\)\s*;?|\{\}\s*&&")
"""What some servers write before JSON, so that no browser runs it as a script."""
TOKEN = pattern(
    r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)'  # a string, or one that never ends
    r"|:\s*+(?=[,}])"  # a value left out
    r"|,\s*+(?=[}\]])"  # a comma too many
    r'|[^\s{}\[\]:,"]++(?P<name>\s*+:)?',
    re.DOTALL,
)
DIGITS = bytes(ord("0") if chr(byte).isdigit() and byte < 128 else byte for byte in range(256))
"""A table that makes every digit a 0."""
LONG_NUMBER = b"0" * (sys.float_info.dig + 2)
"""What only numbers have, their points left out, that orjson may not keep: it makes floats of
decimals, and of whole numbers beyond 64 bits. One digit more is a decimal's zero before its point.
"""
WIDE = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
ESCAPE = pattern(r'\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})|\\')
VALUE = pattern(r"true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|-?Infinity|NaN")


class Unusable(ValueError):
    """The body cannot be used: its text says why, `remedy` what the integration owner must do.

    `cut`: it is good as far as it goes, and ends before its end.
    """

    def __init__(self, text: str, remedy: str = "", *, cut: bool = False) -> None:
        super().__init__(text)
        self.remedy, self.cut = remedy, cut


def parse_answer(
    content: bytes, charset: str = "", id_path: str = "id", doubled: list[DoubledKey] | None = None
) -> Any:
    """Return parsed JSON. Numbers stay exact; a value that is not JSON is marked text.

    A decimal with more digits than a float holds is text, as it is written.

    `charset` is the one that the answer states; it is used where the body is not Unicode. The
    error names the last record before a fault by its id, which is at `id_path`. Keys that an object
    has several times, with several values, are added to `doubled`. Raise Unusable.
    """
    doubled = [] if doubled is None else doubled
    if LONG_NUMBER not in content.translate(DIGITS, b"."):
        with suppress(orjson.JSONDecodeError):
            value = orjson.loads(content)
            if not may_have_doubled_keys(content, value):
                return value
            del value  # not two trees in memory
    text = _decoded(content, charset)
    try:
        return _loaded(text, doubled)
    except (ValueError, RecursionError) as error:
        bare = PREFIX.sub("", text.lstrip(), count=1).lstrip()
        if bare[:1] not in ("{", "[") or isinstance(error, RecursionError):
            raise Unusable(f"its answer is not valid JSON: {error}") from error
    repaired = TOKEN.sub(_repaired, bare)
    doubled.clear()
    try:
        return _loaded(repaired, doubled)
    except (ValueError, RecursionError) as error:
        raise _fault(error, repaired.rstrip(), id_path) from error


def charset_of(content_type: str) -> str:
    """Return the charset of a Content-Type header; "" if it states none."""
    found = re.search(r"charset\s*=\s*[\"']?([^\s\"';,]+)", content_type, re.IGNORECASE)
    return found[1] if found else ""


def _decoded(content: bytes, charset: str) -> str:
    """Return the text of a body: as Unicode, else in the stated charset; bad bytes are marked."""
    unicode = json.detect_encoding(content)
    stated = _codec(charset)
    for codec in dict.fromkeys(name for name in (unicode, *stated) if name):
        try:
            return content.decode(codec)
        except (UnicodeDecodeError, LookupError):
            continue
    if unicode.startswith("utf-8"):
        return content.decode(stated[0] if stated else unicode, "surrogateescape")
    return content.decode(unicode, "registry_sync.mark")


def _codec(charset: str) -> tuple[str, ...]:
    """Return the codecs to try for a stated charset."""
    try:
        name = codecs.lookup(charset).name
        b"a".decode(name)  # LookupError for codecs that are not of text
    except (LookupError, ValueError):
        return ()
    if name.startswith(("utf", "idna", "punycode", "unicode", "raw")):
        return ()
    return ("cp1252", "latin-1") if name in LATIN else (name,)


def _mark(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return "\udc00", error.end


codecs.register_error("registry_sync.mark", _mark)


def _loaded(text: str, doubled: list[DoubledKey]) -> Any:
    return json.loads(
        text,
        strict=False,  # control characters in strings
        parse_constant=lambda word: NO_VALUE + word,
        parse_float=_decimal,
        parse_int=_whole,
        object_pairs_hook=lambda pairs: object_of(pairs, doubled),
    )


def _repaired(found: re.Match[str]) -> str:
    """Return a token as JSON that marks what is wrong with it."""
    token = found[0]
    if token[0] == '"':
        return ESCAPE.sub(_escape, token) if "\\" in token else token
    if token[0] == ":":
        return f':"{NO_VALUE}"'
    if token[0] == ",":
        return ""
    if found["name"] or VALUE.fullmatch(token):
        return token
    return json.dumps(NO_VALUE + token, ensure_ascii=False)


def _escape(found: re.Match[str]) -> str:
    return found[0] if len(found[0]) > 1 else BACKSLASH


def _fault(error: Exception, text: str, id_path: str) -> Unusable:
    if not isinstance(error, json.JSONDecodeError):
        return Unusable(f"its answer is not valid JSON: {error}")
    cut = error.pos >= len(text) or error.msg.startswith("Unterminated string")
    key = re.findall(r"[^.\[\]{}'\"*]+", id_path)[-1:] or ["id"]
    named = re.compile(rf'"{re.escape(key[0])}"\s*:\s*("(?:[^"\\]++|\\.)*+"|-?\d+)')
    near = ""
    for found in named.finditer(text, 0, error.pos):
        near = found[1].strip('"')
    where = f" in or after the record {shortened(near, 60)}" if near else ""
    return Unusable(f"its answer is not valid JSON{where}: {error}", cut=cut)


def _decimal(text: str) -> float | str:
    """Return a decimal; what no float holds stays text: the field takes it, or says what is lost.

    Digits that a float was printed with hold no more than the float: `%.17g` makes 0.1 to
    0.10000000000000001.
    """
    number = float(text)
    if not math.isfinite(number):
        return text  # inf is not JSON
    if len(text) <= len(LONG_NUMBER) or repr(number) == text:
        return number
    if len(re.sub(r"[eE].*|\D", "", text)) < len(LONG_NUMBER):  # as where orjson parses it
        return number
    try:
        exact = Decimal(text).normalize(WIDE)
    except InvalidOperation:  # an exponent of many digits
        return text
    if exact == Decimal(repr(number)):
        return number
    printed = Context(prec=len(exact.as_tuple().digits)).create_decimal(Decimal(number))
    return number if printed == exact else text


def _whole(text: str) -> int | str:
    """Return a whole number; one too long for Python to parse stays text."""
    return int(text) if len(text) < LONGEST_WHOLE else text
