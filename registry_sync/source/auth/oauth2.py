"""OAuth 2 client credentials. https://datatracker.ietf.org/doc/html/rfc6749#section-4.4"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Self

import requests
from requests.auth import HTTPBasicAuth

from registry_sync.core.problems import SourceError
from registry_sync.core.types import Json
from registry_sync.source.auth.base import WHERE, Auth, Credential, register
from registry_sync.source.settings_reader import SettingsReader

TOKEN_BYTES = 64 * 1024
"""The most that is read of a token service's response."""


@register("oauth2_client_credentials")
@dataclass(frozen=True, slots=True)
class ClientCredentials(Auth):
    """Sends a token, fetched when needed and again shortly before it expires."""

    about = "`access_token_url`, `client_id`, `scopes`; the client secret is `API Key`"
    required = ("access_token_url", "client_id")
    access_token_url: str = ""
    client_id: str = ""
    scopes: str = ""

    @classmethod
    def read(cls, reader: SettingsReader, given: Json) -> Self:
        url = reader.text(given.get("access_token_url"), f"{WHERE}.access_token_url")
        if url:
            reader.check_address(url, f"{WHERE}.access_token_url")
        client_id = reader.text(given.get("client_id"), f"{WHERE}.client_id")
        return cls(url, client_id, " ".join(reader.texts(given.get("scopes"), f"{WHERE}.scopes")))

    def sign(self, request: requests.PreparedRequest, credential: Credential) -> None:
        if not credential.token or time.monotonic() >= credential.expires:
            self._fetch(credential)
        request.headers["Authorization"] = f"Bearer {credential.token}"

    def renew(self, credential: Credential) -> bool:
        """Drop a token that the registry no longer accepts, and say that a new one may do."""
        credential.token = ""
        return True

    def _fetch(self, credential: Credential) -> None:
        response = self._request(credential)
        with response:
            content = next(response.iter_content(TOKEN_BYTES), b"")
        try:
            body: Json = json.loads(content) if response.ok else {}
            credential.token = str(body["access_token"])
            lifetime = float(body.get("expires_in") or 300)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            credential.token = ""
            raise SourceError(
                f"The registry's token service answered {response.status_code} without a token.",
                remedy="The integration owner checks client.auth in Connector Settings and enters "
                "a valid client secret in API Key.",
                code="registry_unauthorised",
                transient=response.status_code >= 500,
            ) from error
        credential.expires = time.monotonic() + lifetime - max(1.0, min(60.0, lifetime * 0.1))

    def _request(self, credential: Credential) -> requests.Response:
        form = {"grant_type": "client_credentials"} | (
            {"scope": self.scopes} if self.scopes else {}
        )
        return credential.session.post(
            self.access_token_url,
            data=form,
            auth=HTTPBasicAuth(self.client_id.encode(), credential.secret.encode()),
            timeout=(10, 30),
            allow_redirects=False,
            stream=True,
        )
