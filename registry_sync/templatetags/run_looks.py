"""`looks` for templates."""

from __future__ import annotations

from django import template

from .. import looks
from ..health import stamp

register = template.Library()
for name in ("pill", "sign", "outcome", "by", "summary", "seconds", "shown"):
    register.filter(name, getattr(looks, name))
register.filter("stamp", lambda when: stamp(when) if when else "")
