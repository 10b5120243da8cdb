"""The desk as one site: its first page, and the pages that belong to no table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

# Not in the package `admin`: Django imports this class before the pages that register with it.
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import path

from registry_sync import runs
from registry_sync.core.types import Json
from registry_sync.desk import charts as figures
from registry_sync.desk import landing, lanes, navigation
from registry_sync.desk import run_history as history
from registry_sync.desk.breadcrumbs import way_back
from registry_sync.desk.glance import glance
from registry_sync.desk.run_actions import active_of
from registry_sync.models import Lane, SyncRun
from registry_sync.monitoring import health
from registry_sync.monitoring.notified import who_is_notified
from registry_sync.reporting.error_groups import error_groups

ORDER = (
    "SyncRun", "EntityError", "LedgerEntry", "Change", "MappingDraft", "MappingVersion", "Lane",
    "Adoption", "Substance", "Drift", "Pin", "Withdrawal", "Merge", "Reconciliation",
    "ReconciledRecord", "Allowance", "Alert", "AlertSettings", "Checkup",
)  # fmt: skip
"""Tables in the order in which an integration owner wants them; the rest follow by name."""
RUNS_WIDTH, DAYS_WIDTH, HEIGHT, LEFT = 1100.0, 720.0, 120.0, 44.0
"""Of the pictures, in their own units; LEFT is for the scale."""


class Desk(admin.AdminSite):
    """Django's admin site with the integration owner's first page."""

    site_header = "Registry Sync"
    site_title = "Registry Sync"
    index_title = "The external registry and Benchling"
    index_template = "admin/registry_sync/first.html"
    site_url = None  # there is no other site to view
    enable_nav_sidebar = False  # the entries above every page lead everywhere

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return what every page has; to those who are logged in, the way around."""
        shown = super().each_context(request)
        if shown["has_permission"] and not shown["is_popup"]:
            shown["nav"] = {
                "entries": navigation.entries(request),
                "lanes": navigation.lane_switch(request, self._parameters(), runs.LaneNames()),
                "may_search": navigation.allowed(request, "view_ledgerentry"),
                **way_back(request, self),
            }
        return shown

    def _parameters(self) -> dict[str, str]:
        """Return by which parameter each list that has several lanes takes one, by its model."""
        found = {}
        for model, page in self._registry.items():
            names = {getattr(one, "parameter_name", "") for one in page.list_filter}
            for parameter in names.intersection(navigation.LANE_PARAMETERS):
                found[str(model._meta.model_name)] = parameter
        return found

    def get_urls(self) -> list[Any]:
        """Return the pages of the tables, and those of the sections."""
        own = [
            path("mapping/", self.admin_view(self.mapping), name="mapping"),
            path("settings/", self.admin_view(self.settings), name="settings"),
        ]
        return [*own, *super().get_urls()]

    def mapping(self, request: HttpRequest) -> TemplateResponse:
        """Show each lane's mapping, and the way to its drafts and versions."""
        return self._landing(request, "Mapping", landing.mapping)

    def settings(self, request: HttpRequest) -> TemplateResponse:
        """Show how the service is set up, and the way to its settings."""
        return self._landing(request, "Settings", landing.settings)

    def _landing(self, request: HttpRequest, title: str, cards: landing.Cards) -> TemplateResponse:
        section = navigation.section_of(title.lower())
        if section is None or not navigation.allowed(request, section.may):
            raise PermissionDenied
        shown = [one for one in cards(request) if one.links or one.facts]
        context = {**self.each_context(request), "title": title, "cards": shown}
        return TemplateResponse(request, "admin/registry_sync/landing.html", context)

    def index(self, request: HttpRequest, extra_context: Json | None = None) -> TemplateResponse:
        """Show the state of the sync; users who may not see runs get Django's own page."""
        seen = first_page(request) if request.user.has_perm("registry_sync.view_syncrun") else {}
        return super().index(request, {**seen, **(extra_context or {})})

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return the apps, this service's tables first, in the order of the work."""
        apps: list[Any] = super().get_app_list(request, app_label)
        for app in apps:
            app["models"].sort(key=lambda model: _place(model["object_name"]))
        return sorted(apps, key=lambda app: app["app_label"] != "registry_sync")


def _place(name: str) -> int:
    return ORDER.index(name) if name in ORDER else len(ORDER)


def first_page(request: HttpRequest) -> Json:
    """Return what the first page shows: of several lanes all at a glance, and one in full."""
    names = runs.LaneNames()
    asked = request.GET.get("lane", "")
    of = lanes.chosen(asked) if asked else names.lanes
    lane = of[0] if len(of) == 1 else None
    groups = error_groups(runs.open_errors(*of)) if of else []
    key = lane.pk if lane is not None and names.several else ""
    may_control = request.user.has_perm("registry_sync.change_syncrun")
    around = health.assess_service()
    shown = history.last_runs(lane if names.several else None)
    lanes.name_runs(shown, names)
    seen: Json = {
        "around": around,
        "glance": glance(names, around) if names.several else [],
        "lane_key": key,
        "asked_lane": f"?lane={key}" if key else "",
        "notified": who_is_notified(),
        "causes": groups,
        "runs_picture": _runs_picture(shown),
        "days_picture": _days_picture(history.days(lane if names.several else None)),
        "may_start": request.user.has_perm("registry_sync.add_syncrun"),
        "controls": controls(of) if names.several and may_control else [],
    }
    if lane is not None or not names.several:
        count = sum(group.count for group in groups)
        seen["health"] = health.assess(lane, open_errors=count, around=around)
        seen["lane_name"] = names.beside(lane)
    return seen


def controls(of: Sequence[Lane]) -> list[tuple[str, str]]:
    """Return what can be done with the active runs of these lanes: the address, and the word."""
    active = active_of(of)
    is_paused = [run.paused_at is not None for run in active]
    found = [("pause", "Pause")] if not all(is_paused) else []
    found += [("resume", "Resume")] if any(is_paused) else []
    return [*found, ("cancel", "Cancel")] if active else []


def _runs_picture(shown: list[SyncRun]) -> Json:
    """Draw the last runs: heights of records handled, looks and signs of outcomes."""
    read = [run.read for run in shown]
    drawn = _bars(read, history.RUNS, RUNS_WIDTH)
    return {
        "bars": list(zip(shown, drawn, strict=True)),
        "lines": figures.lines(max(read, default=0), height=HEIGHT),
    }


def _bars(values: list[int], places: int, width: float) -> list[figures.Bar]:
    return figures.bars(values, places=places, width=width - LEFT, height=HEIGHT, left=LEFT)


def _days_picture(days: list[history.Day]) -> Json:
    """Draw the last days: what was written, and above it what was refused."""
    most = max((day.written + day.refused for day in days), default=0)
    whole = [day.written + day.refused for day in days]
    drawn = []
    bars = _bars(whole, history.DAYS, DAYS_WIDTH)
    for day, bar in zip(days, bars, strict=True):
        refused = round(bar.height * day.refused / bar.value, 1) if bar.value else 0.0
        drawn.append((day, bar, refused))
    return {
        "bars": drawn,
        "lines": figures.lines(most, height=HEIGHT) if most else [],
        "written": sum(day.written for day in days),
        "refused": sum(day.refused for day in days),
        "busy": [day for day in reversed(days) if day.written or day.refused],
        "firsts": [(day.day, bar.x) for day, bar, _ in drawn if day.day.day == 1],
    }
