"""OAuth 2 client credentials. https://datatracker.ietf.org/doc/html/rfc6749#section-4.4"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal, Self

import requests
from requests.auth import HTTPBasicAuth

from registry_sync.core.setting import FILLED, FILLED_ADDRESS, TEXTS, VALUES, one_of, setting
from registry_sync.core.types import Json
from registry_sync.source.auth.base import WHERE, Auth, Credential, register
from registry_sync.source.auth.token_service import TokenAnswer, TokenService
from registry_sync.source.quoting import basic_credential
from registry_sync.source.settings_reader import OWN_SECRET, SettingsReader

ELSEWHERE = {"grant_type": "type", "client_id": "client_id", "scope": "scopes"}
"""Parameters of a token's request that have settings of their own."""
SECRETS = ("assertion", "client_assertion", "code", "username")
"""Parameters that belong to other ways of signing in, beside those whose names say so."""
OTHER_FAULTS = ("invalid_scope", "invalid_target", "unsupported_grant_type", "unauthorized_client")
"""Errors that say that the client was recognized."""


@register("oauth2_client_credentials")
@dataclass(frozen=True, slots=True)
class ClientCredentials(Auth):
    """Sends a token, fetched when needed and again shortly before it expires."""

    about = "OAuth 2 client credentials; the client secret is `API Key`"
    required = ("access_token_url", "client_id")
    gets_tokens = True
    access_token_url: str = setting(
        "",
        "Where tokens are requested.",
        type=FILLED_ADDRESS,
        example="https://login.example.com/token",
    )
    client_id: str = setting("", "The client's id.", type=FILLED, example="benchling-sync")
    scopes: str = setting("", "The scopes to request.", type=TEXTS, example=["read"])
    credentials: Literal["", "basic", "form"] = setting(
        "",
        "Where the token service reads the client's id and secret: the Authorization header or "
        "the form. Without it, the header is tried first, then the form.",
        type=one_of("", "basic", "form"), example="form",
    )  # fmt: skip
    token_params: Json = setting(
        dict,
        "Additional parameters of the token's request, such as `audience` or `resource`.",
        type=VALUES, example={"audience": "https://lims.example.com"},
    )  # fmt: skip

    @classmethod
    def read(cls, reader: SettingsReader, settings: Json) -> Self:
        url = reader.text(settings.get("access_token_url"), f"{WHERE}.access_token_url")
        if url:
            reader.check_address(url, f"{WHERE}.access_token_url")
        return cls(
            url,
            reader.text(settings.get("client_id"), f"{WHERE}.client_id"),
            " ".join(filter(None, reader.texts(settings.get("scopes"), f"{WHERE}.scopes"))),
            reader.choice(settings, "credentials", WHERE, of=("", "basic", "form"), default=""),
            _token_params(reader, settings.get("token_params")),
        )

    def sign(self, request: requests.PreparedRequest, credential: Credential) -> None:
        if not credential.token or time.monotonic() >= credential.expires:
            self._fetch(credential)
        request.headers["Authorization"] = f"Bearer {credential.token}"

    def renew(self, credential: Credential) -> bool:
        """Drop a token that the registry no longer accepts, and say that a new one may do."""
        credential.token = ""
        return True

    def secrets(self, credential: Credential) -> tuple[str, ...]:
        basic = basic_credential(self.client_id, credential.secret)
        return (credential.secret, basic, credential.token)

    def _fetch(self, credential: Credential) -> None:
        credential.token = ""
        service = TokenService(credential.session, self.access_token_url, self.secrets(credential))
        in_form = self.credentials == "form" or credential.in_form
        answer = self._request(service, credential, in_form=in_form)
        if not (in_form or self.credentials) and _may_read_the_form(answer):
            first, answer = answer, self._request(service, credential, in_form=True)
            if answer.status >= 400 or answer.refuses:
                raise service.refusal(first, answer)
            credential.in_form = True
        token = service.token(answer)
        credential.token = token.text
        margin = max(1.0, min(60.0, token.lifetime * 0.1))
        credential.expires = time.monotonic() + token.lifetime - margin

    def _request(
        self, service: TokenService, credential: Credential, *, in_form: bool
    ) -> TokenAnswer:
        form = {"grant_type": "client_credentials", **self.token_params}
        if self.scopes:
            form["scope"] = self.scopes
        if in_form:
            credentials = {"client_id": self.client_id, "client_secret": credential.secret}
            return service.ask(form | credentials, None)
        return service.ask(form, HTTPBasicAuth(self.client_id.encode(), credential.secret.encode()))


def _token_params(reader: SettingsReader, raw: object) -> Json:
    where = f"{WHERE}.token_params"
    read = reader.flat(raw, where)
    for name in read:
        if name in ELSEWHERE:
            reader.add(f"{where}.{name} must be given as {WHERE}.{ELSEWHERE[name]}")
        if name in SECRETS:
            reader.add(f"{where}.{name} is a secret: {OWN_SECRET}")
    return read


def _may_read_the_form(answer: TokenAnswer) -> bool:
    """Return whether a refusal may mean that the service reads no Authorization header.

    https://datatracker.ietf.org/doc/html/rfc6749#section-2.3.1
    """
    refused = answer.status in (400, 422) or (answer.status == 200 and answer.refuses)
    return answer.status == 401 or (bool(refused) and answer.error not in OTHER_FAULTS)
