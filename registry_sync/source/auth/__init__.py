"""How requests to the registry are signed: one module for each auth type.

The secret is `API Key` of the app's configuration. To add a type, add a module with a class
under `@register("its_name")`, and import the module here.
"""

from __future__ import annotations

import re

from registry_sync.core.types import Json
from registry_sync.source.auth import api_key, bearer, http_basic, none, oauth2  # noqa: F401
from registry_sync.source.auth.base import AUTH, WHERE, Auth, Signer
from registry_sync.source.settings_reader import SettingsReader, setting_names

__all__ = ["AUTH", "Auth", "Signer", "read_auth"]

PLANNED = ("session",)
"""Types that are refused by name until they are built, and their settings."""
PLANNED_SETTINGS = (
    "login_path", "login_body", "token_path", "template", "expiration_duration",
)  # fmt: skip


NO_REFRESH = (
    f"{WHERE} asks for the OAuth grant refresh_token, which is not supported, because many "
    "services replace such a token each time it is used. Ask the registry's owner for a client "
    "with the grant client_credentials (type oauth2_client_credentials), or for a token of a "
    "service account that does not expire (type bearer)"
)
REFRESH = re.compile(r"refresh_?token", re.IGNORECASE)


def read_auth(reader: SettingsReader, raw: object) -> Auth:
    """Return `client.auth`: a type, or an object with a type and its settings."""
    settings: Json = {"type": raw} if isinstance(raw, str) else raw  # type: ignore[assignment]
    if _is_refresh(settings):
        reader.add(NO_REFRESH)
    settings = reader.section(
        settings, WHERE, ("type", *setting_names(AUTH.values())), PLANNED_SETTINGS
    )
    kind = reader.choice(settings, "type", WHERE, of=tuple(AUTH), default="bearer", later=PLANNED)
    # Every type reads its settings, so that a wrong one is found whichever type is chosen.
    read = {name: each.read(reader, settings) for name, each in AUTH.items()}
    reader.check_required(read[kind], WHERE)
    used = ("type", *setting_names([AUTH[kind]]), *PLANNED_SETTINGS)
    reader.check_used(settings, used, WHERE, f"the type is {kind}")
    return read[kind]


def _is_refresh(settings: object) -> bool:
    """Return whether settings try to describe the grant refresh_token, in whatever place."""
    for name, value in settings.items() if isinstance(settings, dict) else ():
        text = f"{name} {value}" if name in ("type", "grant_type") else str(name)
        if REFRESH.search(text) or _is_refresh(value):
            return True
    return False
