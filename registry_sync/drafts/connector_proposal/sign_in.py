"""How the key is sent: the ways that common registries read it, until one is accepted."""

from __future__ import annotations

from registry_sync.core.problems import SourceError
from registry_sync.core.types import Json
from registry_sync.drafts.connector_proposal.line import Findings
from registry_sync.source.errors import AccessDenied

WAYS: tuple[Json, ...] = (
    {"type": "bearer", "scheme": "Token"},
    {"type": "api_key", "name": "X-API-Key"},
    {"type": "api_key", "name": "Authorization"},
    {"type": "api_key", "name": "X-Auth-Token"},
)
"""What is tried after the default, a bearer token."""

REFUSED = ("registry_unauthorised",)


def propose_auth(found: Findings) -> None:
    """Find how the key is accepted, and keep the first answer. Raise SourceError."""
    try:
        found.reply = found.source().first_reply()
        return
    except SourceError as refused:
        if refused.code not in REFUSED and not isinstance(refused, AccessDenied):
            raise
        first = refused
    if (found.settings.get("client") or {}).get("auth"):
        raise first
    for way in WAYS:
        try:
            found.reply = found.source(client__auth=way).first_reply()
        except SourceError:
            continue
        found.add("client.auth", way, "A bearer token was refused; this was accepted.")
        return
    raise first
