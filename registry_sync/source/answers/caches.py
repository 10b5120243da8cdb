"""Whether an answer came from a cache between this app and the registry. Pure.

A cache that leaves out the query of requests answers each page with the first one.
https://datatracker.ietf.org/doc/html/rfc9111
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from registry_sync.core.late_patterns import pattern
from registry_sync.core.secrets import shortened

STATUSES = pattern(r"(?:[a-z]+-)*cache(?:-(?:status|lookup|remote))?")
"""Headers that say whether a cache had an answer, in small letters: `cf-cache-status`."""
HIT = pattern(r"\bhit\b|\bstale\b|\brevalidated\b", re.IGNORECASE)
LONGEST = 60


def cached_by(headers: Mapping[str, str]) -> str:
    """Return the header by which an answer came from a cache, such as “X-Cache: HIT”; "" if none.

    https://datatracker.ietf.org/doc/html/rfc9111#section-5.1 (Age)
    https://datatracker.ietf.org/doc/html/rfc9211 (Cache-Status)
    """
    for name, value in headers.items():
        lower, text = name.lower(), value.strip()
        aged = lower == "age" and text.isdecimal() and int(text[:9]) > 0
        hit = STATUSES.fullmatch(lower) and HIT.search(text)
        varnish = lower == "x-varnish" and re.fullmatch(r"\d+ \d+", text)
        if aged or varnish or hit:
            return f"{name}: {shortened(text, LONGEST)}"
    return ""
