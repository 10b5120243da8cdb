"""Bearer tokens. https://datatracker.ietf.org/doc/html/rfc6750#section-2.1"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import requests

from registry_sync.core.setting import PLAIN, setting
from registry_sync.core.types import Json
from registry_sync.source.auth.base import WHERE, Auth, Credential, register
from registry_sync.source.settings_reader import SettingsReader


@register("bearer")
@dataclass(frozen=True, slots=True)
class Bearer(Auth):
    """Sends the secret in the Authorization header, after a scheme; without a secret, nothing."""

    about = "The default: sends `API Key` in the Authorization header"
    scheme: str = setting("Bearer", "The word before the key.", type=PLAIN, example="Token")

    @classmethod
    def read(cls, reader: SettingsReader, settings: Json) -> Self:
        scheme = reader.text(settings.get("scheme"), f"{WHERE}.scheme") or "Bearer"
        reader.check_sendable(scheme, f"{WHERE}.scheme")
        return cls(scheme)

    def sign(self, request: requests.PreparedRequest, credential: Credential) -> None:
        if credential.secret:
            request.headers["Authorization"] = f"{self.scheme} {credential.secret}"
