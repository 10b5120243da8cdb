"""Answers of a proxy between this server and the registry, which the registry never saw. Pure.

Most networks have one that no setting names: it takes over connections on their way out. What it
refuses says nothing about the registry or its key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from registry_sync.core.late_patterns import pattern
from registry_sync.core.secrets import shortened

PRODUCTS = (
    r"squid|zscaler|blue ?coat|proxysg|symantec web|netskope|forcepoint|websense"
    r"|forti(?:proxy|guard|gate)|mcafee web gateway|skyhigh|ironport|cisco umbrella|iboss"
    r"|menlo security|barracuda web (?:security|filter)|sophos web|palo alto networks"
)
PRODUCT = pattern(PRODUCTS, re.IGNORECASE)
BLOCKED = pattern(
    rf"{PRODUCTS}|web page (?:is )?blocked|content categori[sz]ation|url category|web ?filter"
    r"|web gateway|proxy authentication|policy_denied",
    re.IGNORECASE,
)
"""Words of the web page that such a proxy answers with; Apache's “Proxy Error” is a registry's."""
PAGE = re.compile(rb"\s*(?:<!doctype html|<html|<head|<body|<!--)", re.IGNORECASE)
LONGEST = 20_000
UNAUTHORIZED = 401
NETWORK_TEAM = (
    "The operator asks the network team, or the registry's owner if the proxy is theirs, to let "
    "requests from this server to {registry} through."
)
NETWORK_LATER = (
    "No action is needed if this passes: the next run continues. If it persists, the operator asks "
    "the network team, or the registry's owner if the proxy is theirs, why it does not reach "
    "{registry}."
)


def proxy_of(headers: Mapping[str, str], content: bytes, status: int = 0) -> str:
    """Return the proxy that gave an answer itself; "" if it is the registry's.

    A proxy that only passes answers on adds `Via`, but keeps the server's name and its body. A 401
    by a server of such a name is one of the registry's gateway: on the way out it would be 407.
    """
    if content.lstrip()[:1] in (b"{", b"["):  # such a proxy answers with a web page, or nothing
        return ""
    if "X-Squid-Error" in headers:
        return "Squid"
    if "Proxy-Authenticate" in headers:
        return "a proxy that asks who sends the request"
    own = headers.get("Proxy-Status", "")  # RFC 9209
    if re.search(r";\s*error\s*=", own):
        return shortened(own.partition(";")[0].strip(), 60)
    server = headers.get("Server", "")
    if status != UNAUTHORIZED and PRODUCT.search(server):
        return shortened(server, 60)
    page = content[:LONGEST] if PAGE.match(content) else b""
    found = BLOCKED.search(page.decode(errors="replace")) if page else None
    if found is None:
        return ""
    named = PRODUCT.search(found[0])
    return named[0] if named else f"its page says “{found[0]}”"


def is_proxy(host: str) -> bool:
    """Return whether a host is one where a proxy lets people sign in."""
    return PRODUCT.search(host) is not None
