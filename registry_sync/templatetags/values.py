"""`{% value change.after change.field_id schema %}`: a field's value as people read it."""

from __future__ import annotations

from django import template

from registry_sync.canvas import markdown
from registry_sync.desk.values import as_html, as_text, rule_text

register = template.Library()
register.simple_tag(as_html, name="value")
register.filter("shown", as_text)
register.filter("rule", rule_text)


@register.filter
def plain(text: str) -> str:
    """Return a sentence of a canvas without its emphasis and escapes."""
    return markdown.plain_text(text)
