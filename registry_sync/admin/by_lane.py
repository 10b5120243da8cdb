"""Lists of several lanes' rows: each row names its lane, and one lane can be chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from registry_sync import runs
from registry_sync.admin.base import ReadOnly
from registry_sync.core.text import as_key
from registry_sync.desk import lanes
from registry_sync.models import Lane


def lane_choices(request: HttpRequest) -> list[tuple[str, str]]:
    """Return the lanes of this app by primary key and name, those that are synced now first."""
    names = lanes.lanes_and_names(request)
    former = Lane.objects.of_app().filter(position__isnull=True).order_by("-pk")[:100]
    named = [(str(lane.pk), names.of(lane) if names.several else str(lane)) for lane in names.lanes]
    return named + [(str(lane.pk), f"{names.of(lane)}, {lane.collection}") for lane in former]


def lanes_fed_now(page: admin.ModelAdmin, request: HttpRequest, of: Iterable[Lane]) -> list[Lane]:
    """Return the lanes that runs feed now; report the others, about which nothing is done."""
    names = runs.LaneNames()
    for lane in (requested := dict.fromkeys(of)):
        if lane not in names.lanes:
            text = f"Nothing was done about records of {names.of(lane)}: no run reads them."
            page.message_user(request, text, messages.WARNING)
    return [lane for lane in requested if lane in names.lanes]


class LaneChoice(admin.SimpleListFilter):
    """One lane, or all. Hidden where there is only one."""

    title, parameter_name = "lane", "lane"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        found = lane_choices(request)
        return found if len(found) > 1 else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        key = as_key(str(self.value()))
        return queryset.none() if key is None else queryset.filter(lane_id=key)


class ByLane(ReadOnly):
    """A list whose rows have a lane, which they show where it lists those of several.

    It stands below the value of the column `lane_below`, if there is one, to save room.
    """

    lane_below = "record"

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        shown = super().get_list_display(request)
        names = lanes.lanes_and_names(request)
        if not names.several or as_key(request.GET.get("lane", "")) is not None:
            return shown  # the page says which lane it is
        if self.lane_below not in shown:
            return [shown[0], lane_column(names), *shown[1:]]
        below = lane_below(getattr(self, self.lane_below), names)
        return [below if name == self.lane_below else name for name in shown]

    def get_list_select_related(self, request: HttpRequest) -> Any:
        related = super().get_list_select_related(request)
        if isinstance(related, (list, tuple)) or not related:
            return [*(related or ()), "lane"]
        return related


def lane_below(column: Callable[[Any], str], names: runs.LaneNames) -> Callable[[Any], str]:
    """Return a column with the name of each row's lane below its value."""

    @admin.display(
        description=getattr(column, "short_description", column.__name__),
        ordering=getattr(column, "admin_order_field", None),
    )
    def shown(row: Any) -> str:
        text = '{}<br><span class="desk-quiet desk-lane">{}</span>'
        return format_html(text, column(row), names.of(row.lane) or "–")

    shown.__name__ = column.__name__
    return shown


def lane_column(names: runs.LaneNames) -> Callable[[Any], str]:
    """Return a column with the name of each row's lane."""

    @admin.display(description="lane")
    def lane_name(row: Any) -> str:
        return names.of(row.lane) or "–"

    return lane_name


class SchemaChoice(admin.SimpleListFilter):
    """The rows of one lane, by its schema. Hidden where there is only one."""

    title, parameter_name = "lane", "schema"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return schema_choices()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(schema_id=self.value()) if self.value() else queryset


def schema_choices() -> list[tuple[str, str]]:
    """Return the schemas of several lanes by id and name, in their order; [] for one lane."""
    names = runs.LaneNames()
    return [(lane.schema_id, names.of(lane)) for lane in names.lanes] if names.several else []


def with_schema_column(shown: list[Any]) -> list[Any]:
    """Return a list's columns with the name of each row's lane, where there are several."""
    names = runs.LaneNames()

    @admin.display(description="lane")
    def lane_name(row: Any) -> str:
        return names.of(names.find(row.schema_id)) or "–"

    return [shown[0], lane_name, *shown[1:]] if names.several else shown
