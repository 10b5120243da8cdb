"""The desk as one site: its first page, and the pages that belong to no table."""

from __future__ import annotations

from collections.abc import Iterator
from functools import wraps
from typing import Any

# Not in the package `admin`: Django imports this class before the pages that register with it.
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBadRequest, QueryDict
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import path

from registry_sync.core.types import Json
from registry_sync.desk import landing, navigation
from registry_sync.desk.breadcrumbs import way_back
from registry_sync.desk.lanes import lanes_and_names
from registry_sync.desk.table_names import title_of
from registry_sync.desk.today import first_page_context

ORDER = (
    "SyncRun", "EntityError", "LedgerEntry", "Change", "MappingDraft", "MappingVersion", "Lane",
    "Adoption", "Substance", "Drift", "Pin", "Withdrawal", "Merge", "Reconciliation",
    "ReconciledRecord", "Allowance", "Alert", "AlertSettings", "Checkup",
)  # fmt: skip
"""Tables in the order in which an integration owner wants them; the rest follow by name."""


class Desk(admin.AdminSite):
    """Django's admin site with the integration owner's first page."""

    site_header = "Registry Sync"
    site_title = "Registry Sync"
    index_title = "The external registry and Benchling"
    index_template = "admin/registry_sync/first.html"
    site_url = None  # there is no other site to view
    enable_nav_sidebar = False  # the entries above every page lead everywhere

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Return a page for those who may log in; it answers 400 where it was sent a NUL."""

        @wraps(view)
        def readable(request: HttpRequest, *args: Any, **named: Any) -> HttpResponseBase:
            sent = [request.path_info, *_words(request.GET), *_words(request.POST)]
            if any("\0" in word for word in sent):  # PostgreSQL stores and compares none
                return HttpResponseBadRequest("The request contains a NUL character.")
            return view(request, *args, **named)

        return super().admin_view(readable, cacheable)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return what every page has; to those who are logged in, the way around."""
        shown = super().each_context(request)
        if shown["has_permission"] and not shown["is_popup"]:
            shown["nav"] = {
                "entries": navigation.menu_sections(request),
                "lanes": navigation.lane_switch(
                    request, self._parameters(), lanes_and_names(request)
                ),
                "may_search": navigation.allowed(request, "view_ledgerentry"),
                **way_back(request, self),
            }
        return shown

    def _parameters(self) -> dict[str, str]:
        """Return by which parameter each list that has several lanes takes one, by its model."""
        found = {}
        for model, page in self._registry.items():
            names = {getattr(list_filter, "parameter_name", "") for list_filter in page.list_filter}
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
        return self._landing(request, "Mapping", landing.mapping_cards)

    def settings(self, request: HttpRequest) -> TemplateResponse:
        """Show how the service is set up, and the way to its settings."""
        return self._landing(request, "Settings", landing.settings)

    def _landing(self, request: HttpRequest, title: str, cards: landing.Cards) -> TemplateResponse:
        section = navigation.section_of(title.lower())
        if section is None or not navigation.allowed(request, section.may):
            raise PermissionDenied
        shown = [card for card in cards(request) if card.links or card.facts]
        context = {**self.each_context(request), "title": title, "cards": shown}
        return TemplateResponse(request, "admin/registry_sync/landing.html", context)

    def index(self, request: HttpRequest, extra_context: Json | None = None) -> TemplateResponse:
        """Show the state of the sync; users who may not see runs get Django's own page."""
        seen = (
            first_page_context(request)
            if request.user.has_perm("registry_sync.view_syncrun")
            else {}
        )
        return super().index(request, {**seen, **(extra_context or {})})

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return the apps, this service's first: its tables by title, in the order of the work.

        The list of all apps is made once for a request: the first page shows it twice.
        """
        if app_label is not None:
            return self._apps(request, app_label)
        found: list[Any] | None = getattr(request, "desk_apps", None)
        if found is None:
            found = request.desk_apps = self._apps(request)  # type: ignore[attr-defined]
        return found

    def _apps(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        apps: list[Any] = super().get_app_list(request, app_label)
        for app in apps:
            app["models"].sort(key=lambda model: _place(model["object_name"]))
            for table in app["models"]:
                table["name"] = title_of(table["model"])
        return sorted(apps, key=lambda app: app["app_label"] != "registry_sync")


def _place(name: str) -> int:
    return ORDER.index(name) if name in ORDER else len(ORDER)


def _words(sent: QueryDict) -> Iterator[str]:
    """Yield the names and values of an address or a form."""
    for name, values in sent.lists():
        yield from (name, *values)
