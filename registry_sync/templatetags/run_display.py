"""How runs look (`desk/run_display.py`), for templates."""

from __future__ import annotations

from django import template

from registry_sync.core.dates import stamp
from registry_sync.desk import run_display as looks

register = template.Library()
for name in ("pill", "status_sign", "status_words", "by", "summary", "seconds", "sort", "turn"):
    register.filter(name, getattr(looks, name))
register.filter("stamp", lambda when: stamp(when) if when else "")
