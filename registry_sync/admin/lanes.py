"""Lanes and the decisions about them: adoptions and drift."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Field, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from registry_sync.admin.by_consent import ByConsent
from registry_sync.admin.by_lane import ByLane, LaneChoice
from registry_sync.admin.differences import DecidesDifferences, Found
from registry_sync.admin.filters import InWords, OpenFilter
from registry_sync.admin.lane_form import OPEN, POLICY, TWO_PEOPLE, WHY, LaneForm
from registry_sync.admin.links import record_link
from registry_sync.desk import cures, marks
from registry_sync.desk.cures.adoptions import adoption_mark
from registry_sync.desk.drift import ARCHIVED, differences_of
from registry_sync.desk.values import as_html
from registry_sync.models import Adoption, Drift, Lane
from registry_sync.runs import schema_view
from registry_sync.sync.gates.adoption_approval import (
    ApprovedTwice,
    approve,
    conflict_of,
    taken_over,
)
from registry_sync.sync.plans.proposals import Person

SIDES = "admin/registry_sync/adoption/sides.html"


@admin.register(Drift)
class DriftAdmin(DecidesDifferences, ByLane):
    """What people changed in Benchling; open rows can be accepted or restored."""

    nothing = "No drift found. Full runs check for it."
    list_display = (
        "record", "field", "written_value", "value_now", "modified_at", "changed_by", "closed_at",
        "ended", "decide_it",
    )  # fmt: skip
    fields = (
        "lane", "run", "record", "entity_id", "field", "written_value", "value_now", "modified_at",
        "changed_by", "changed_at", "found_at", "closed_at", "ended", "decide_it",
    )  # fmt: skip
    readonly_fields = ("record", "written_value", "value_now", "decide_it")
    list_display_links = ("field",)
    list_filter = (("closed_at", OpenFilter), "ended", "field", LaneChoice)
    search_fields = ("external_id", "entity_id")
    date_hierarchy = "found_at"

    def differences(self, rows: Sequence[Drift]) -> Found:
        """Return the difference of each open row."""
        found = {}
        for lane in {row.lane for row in rows}:
            found.update(differences_of(lane, [row for row in rows if row.lane == lane]))
        return {row: [found[row]] for row in rows if row in found}

    @admin.display(description="record")
    def record(self, row: Drift) -> str:
        return record_link(row.external_id, row.lane_id)

    @admin.display(description="written by Registry Sync")
    def written_value(self, row: Drift) -> SafeString:
        return as_html(row.ours, row.field_id, schema_view(row.lane))

    @admin.display(description="found in Benchling")
    def value_now(self, row: Drift) -> SafeString:
        return as_html(row.theirs, row.field_id, schema_view(row.lane))

    @admin.display(description="decide")
    def decide_it(self, row: Drift) -> SafeString | str:
        found = cures.find_cure("drift", "drift")
        if found is None or row.closed_at is not None or row.field_id == ARCHIVED:
            return "–"
        case = cures.CureCase(row.lane, "drift", (row.external_id,))
        return format_html('<a href="{}">Restore or accept…</a>', found.address(case))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Drift]:
        return super().get_queryset(request).prefetch_related("lane")


@admin.register(Adoption)
class AdoptionAdmin(ByLane):
    """Both sides of each entity that already was in Benchling, and the action to take it over."""

    nothing = "No adoptions pending."
    list_display = (
        "record", "way", "entity_registry_id", "name", "differs", "state", "note", "actor",
        "decided_at",
    )  # fmt: skip
    list_display_links = ("way",)
    list_filter = ("state", ("how", InWords), LaneChoice)
    search_fields = ("external_id", "entity_registry_id", "name", "entity_id")
    fields = (
        "external_id", "way", "entity_registry_id", "entity_id", "name", "schema_name", "sides",
        "modified_at", "found_at", "state", "note", "actor", "reason", "decided_at", "run",
    )  # fmt: skip
    readonly_fields = ("sides", "way")
    actions = ("take_over",)

    @admin.display(description="record")
    def record(self, row: Adoption) -> str:
        return record_link(row.external_id, row.lane_id)

    @admin.display(description="how", ordering="how")
    def way(self, row: Adoption) -> str:
        return row.how

    @admin.display(description="differing values")
    def differs(self, row: Adoption) -> int:
        return len(row.differences)

    @admin.display(description="both sides")
    def sides(self, row: Adoption) -> str:
        return render_to_string(SIDES, {"adoption": row, "schema": schema_view(row.lane)})

    def has_take_over_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("registry_sync.change_adoption")

    @admin.action(description="Take over the selected entities", permissions=["take_over"])
    def take_over(self, request: HttpRequest, rows: QuerySet[Adoption]) -> HttpResponse | None:
        """Show both sides, ask for a reason, and approve the takeover for the next run."""
        chosen = list(rows.filter(state=Adoption.State.OPEN, how__in=Adoption.ADOPTABLE))
        conflict, reason = conflict_of(chosen), request.POST.get("reason", "").strip()
        now = [adoption_mark(row) for row in chosen]
        moved = marks.has_moved(marks.sent_marks(request), now)
        if request.POST.get("decided") and reason and chosen and not (conflict or moved):
            try:
                count = approve(chosen, actor=request.user.get_username(), reason=reason)
            except ApprovedTwice as later:  # someone was faster, if only by an instant
                conflict = str(later)
            else:
                self.message_user(request, taken_over(count))
                return None
        context = {
            **self.admin_site.each_context(request),
            "title": "Take over entities",
            "rows": chosen,
            "sides": [(row, schema_view(row.lane)) for row in chosen],
            "left_out": rows.count() - len(chosen),
            "conflict": conflict,
            "changed": marks.CHANGED if moved else "",
            "marks": " ".join(now),
            "reason": reason,
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/registry_sync/adoption/decide.html", context)


@admin.register(Lane)
class LaneAdmin(ByConsent):
    """Read-only, except for what is done about drift and about what left the registry."""

    nothing = "No lanes yet. The first run creates one when it reads its configuration."
    list_display = (
        "schema_name", "collection", "tenant", "registry_id", "drift_policy", "withdrawn_policy",
        "created_at",
    )  # fmt: skip
    fields = (
        "schema_name", "collection", "tenant", "app_id", "registry_id", "schema_id",
        "drift_policy", *POLICY, WHY, "plans_for", *TWO_PEOPLE, "withdrawn_set_at",
        "archive_fault", "field_keys", "kept", "cleared", "rebuilt_at", "looked_at", "created_at",
    )  # fmt: skip
    readonly_fields = tuple(n for n in fields if n not in (*OPEN, WHY))
    form = LaneForm

    def get_form(self, request: HttpRequest, *args: Any, **more: Any) -> Any:
        found: Any = super().get_form(request, *args, **more)
        found.by = Person.of(request.user)
        return found

    def get_fields(self, request: HttpRequest, obj: Lane | None = None) -> Any:
        """Return the fields: a reason only where it may be needed."""
        asks = obj is not None and obj.second_release and self.has_change_permission(request, obj)
        return [name for name in super().get_fields(request, obj) if asks or name != WHY]

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return admin.ModelAdmin.has_change_permission(self, request, obj)

    def formfield_for_dbfield(
        self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        """Return a field's input; nothing must be given."""
        found = super().formfield_for_dbfield(db_field, request, **kwargs)
        if found is not None and db_field.name in OPEN[1:]:
            found.required = False
        return found

    def save_row(self, obj: Lane, form: LaneForm) -> None:
        """Save what the form changed; what a request leaves out stays as it is."""
        in_form = [n for n in form.changed_data if n in OPEN]
        changed = [n for n in in_form if getattr(obj, n) != form.initial.get(n)]
        if set(changed) & set(POLICY):  # listings count from now on
            obj.withdrawn_set_at, obj.archive_fault = timezone.now(), ""
            changed += ["withdrawn_set_at", "archive_fault"]
        obj.save(update_fields=changed)  # a run may be writing the others
