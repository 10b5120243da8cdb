"""Records that share a structure in Benchling, with the salts that it stripped."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest

from registry_sync.admin.by_lane import ByLane, LaneChoice
from registry_sync.admin.links import record_link
from registry_sync.models import EntityError, Substance


def holder_link(error: EntityError) -> str:
    """Return a link to the record that has the structure or sequence of a refused one."""
    if error.code != "structure_taken" or not error.waits_key:
        return ""
    same = Substance.objects.filter(lane=error.lane_id, key=error.waits_key)
    holder = same.exclude(external_id=error.external_id).first()
    return record_link(holder.external_id, error.lane_id) if holder else ""


@admin.register(Substance)
class SubstanceAdmin(ByLane):
    nothing = "No two records share a structure."
    list_display = ("record", "structure", "stripped_fragments", "others")
    list_filter = (LaneChoice,)
    fields = ("lane", "record", "structure", "stripped_fragments", "others")
    readonly_fields = ("record", "structure", "stripped_fragments", "others")
    search_fields = ("external_id", "canonical")
    show_facets = admin.ShowFacets.NEVER
    ordering = ("lane", "key", "external_id")
    sortable_by = ()

    @admin.display(description="record")
    def record(self, substance: Substance) -> str:
        return record_link(substance.external_id, substance.lane_id)

    @admin.display(description="structure in Benchling")
    def structure(self, substance: Substance) -> str:
        return substance.canonical

    @admin.display(description="stripped")
    def stripped_fragments(self, substance: Substance) -> str:
        return ", ".join(substance.stripped.split(".")) if substance.stripped else "–"

    @admin.display(description="same structure")
    def others(self, substance: Substance) -> str:
        same = Substance.objects.filter(lane=substance.lane_id, key=substance.key)
        ids = same.exclude(pk=substance.pk).order_by("external_id")
        return ", ".join(ids.values_list("external_id", flat=True)[:20])

    def get_queryset(self, request: HttpRequest) -> QuerySet[Substance]:
        """List only what is shared: sequences and single structures are left out."""
        twin = Substance.objects.filter(lane=OuterRef("lane"), key=OuterRef("key"))
        rows = super().get_queryset(request).exclude(canonical="")
        return rows.filter(Exists(twin.exclude(pk=OuterRef("pk"))))
