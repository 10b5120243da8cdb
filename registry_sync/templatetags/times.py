"""`{{ at|when }}`: a time in the one form; `{{ text|times }}`: the times in a sentence.

`{{ text|prose }}`: its times, and what is in backticks as code.
"""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils.safestring import SafeString

from registry_sync.desk.times import prose_html, sentence_html, time_html

register = template.Library()
register.filter("times", sentence_html)
register.filter("prose", prose_html)


@register.filter
def when(at: datetime | None, more: str = "") -> SafeString:
    """Return a `<time>` element; `more` asks for "ago" or "seconds"."""
    return time_html(at, seconds="seconds" in more, ago="ago" in more)
