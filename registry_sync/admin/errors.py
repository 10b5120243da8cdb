"""Entity errors: what is not in Benchling, by cause, and who must act."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from ..models import EntityError
from .base import ReadOnly

WHO = {
    EntityError.Kind.SOURCE: "the registry's owner",
    EntityError.Kind.MAPPING: "the integration owner",
    EntityError.Kind.BENCHLING: "a Benchling admin",
    EntityError.Kind.TRANSIENT: "nobody: it is tried again",
}


class OpenFilter(admin.SimpleListFilter):
    """Show open errors, and the others on demand."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("closed", "Closed"), ("dismissed", "Dismissed"), ("all", "All")]

    def choices(self, changelist):  # type: ignore[no-untyped-def]
        yield {
            "selected": self.value() is None,
            "query_string": changelist.get_query_string(remove=[self.parameter_name]),
            "display": "Open",
        }
        for value, title in self.lookup_choices:
            yield {
                "selected": self.value() == value,
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": title,
            }

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[EntityError]
    ) -> QuerySet[EntityError]:
        if self.value() == "closed":
            return queryset.filter(closed_at__isnull=False)
        if self.value() == "dismissed":
            return queryset.filter(closed_at__isnull=True, dismissed_at__isnull=False)
        if self.value() == "all":
            return queryset
        return queryset.filter(closed_at__isnull=True, dismissed_at__isnull=True)


@admin.register(EntityError)
class EntityErrorAdmin(ReadOnly):
    list_display = ("external_id", "message", "who_must_act", "code", "last_seen")
    list_filter = (OpenFilter, "kind", "code")
    search_fields = ("external_id", "message")
    date_hierarchy = "last_seen"

    @admin.display(description="who must act", ordering="kind")
    def who_must_act(self, error: EntityError) -> str:
        return WHO[EntityError.Kind(error.kind)]
