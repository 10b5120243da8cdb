"""Links to another host than the registry's: what to do about them, by where they lead."""

from __future__ import annotations

import ipaddress
import json
from urllib.parse import parse_qsl, urlsplit

from registry_sync.core.addresses import origin
from registry_sync.core.types import Json
from registry_sync.source.answers.proxies import NETWORK_TEAM, is_proxy

OFFSETS = ("offset", "start", "skip", "from", "startat", "limit_start", "sysparm_offset")
SIZES = ("limit", "size", "pagesize", "page_size", "per_page", "perpage", "page_length", "count")
PAGES = ("page", "pagenumber", "page_number", "pageno", "p")
INNER = (".local", ".internal", ".lan", ".localdomain", ".svc", ".localhost")


def elsewhere_remedy(url: str, home: str) -> str:
    """Return who must do what about a link of the registry's that leads elsewhere.

    A server behind a proxy writes the address that it has itself, which is of no use outside.
    """
    link_origin, own_origin = origin(url), origin(home)
    if is_proxy(urlsplit(url).hostname or "") and not is_proxy(urlsplit(home).hostname or ""):
        return NETWORK_TEAM.format(registry=own_origin)
    enter = f"enters {link_origin} in API URL, if that is the registry"
    if not _is_behind(url, home):
        return f"The integration owner {enter}."
    setting = json.dumps({"endpoint": {"paginator": _counted(url)}})
    also = f", or {enter}" if _is_inner(home) else ""
    return (
        f"The registry's owner makes the proxy before it send X-Forwarded-Host, X-Forwarded-Port "
        f"and X-Forwarded-Proto, so that its links lead to {own_origin}. Until then the "
        f"integration owner pages without links in Connector Settings, as in {setting}{also}."
    )


def _is_behind(url: str, home: str) -> bool:
    """Return whether a link leads to what may be the registry itself, as seen from inside."""
    return _is_inner(url) or urlsplit(url).hostname == urlsplit(home).hostname


def _is_inner(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return not ipaddress.ip_address(host.partition("%")[0]).is_global
    except ValueError:
        return "." not in host or host.endswith(INNER)


def _counted(url: str) -> Json:
    """Return a paginator that counts as a link does; a likely one if the link does not show it."""
    names = {name.lower(): name for name, _ in parse_qsl(urlsplit(url).query)}
    size = next((names[name] for name in SIZES if name in names), "")
    page = next((names[name] for name in PAGES if name in names), "")
    if page:
        sizes = {"page_size_param": size, "limit": 100} if size else {}
        return {"type": "page_number", "page_param": page, **sizes}
    offset = next((names[name] for name in OFFSETS if name in names), "offset")
    return {
        "type": "offset", "offset_param": offset, "limit_param": size or "limit", "limit": 100,
    }  # fmt: skip
