"""HTTP basic authentication. https://datatracker.ietf.org/doc/html/rfc7617"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import requests
from requests.auth import HTTPBasicAuth

from registry_sync.core.setting import FILLED, setting
from registry_sync.core.types import Json
from registry_sync.source.auth.base import WHERE, Auth, Credential, register
from registry_sync.source.quoting import basic_credential
from registry_sync.source.settings_reader import SettingsReader


@register("http_basic")
@dataclass(frozen=True, slots=True)
class HttpBasic(Auth):
    """Sends a user name, and the secret as its password, in UTF-8."""

    about = "HTTP basic authentication; the password is `API Key`"
    required = ("username",)
    ascii_only = False
    username: str = setting("", "The user name.", type=FILLED, example="benchling")

    @classmethod
    def read(cls, reader: SettingsReader, settings: Json) -> Self:
        return cls(reader.text(settings.get("username"), f"{WHERE}.username"))

    def sign(self, request: requests.PreparedRequest, credential: Credential) -> None:
        HTTPBasicAuth(self.username.encode(), credential.secret.encode())(request)

    def secrets(self, credential: Credential) -> tuple[str, ...]:
        return (credential.secret, basic_credential(self.username, credential.secret))
