"""A key in a header, a query parameter or a cookie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import requests

from registry_sync.core.setting import WORD, one_of, setting
from registry_sync.core.types import Json
from registry_sync.source.auth.base import WHERE, Auth, Credential, register
from registry_sync.source.settings_reader import SettingsReader


@register("api_key")
@dataclass(frozen=True, slots=True)
class ApiKey(Auth):
    """Sends the secret under a name of the registry's own."""

    about = "Sends `API Key` under a name of the registry's own"
    required = ("name",)
    name: str = setting("", "The name of the header, parameter or cookie.", type=WORD,
                        example="X-API-Key")  # fmt: skip
    location: Literal["header", "query", "cookie"] = setting(
        "header", "Where the key is sent.", type=one_of("header", "query", "cookie"),
        example="query",
    )  # fmt: skip

    @classmethod
    def read(cls, reader: SettingsReader, settings: Json) -> Self:
        name = reader.text(settings.get("name"), f"{WHERE}.name")
        reader.check_sendable(name, f"{WHERE}.name")
        places = ("header", "query", "cookie")
        return cls(name, reader.choice(settings, "location", WHERE, of=places, default="header"))

    def sign(self, request: requests.PreparedRequest, credential: Credential) -> None:
        match self.location:
            case "query":
                request.prepare_url(self.strip(request.url or ""), {self.name: credential.secret})
            case "cookie":
                request.headers["Cookie"] = f"{self.name}={credential.secret}"
            case _:
                request.headers[self.name] = credential.secret

    def strip(self, url: str) -> str:
        """Return a URL without the parameter that carries the key."""
        if self.location != "query" or not self.name:
            return url
        parts = urlsplit(url)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        kept = [(name, value) for name, value in pairs if name != self.name]
        return urlunsplit(parts._replace(query=urlencode(kept)))
