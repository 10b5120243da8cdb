"""The `Link` header: targets by relation, scanned as RFC 8288 writes them.

https://datatracker.ietf.org/doc/html/rfc8288#appendix-B.2
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from registry_sync.core.late_patterns import pattern

TARGET = pattern(r"[\s,]*<([^>]*)>")
PARAMETER = pattern(
    r"""\s*;\s*
        (?P<name>[^\s=;,"<>]+)?
        (?:\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^;,"]*)))?
    """,
    re.VERBOSE,
)
"""A quoted value may hold `;`, `,` and `=`. A parameter may have no value, or be empty."""
NEXT = pattern(r"(?:https?://\S+[/#])?next(?:[_-]?(?:page|link))?")
"""A relation of the next page, also by its address: www.iana.org/assignments/relation/next."""
NOT_ASCII = pattern(r"[^\x20-\x7e]+")
"""What no relation has, but a configuration that was pasted from a text has: ”next”."""


def read_links(header: str) -> tuple[dict[str, str], bool]:
    """Return the targets by relation, in lower case, and whether all of the header was read.

    The first link of a relation counts; one about another resource (`anchor`) only if there is no
    other. Several headers are one, joined by commas.
    """
    links: dict[str, str] = {}
    others: dict[str, str] = {}
    at = 0
    while found := TARGET.match(header, at):
        parameters, at = _parameters(header, found.end())
        where = others if parameters.get("anchor") else links
        for relation in _relations(parameters):
            if relation == "next" and parameters.get("results") == "false":
                continue  # https://docs.sentry.io/api/pagination/
            where.setdefault(relation, found[1].strip())
        if header[at : at + 1] not in ("", ","):
            break
    rest = header[at:].strip(" \t,")
    return {**others, **links}, not rest


def _parameters(header: str, at: int) -> tuple[dict[str, str], int]:
    """Return the parameters that begin at a place, each by its first value, and where they end."""
    read: dict[str, str] = {}
    while found := PARAMETER.match(header, at):
        at = found.end()
        value = found["quoted"]
        value = re.sub(r"\\(.)", r"\1", value) if value is not None else found["plain"] or ""
        if found["name"]:
            read.setdefault(found["name"].lower(), value.strip())
    while header[at : at + 1].isspace():
        at += 1
    return read, at


def _relations(parameters: dict[str, str]) -> list[str]:
    """Return a link's relations; `rel*` is read where `rel` is missing (RFC 8187)."""
    plain = parameters.get("rel")
    if plain is None:
        plain = unquote(parameters.get("rel*", "").rpartition("'")[2])
    words = NOT_ASCII.sub("", plain).strip("'").lower().split()
    return ["next" if NEXT.fullmatch(word) else word for word in words]
