"""The five entries that every page has, and the lane's switch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from registry_sync import runs

LANE_PARAMETERS = ("lane", "schema")
"""By which lists narrow their rows to one lane: its primary key, or its schema's id."""

UNKEPT = ("p", "e", "_changelist_filters")
"""Of a list's address: its page, its fault, and where one came from."""


@dataclass(frozen=True, slots=True)
class Section:
    """One of the desk's entries: its home, who may see it, and the tables that belong to it.

    `may` is a permission of this app, or "" for every member of staff.
    """

    title: str
    home: str
    may: str
    models: tuple[str, ...] = ()
    takes_lane: bool = False

    @property
    def address(self) -> str:
        """Return the address of the section's home."""
        return reverse(f"admin:{self.home}")


SECTIONS = (
    Section("Today", "index", "", takes_lane=True),
    Section("Runs", "registry_sync_syncrun_changelist", "view_syncrun", ("syncrun", "plan"), True),
    Section("Records", "registry_sync_record", "view_ledgerentry", (
        "record", "ledgerentry", "entityerror", "change", "adoption", "drift", "pin", "withdrawal",
        "merge", "substance", "reconciliation", "reconciledrecord", "proposal",
    )),
    Section("Mapping", "mapping", "view_mappingdraft", ("mappingdraft", "mappingversion"), True),
    Section("Settings", "settings", "view_lane", (
        "connect", "lane", "checkup", "alertsettings", "alert", "allowance", "webhookdelivery",
        "webhookrefusal", "canvas", "installation", "user", "group",
    )),
)  # fmt: skip
"""In the order of the work. A table that is in none is found under More."""


def allowed(request: HttpRequest, permission: str) -> bool:
    """Return whether the user has a permission, named with or without its app; "" is for all."""
    if not permission:
        return True
    whole = permission if "." in permission else f"registry_sync.{permission}"
    return bool(request.user.has_perm(whole))


def url_name(request: HttpRequest) -> str:
    """Return the name of the page's address, without the app; "" where it has none."""
    name = (request.resolver_match.url_name if request.resolver_match else "") or ""
    return name.removeprefix("registry_sync_").removeprefix("auth_")


def section_of(name: str) -> Section | None:
    """Return the section that a page belongs to, by the name of its address."""
    for section in SECTIONS:
        if name == section.home or name.split("_")[0] in section.models:
            return section
    return None


def menu_sections(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the sections that the user may see, the current one marked; a chosen lane is kept."""
    current_section = section_of(url_name(request))
    lane = request.GET.get("lane", "")
    found = []
    for section in SECTIONS:
        if not allowed(request, section.may):
            continue
        address = section.address
        current = (
            "page" if address == request.path else "true" if section is current_section else ""
        )
        if lane and section.takes_lane:
            address += "?" + urlencode({"lane": lane})
        found.append({"title": section.title, "address": address, "current": current})
    return found


def lane_switch(
    request: HttpRequest, parameters: Mapping[str, str], names: runs.LaneNames
) -> dict[str, Any]:
    """Return the page's address for each lane and for all; {} where the app feeds one lane.

    `parameters` has the parameter by which each list takes a lane, by its model's name. A page of
    a single row leads to its list, any other page to Today.
    """
    if not names.several:
        return {}
    parameter, address, kept = _place_of(request, parameters)
    chosen = kept.pop(parameter, "")
    options = [(names.of(one), one.schema_id if parameter == "schema" else str(one.pk))
               for one in names.lanes]  # fmt: skip
    switch = [
        {"title": title, "current": value == chosen,
         "address": f"{address}?{urlencode({**kept, parameter: value})}"}
        for title, value in options
    ]  # fmt: skip
    whole = {
        "title": "All lanes",
        "current": not any(one["current"] for one in switch),
        "address": f"{address}?{urlencode(kept)}" if kept else address,
    }
    title = next((one["title"] for one in switch if one["current"]), "All lanes")
    return {"title": title, "options": [whole, *switch]}


def _place_of(
    request: HttpRequest, parameters: Mapping[str, str]
) -> tuple[str, str, dict[str, str]]:
    """Return where a lane can be chosen from this page: parameter, address, other parameters."""
    name = url_name(request)
    _, _, page = name.rpartition("_")
    kept = {key: str(value) for key, value in request.GET.items() if key not in UNKEPT}
    if name in {section.home for section in SECTIONS if section.takes_lane}:
        return "lane", request.path, kept
    if (parameter := parameters.get(name.split("_")[0])) is None:
        return "lane", reverse("admin:index"), {}
    if page == "changelist":
        return parameter, request.path, kept
    home = reverse(f"admin:registry_sync_{name.split('_')[0]}_changelist")
    return parameter, home, {}
