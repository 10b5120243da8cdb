"""Times as the pages show them, all in one form.

UTC is named; `static/registry_sync/times.js` rewrites each `<time>` in the reader's own zone.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from django.utils import timezone
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

STAMP = re.compile(r"\b(\d{4}-\d\d-\d\d) (\d\d:\d\d(?::\d\d)?) UTC\b")
"""A time in a sentence, as `core.dates.stamp` writes it."""
CODE = re.compile(r"`([^`]+)`")
UNITS = ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute"))


def time_html(when: datetime | None, *, seconds: bool = False, ago: bool = False) -> SafeString:
    """Return a `<time>` element, with "3 minutes ago" beside it where asked; "" for no time."""
    if when is None:
        return mark_safe("")
    exact = when.astimezone(UTC)
    element = format_html(
        '<time datetime="{}" title="{} UTC">{} UTC</time>',
        f"{exact:%Y-%m-%dT%H:%M:%SZ}",
        f"{exact:%Y-%m-%d %H:%M:%S}",
        f"{exact:%Y-%m-%d %H:%M:%S}" if seconds else f"{exact:%Y-%m-%d %H:%M}",
    )
    if not ago:
        return element
    return format_html('{} <span class="desk-quiet">({})</span>', element, relative(when))


def sentence_html(text: str) -> SafeString:
    """Return a sentence, escaped, with each time in it as a `<time>` element."""
    element = r'<time datetime="\1T\2Z" title="\1 \2 UTC">\1 \2 UTC</time>'
    return mark_safe(STAMP.sub(element, conditional_escape(text)))


def prose_html(text: str) -> SafeString:
    """Return a sentence of the catalogue in the same way, with what is in backticks as code."""
    return mark_safe(CODE.sub(r"<code>\1</code>", sentence_html(text)))


def relative(when: datetime, now: datetime | None = None) -> str:
    """Return how long ago, or in how long, in one unit: "3 minutes ago", "in 2 hours"."""
    length = (now or timezone.now()) - when
    for unit, name in UNITS:
        if abs(length) >= unit:
            count = abs(length) // unit
            counted = f"{count:,} {name}{'' if count == 1 else 's'}"
            return f"{counted} ago" if length > timedelta() else f"in {counted}"
    return "just now" if length >= timedelta() else "in less than a minute"
