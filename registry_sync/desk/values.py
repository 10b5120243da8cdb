"""Field values as pages show them: an option's label for its id, a link to the record it names."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from registry_sync.core.readable import EMPTY, LINK, is_blank, is_link, readable
from registry_sync.drafts.rule_form import LABELS
from registry_sync.runs import SchemaView


def as_text(
    value: Any, field_id: str = "", schema: SchemaView | None = None, *, empty: str = EMPTY
) -> str:
    """Return a value in words, options by the label that was last read.

    `field_id` is the id of the Benchling field, or its name. An option that was never read is
    shown as its id.
    """
    if schema is None:
        return readable(value, empty=empty)
    return schema.text(_field_id(field_id, schema), value, empty=empty)


def as_html(value: Any, field_id: str = "", schema: SchemaView | None = None) -> SafeString:
    """Return a value as `as_text` does, with an option's id on hover and links to records."""
    if is_blank(value):
        return format_html("{}", EMPTY)
    if isinstance(value, list):
        items = [as_html(item, field_id, schema) for item in value]
        separator = "; " if any("," in as_text(item, field_id, schema) for item in value) else ", "
        return format_html_join(separator, "{}", ((item,) for item in items))
    text = as_text(value, field_id, schema)
    if is_link(value):
        address = f"{reverse('admin:registry_sync_record')}?{urlencode({'q': value[LINK]})}"
        return format_html('<a href="{}">{}</a>', address, text)
    if isinstance(value, str) and text != value:
        return format_html('<span title="{}">{}</span>', value, text)
    return format_html("{}", text)


def rule_text(rule: Any) -> str:
    """Return a mapping rule in words: "as is", "number (decimal: ,)", "split …, then labels …"."""
    if is_blank(rule):
        return LABELS["as_is"]
    if isinstance(rule, list):
        return ", then ".join(rule_text(step) for step in rule)
    if isinstance(rule, dict) and "rule" in rule:
        name = LABELS.get(str(rule["rule"]), str(rule["rule"]))
        settings = {key: value for key, value in rule.items() if key != "rule"}
        return f"{name} ({readable(settings)})" if settings else name
    return LABELS.get(rule, rule) if isinstance(rule, str) else readable(rule)


def _field_id(field: str, schema: SchemaView) -> str:
    fields = schema.snapshot.get("fields") or {}
    if field in fields:
        return field
    return next((key for key, field_row in fields.items() if field_row.get("name") == field), field)
