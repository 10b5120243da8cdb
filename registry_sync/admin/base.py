"""Shared by the desk's pages: read-only lists that stay fast, actions that ask for a reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, partial
from typing import Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.paginator import Paginator
from django.db.models import DateTimeField, Field, ForeignKey, JSONField, Max, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from registry_sync.admin.actors import ActorFilter, actor_link
from registry_sync.core.text import as_key
from registry_sync.core.types import Json
from registry_sync.desk.marks import CHANGED, has_moved, sent_marks
from registry_sync.desk.table_names import title_of
from registry_sync.desk.times import time_html
from registry_sync.desk.values import as_text
from registry_sync.models import SyncRun

GROWN = "More match now than the {:,} that were shown. Nothing was done: look at them again."
COUNTED = 10_000
"""Rows that a list counts at most, so that a large table is never counted as a whole."""


def _changes_since(request: HttpRequest, count: int | None, marks: Sequence[str]) -> Iterator[str]:
    """Yield what has changed since the page was shown: more rows match, or its marks are others."""
    shown = as_key(request.POST.get("shown", ""))
    if shown is not None and count is not None and count > shown:
        yield GROWN.format(shown)
    if has_moved(sent_marks(request), marks):
        yield CHANGED


class CappedPaginator(Paginator):
    """Counts only as many rows as anyone would page through."""

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        return rows.order_by()[:COUNTED].count() if isinstance(rows, QuerySet) else len(rows)

    @property
    def capped(self) -> bool:
        """Return whether there may be more rows than were counted."""
        return self.count >= COUNTED

    @property
    def counted(self) -> str:
        """Return the number of rows in words, as far as they were counted."""
        return f"{self.count:,}{' or more' if self.capped else ''}"


def column(field: Field[Any, Any], show: Callable[[Any], str]) -> Callable[[Model], str]:
    """Return a column that shows a field of a row by `show`."""

    @admin.display(description=str(field.verbose_name), ordering=field.name)
    def shown(row: Model) -> str:
        return show(getattr(row, field.name))

    shown.__name__ = field.name
    return shown


def row_link(row: Model | None) -> SafeString | str:
    """Return a link to the page of a row of another table."""
    if row is None:
        return "–"
    address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    text = f"Run {row.pk}" if isinstance(row, SyncRun) else str(row)
    return format_html('<a href="{}">{}</a>', address, text)


class ReadOnly(admin.ModelAdmin):
    """History can be read but not edited, not even by superusers."""

    paginator = CappedPaginator
    show_full_result_count = False
    list_per_page = 50
    empty_value_display = "–"
    nothing = "Nothing yet."
    """The text of an empty list."""

    def changelist_view(
        self, request: HttpRequest, extra_context: Json | None = None
    ) -> HttpResponse:
        """Show the list under its own name."""
        title = title_of(self.model)
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        shown = self._with_own_columns(self.columns(request))
        return [self._links.get(name, name) for name in shown]

    def response_action(self, request: HttpRequest, *more: Any, **named: Any) -> Any:
        """Run an action on the rows that a form names; a text that is no key names none."""
        sent = request.POST.copy()
        keys = [pk for pk in sent.getlist(ACTION_CHECKBOX_NAME) if as_key(pk) is not None]
        sent.setlist(ACTION_CHECKBOX_NAME, keys)
        request.POST = sent  # type: ignore[assignment]
        return super().response_action(request, *more, **named)

    def render(self, request: HttpRequest, template: str, context: Json) -> TemplateResponse:
        """Return a page of this table: a template with `context` and what every page has."""
        shared = {**self.admin_site.each_context(request), "opts": self.opts}
        return TemplateResponse(request, template, {**shared, **context})

    def columns(self, request: HttpRequest) -> Sequence[Any]:
        """Return the list's columns, which may depend on what is asked for."""
        return self.list_display

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return self._with_own_columns(super().get_fields(request, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return self._with_own_columns(super().get_readonly_fields(request, obj))

    def _with_own_columns(self, names: Sequence[Any]) -> list[Any]:
        """Show times and JSON by columns of the desk's own instead of by Django's formats."""
        return [self._own_columns.get(name, name) for name in names]

    @cached_property
    def _own_columns(self) -> dict[Any, Callable[[Model], str]]:
        found: dict[Any, Callable[[Model], str]] = {}
        for field in self.opts.fields:
            if isinstance(field, DateTimeField):
                found[field.name] = column(field, lambda at: time_html(at) or "–")
            elif isinstance(field, JSONField):
                found[field.name] = column(field, as_text)
            elif field.name == "actor":
                found[field.name] = column(field, partial(actor_link, self.model))
        return found

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        """Add the filter by user, which is shown where a link has set it."""
        filters = super().get_list_filter(request)
        return [*filters, *([ActorFilter] if "actor" in self._own_columns else [])]

    @cached_property
    def _links(self) -> dict[Any, Callable[[Model], str]]:
        """Return the columns that name a row of another table of the desk."""
        return {
            field.name: column(field, row_link)
            for field in self.opts.fields
            if isinstance(field, ForeignKey) and self.admin_site.is_registered(field.related_model)
        }

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class Reasoned(ReadOnly):
    """A page whose actions need a POST and a reason, and are recorded in the admin's log.

    `may(request)` is the permission of its actions: to change the model.
    """

    def may(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"registry_sync.change_{self.opts.model_name}")

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *more: Any, **named: Any
    ) -> HttpResponse | None:
        """Run an action. A decision names its rows in one value: a form may have 1,000 at most."""
        if request.POST.get("decided"):
            sent = request.POST.copy()
            chosen = ",".join(sent.getlist(ACTION_CHECKBOX_NAME)).split(",")
            sent.setlist(ACTION_CHECKBOX_NAME, [pk for pk in chosen if pk])
            request.POST = sent  # type: ignore[assignment]
        if request.POST.get("select_across") == "1":
            queryset = self.until_shown(request, queryset)
        return super().response_action(request, queryset, *more, **named)

    def until_shown(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Return those of `rows` that were there when the page that asks was shown.

        The page keeps the newest one. What comes later is not what the user decided about.
        """
        newest = as_key(request.POST.get("newest", ""))
        if newest is None:
            newest = self.model._default_manager.aggregate(newest=Max("pk"))["newest"] or 0
            sent = request.POST.copy()
            sent["newest"] = str(newest)
            request.POST = sent  # type: ignore[assignment]
        return rows.filter(pk__lte=newest)

    def ask(
        self,
        request: HttpRequest,
        rows: Sequence[Model],
        *,
        action: str,
        title: str,
        explanation: str,
        needs_reason: bool = True,
        count: int | None = None,
        facts: Sequence[str] = (),
        marks: Sequence[str] = (),
        **more: Any,
    ) -> str | HttpResponse:
        """Return the reason that the user entered, or the page that asks for it.

        Without `needs_reason` it may be "". `facts` are lines that say what would change. The page
        asks again where `count`, how many rows are meant, has grown since it was shown, or where
        one of the `marks` of what it shows is another one. `more` reaches the template: with `most`
        of "" all rows are shown.
        """
        reason = (request.POST.get("reason") or "").strip()
        warnings = list(_changes_since(request, count, marks))
        if request.POST.get("decided") and (reason or not needs_reason) and not warnings:
            return reason
        context = {
            "title": title,
            "explanation": explanation,
            "needs_reason": needs_reason,
            "reason": reason,
            "count": count,
            "newest": request.POST.get("newest", ""),
            "facts": [*warnings, *facts],
            "marks": " ".join(marks),
            "rows": rows,
            "action": action,
            "back": reverse(f"admin:registry_sync_{self.opts.model_name}_changelist"),
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
            "most": ":50",
            **more,
        }
        return self.render(request, "admin/registry_sync/reason.html", context)

    def note(self, request: HttpRequest, rows: Iterable[Model], text: str) -> None:
        """Record in the admin's log what the user did with each of these rows, and why."""
        found, log = list(rows), LogEntry.objects
        if found:  # 2,000 one by one take a minute
            log.log_actions(request.user.pk or 0, found, CHANGE, text)
