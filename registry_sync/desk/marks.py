"""Marks: what a page showed, to tell whether its button would still do just that.

A page sends the marks of what it showed with its form. What is acted on must be among them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest

FIELD = "mark"
"""The form's field: the marks in one value, since a form may have 1,000 fields at most."""
CHANGED = (
    "Something changed since this page was shown. Check what it says now, and press again. Nothing "
    "was done."
)


def mark_of_parts(*parts: Any) -> str:
    """Return the mark of something by its parts, which are JSON: 16 hex characters."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def sent_marks(request: HttpRequest) -> frozenset[str]:
    """Return the marks of what the page showed whose form this is; of no page, none."""
    return frozenset(request.POST.get(FIELD, "").split())


def has_moved(shown: frozenset[str], now: Iterable[str]) -> bool:
    """Return whether something is no longer as it was shown. A form without marks is trusted."""
    return bool(shown) and not shown >= set(now)
