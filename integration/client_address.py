"""The address that a request came from, for the login throttle."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest

NETWORK = 64
"""The bits of an IPv6 address that identify a client: one client has all the others.

https://www.ripe.net/publications/docs/ripe-690/
"""


def client_address(request: HttpRequest) -> str:
    """Return the client's address, of IPv6 that of its network; "" if there is none.

    Where the proxy's headers are trusted (`TRUST_PROXY_HEADERS`), it is the last one in
    X-Forwarded-For: the proxy itself adds that, and the client may invent those before it.
    """
    seen = request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.TRUST_PROXY_HEADERS else ""
    return _told_apart(seen.rpartition(",")[2]) or _told_apart(request.META.get("REMOTE_ADDR", ""))


def _told_apart(text: str) -> str:
    """Return the address in a text, which may have a port beside it; "" if there is none.

    https://learn.microsoft.com/azure/application-gateway/how-application-gateway-works
    """
    host = text.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return ""
    if not isinstance(address, IPv6Address):
        return str(address)
    network = IPv6Network((address, NETWORK), strict=False)
    return str(address.ipv4_mapped or network.network_address)
