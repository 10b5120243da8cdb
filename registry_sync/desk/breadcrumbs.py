"""The way back: from a page to its table, its section and Today, or to where one came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.urls import Resolver404, ResolverMatch, resolve, reverse
from django.urls.base import get_script_prefix

from registry_sync.desk.navigation import allowed, section_of
from registry_sync.desk.table_names import title_of

ROWS = ("object_id", "pk", "run_id")
"""Parts of an address that name a row."""
NAMED = {"syncrun": "Run", "entityerror": "Error", "mappingdraft": "Draft"}
"""How a row is named by its number, where its table's name says more than is needed."""


@dataclass(frozen=True, slots=True)
class Crumb:
    """One step of the way."""

    title: str
    address: str


def way_back(request: HttpRequest, site: AdminSite) -> dict[str, Any]:
    """Return the `crumbs` above a page, and `back`: another page that led to it, or None."""
    match = request.resolver_match
    if match is None or match.url_name in (None, "index", "login"):
        return {"crumbs": [], "back": None}
    own_address = "" if request.GET.get("id") else request.path  # one record is below all of them
    crumbs = [crumb for crumb in _above(request, match, site) if crumb.address != own_address]
    previous = _came_from(request)
    if previous.netloc != request.get_host() or previous.path == request.path:
        return {"crumbs": crumbs, "back": None}
    whole = previous.path + (f"?{previous.query}" if previous.query else "")
    # As it was left: searched, filtered, paged.
    if previous.path in {crumb.address for crumb in crumbs}:
        same = [Crumb(crumb.title, whole if crumb.address == previous.path else crumb.address)
                for crumb in crumbs]  # fmt: skip
        return {"crumbs": same, "back": None}
    title = _title(previous.path, dict(parse_qsl(previous.query)), site)
    return {"crumbs": crumbs, "back": Crumb(title, whole) if title else None}


def _came_from(request: HttpRequest) -> SplitResult:
    """Return the address that a browser says it came from; an empty one if it is none."""
    try:
        return urlsplit(request.headers.get("Referer", ""))
    except ValueError:
        return urlsplit("")


def _above(request: HttpRequest, match: ResolverMatch, site: AdminSite) -> list[Crumb]:
    """Return the pages above this one, from Today down."""
    found = [Crumb("Today", reverse("admin:index"))]
    name = str(match.url_name).removeprefix("registry_sync_")
    section = section_of(name.removeprefix("auth_"))
    if section is not None and allowed(request, section.may):
        found.append(Crumb(section.title, section.address))
    model = _model(match, site)
    if model is None:
        return found
    table = reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_changelist")
    if allowed(request, f"{model._meta.app_label}.view_{model._meta.model_name}"):
        found.append(Crumb(title_of(model), table))
    if row := _row(match, model):
        found.append(row)
    first: dict[str, Crumb] = {}
    for crumb in found:  # a section's home may be the table itself
        first.setdefault(crumb.address, crumb)
    return list(first.values())


def _model(match: ResolverMatch, site: AdminSite) -> Any:
    """Return the model whose table a page belongs to; None for pages of no table."""
    for model in site._registry:
        before = f"{model._meta.app_label}_{model._meta.model_name}_"
        if str(match.url_name).startswith(before):
            return model
    return None


def _row(match: ResolverMatch, model: Any) -> Crumb | None:
    """Return the row that a page is below: the run of a list of its records."""
    key = _key(match)
    if key is None or str(match.url_name).endswith("_change"):
        return None
    base = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
    return Crumb(_row_title(model, key), reverse(base, args=[key]))


def _key(match: ResolverMatch) -> Any:
    return next((match.kwargs[name] for name in ROWS if name in match.kwargs), None)


def _row_title(model: Any, key: Any) -> str:
    singular = str(model._meta.verbose_name)
    return f"{NAMED.get(model._meta.model_name, singular[:1].upper() + singular[1:])} {key}"


def _title(path: str, query: dict[str, str], site: AdminSite) -> str:
    """Return the title of a page that one may have come from; "" where there is no way back."""
    try:
        match = resolve("/" + path.removeprefix(get_script_prefix()))
    except Resolver404:
        return ""
    name, model = str(match.url_name), _model(match, site)
    if name == "registry_sync_record":
        return f"Record {query['id']}" if query.get("id") else "Records"
    if model is None:
        section = section_of(name)
        return section.title if section else ""
    if name.endswith("_changelist"):
        return title_of(model)
    shown, key = name.endswith(("_change", "_records")), _key(match)
    return _row_title(model, key) if shown and key is not None else ""
