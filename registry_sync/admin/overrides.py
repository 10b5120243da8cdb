"""Overrides: what stopped a run, shown and allowed once."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.forms import CharField, HiddenInput, ModelForm
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from registry_sync import runs
from registry_sync.admin.base import row_link
from registry_sync.admin.by_consent import ByConsent
from registry_sync.desk import marks
from registry_sync.desk.cures.overrides import Stop, mark_of_stop, standing_stops
from registry_sync.models import Allowance, Lane
from registry_sync.sync.gates import allowances
from registry_sync.sync.plans.proposals import Consent, Person, SecondPerson

NONE = "none"
"""The mark of a page that showed no stop."""


class MarkField(CharField):
    """The marks of what a page shows, which is what is so now, also where a form was refused."""

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Return what the form sends next time."""
        return initial


class AllowanceForm(ModelForm):
    """Accepts only what stopped a run, as `manage.py allow` does."""

    mark = MarkField(required=False, widget=HiddenInput)
    by: Person | None = None
    consent: Consent | None = None
    paths: list[str] | None = None
    """The paths that are allowed to be missing: those of the stop that was shown."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.initial[marks.FIELD] = " ".join(stop.mark for stop in standing_stops()) or NONE

    def clean(self) -> dict[str, Any]:
        """Reject a superfluous or missing id, and an override of something that stopped no run."""
        cleaned = super().clean() or {}
        lane, what = cleaned.get("lane"), cleaned.get("what")
        if lane is None or not what or "external_id" not in cleaned:
            return cleaned  # reported at the field itself
        external_id = cleaned["external_id"]
        if fault := allowances.misfit(what, external_id):
            self.add_error("external_id", fault)
        elif fault := allowances.nothing_to_allow(lane, what, external_id):
            self.add_error("external_id" if external_id else None, fault)
        elif not external_id:
            self._check_shown(cleaned, lane, what)
        return cleaned

    def _check_shown(self, cleaned: dict[str, Any], lane: Lane, what: str) -> None:
        """Reject an override of another stop than the page showed; it shows that one now."""
        self.paths = allowances.lost_paths(lane, what)
        shown = frozenset(str(cleaned.get(marks.FIELD) or "").split())
        if marks.has_moved(shown, [mark_of_stop(lane, Allowance.What(what))]):
            self.add_error(None, marks.CHANGED)

    def full_clean(self) -> None:
        """Reject, as a proposal, what the lane's settings let no one do alone.

        Last of all: nothing is proposed in a form that is refused for another reason.
        """
        super().full_clean()
        if not self.is_bound or self.errors or self.by is None:
            return
        cleaned = self.cleaned_data
        kind, external_id = Allowance.What(cleaned["what"]), cleaned["external_id"]
        try:
            self.consent = allowances.override_consent(
                cleaned["lane"], kind, external_id, by=self.by, reason=cleaned["reason"]
            )
        except SecondPerson as proposed:
            self.add_error(None, f"{proposed} {proposed.remedy}")


@admin.register(Allowance)
class AllowanceAdmin(ByConsent):
    """Users can add an override with a reason. An override is never edited."""

    nothing = "No overrides yet."
    list_display = ("created_at", "stop", "actor", "reason", "used_by", "lane")
    list_select_related = ("lane", "used_by")
    fields = ("lane", "what", "external_id", "reason")
    form = AllowanceForm

    @admin.display(description="what", ordering="what")
    def stop(self, row: Allowance) -> str:
        """Return the stop, with the record or the missing paths that it is about."""
        return str(row)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return admin.ModelAdmin.has_add_permission(self, request)

    def get_fieldsets(self, request: HttpRequest, obj: Allowance | None = None) -> Any:
        """Return the fields; to add one, with the stops that can be overridden."""
        if obj is not None:
            return super().get_fieldsets(request, obj)
        return [(None, {"fields": (*self.fields, marks.FIELD), "description": _stops()})]

    def get_form(self, request: HttpRequest, *args: Any, **more: Any) -> Any:
        found: Any = super().get_form(request, *args, **more)
        found.by = Person.of(request.user)
        return found

    def save_model(
        self, request: HttpRequest, obj: Allowance, form: AllowanceForm, change: bool
    ) -> None:
        obj.actor = request.user.get_username()
        obj.paths = form.paths
        super().save_model(request, obj, form, change)

    def save_row(self, obj: Allowance, form: AllowanceForm) -> None:
        """Save it, unless someone has overridden the same in the same instant."""
        allowances.lock_lane_of(obj.lane, obj.what, obj.external_id)
        super().save_row(obj, form)


def _stops() -> SafeString | str:
    """Return the runs that are stopped now and why, in a list."""
    names, found = runs.LaneNames(), standing_stops()
    if not found:
        return "No run is stopped now. Single records can be allowed by their ids."
    rows = [(_of(stop, names), row_link(stop.run), stop.run.error) for stop in found]
    return format_html("Stopped now: {}", format_html_join("", "<p>{}{}: {}</p>", rows))


def _of(stop: Stop, names: runs.LaneNames) -> str:
    name = names.label(stop.lane)
    return f"{name}, " if name else ""
