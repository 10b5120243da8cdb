"""`{% for cell in row|labelled:headers %}`: cells that say their column, for narrow screens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import template
from django.contrib.admin.views.main import PAGE_VAR
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst

from registry_sync.desk.table_names import noun_for

register = template.Library()


@register.simple_tag
def row_name(changelist: Any) -> str:
    """Return what the rows of a list are called, after their number."""
    return noun_for(changelist.model, changelist.result_count)


@register.simple_tag
def first_page(changelist: Any) -> str:
    """Return the address of a list's first whole page."""
    return str(changelist.get_query_string({PAGE_VAR: 1}))


@register.filter
def labelled(cells: Iterable[str], headers: Sequence[Mapping[str, Any]]) -> list[SafeString]:
    """Return a row's cells with the header of each in `data-label`: phones show it."""
    found = []
    for cell, header in zip(cells, headers, strict=False):
        start, rest = cell[:3], cell[3:]  # "<td" or "<th"
        text = "" if 'class="action-checkbox' in rest[:40] else capfirst(str(header["text"]))
        label = format_html(' data-label="{}"', text)
        found.append(mark_safe(f"{start}{label}{rest}"))
    return found
