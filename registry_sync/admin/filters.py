"""The filters of the errors' list: each walks an index, and none asks what values there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from registry_sync import runs
from registry_sync.admin.by_lane import lane_choices
from registry_sync.core.text import as_key
from registry_sync.desk import lanes as desk_lanes
from registry_sync.desk.cures.assign import assignable, name_of
from registry_sync.models import EntityError
from registry_sync.reporting import catalogue

Errors = QuerySet[EntityError]
NARROWED = ("q", "run__id__exact", "closed_by_run__id__exact")
"""Questions about some records: closed errors, and those of other lanes, answer them as well."""


class InWords(admin.ChoicesFieldListFilter):
    """Choices as the desk calls them: by `words`, or by the value that the rows show."""

    words: ClassVar[Mapping[str, str]] = {}

    def choices(self, changelist: Any) -> Iterator[Any]:
        values = {str(label): str(value) for value, label in self.field.flatchoices}
        for choice in super().choices(changelist):
            value = values.get(str(choice["display"]), str(choice["display"]))
            yield {**choice, "display": self.words.get(value, value)}


class Decided(admin.AllValuesFieldListFilter):
    """What was decided about rows; those without a decision are named as well."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        for choice in super().choices(changelist):
            yield {**choice, "display": choice["display"] or "not decided"}


class OpenFilter(admin.EmptyFieldListFilter):
    """Rows that are open, or closed: by whether they have a time at which they were closed."""

    words = ("Open", "Closed")
    named = "open or closed"

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.title = self.named

    def choices(self, changelist: Any) -> Iterator[Any]:
        titles = ("All", *self.words)
        for title, choice in zip(titles, super().choices(changelist), strict=True):
            yield {**choice, "display": title}


class SentFilter(OpenFilter):
    """Alerts that wait to be sent, or were sent."""

    words, named = ("Not sent", "Sent"), "sent or not"


class Chosen(admin.SimpleListFilter):
    """A filter that has a choice where none is named: `standard`, or `narrowed`."""

    standard = narrowed = ""

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        some = any(request.GET.get(name) for name in NARROWED)
        self.unnamed = self.narrowed if some else self.standard
        super().__init__(request, *args)

    def chosen(self) -> str:
        return self.value() or self.unnamed

    def choices(self, changelist: Any) -> Iterator[Any]:
        for value, title in self.lookup_choices:
            yield {
                "selected": self.chosen() == value,
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": title,
            }


class StateFilter(Chosen):
    title, parameter_name = "state", "state"
    standard, narrowed = "open", "all"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Open"), ("closed", "Closed"), ("dismissed", "Dismissed"), ("all", "All")]

    def queryset(self, request: HttpRequest, queryset: Errors) -> Errors:
        if self.chosen() == "closed":
            return queryset.filter(closed_at__isnull=False)
        if self.chosen() == "dismissed":
            return runs.only_dismissed(queryset)
        if self.chosen() == "all":
            return queryset
        return runs.only_open(queryset)


class LaneFilter(Chosen):
    """The lanes that are synced now, unless others are chosen. Hidden if there is only one lane."""

    title, parameter_name = "lane", "lane"
    standard, narrowed = "current", "all"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        lanes = lane_choices(request)
        return [("current", "Currently synced"), ("all", "All"), *lanes] if len(lanes) > 1 else []

    def queryset(self, request: HttpRequest, queryset: Errors) -> Errors:
        if self.chosen() == "all":
            return queryset
        chosen = self.chosen()
        if chosen != "current":
            key = as_key(chosen)
            return queryset.none() if key is None else queryset.filter(lane_id=key)
        current = desk_lanes.lanes_and_names(request).lanes
        return queryset.filter(lane__in=current) if current else queryset


class CauseFilter(admin.SimpleListFilter):
    title, parameter_name = "cause", "code"
    template = "admin/registry_sync/filter_closed.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        titles = {cause.code: cause.title for cause in catalogue.RECORD_CAUSES}
        if self.value() and self.value() not in titles:
            titles[str(self.value())] = catalogue.record_cause(str(self.value())).title
        return sorted(titles.items(), key=lambda pair: pair[1])

    def queryset(self, request: HttpRequest, queryset: Errors) -> Errors:
        return queryset.filter(code=self.value()) if self.value() else queryset


class AssignedFilter(admin.SimpleListFilter):
    title, parameter_name = "handed over", "assigned"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("source", "To the registry's owner"),
            ("mapping", "To the integration owner"),
            ("no", "Not handed over"),
        ]

    def queryset(self, request: HttpRequest, queryset: Errors) -> Errors:
        if self.value() is None:
            return queryset
        return queryset.filter(assigned="" if self.value() == "no" else self.value())


class UserFilter(admin.SimpleListFilter):
    """The user of the desk who takes care of an error: oneself, another, or anyone."""

    title, parameter_name = "assigned to", "user"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        me = request.user
        others = [user for user in assignable() if user.pk != me.pk]
        named = [(str(user.pk), name_of(user)) for user in others]
        return [(str(me.pk), "Me"), *named, ("anyone", "Anyone")]

    def queryset(self, request: HttpRequest, queryset: Errors) -> Errors:
        if not self.value():
            return queryset
        if self.value() == "anyone":
            return queryset.filter(assigned_to__isnull=False)
        key = as_key(str(self.value()))
        return queryset.none() if key is None else queryset.filter(assigned_to=key)


class RunFilter(admin.SimpleListFilter):
    """The run that saw an error last: other pages link here; it offers no list of all runs."""

    title, parameter_name = "run that saw it last", "run__id__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(self.value()), f"Run {self.value()}")] if self.value() else []

    def queryset(self, request: HttpRequest, queryset: Errors) -> Errors:
        if not self.value():
            return queryset
        key = as_key(str(self.value()))
        return queryset.none() if key is None else queryset.filter(run_id=key)
