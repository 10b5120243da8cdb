"""How requests to the registry are signed. The secret is `API Key` of the app's configuration."""

from __future__ import annotations

import json
import time
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from registry_sync.core.problems import SourceError
from registry_sync.core.types import Json
from registry_sync.source.connector import Auth

TOKEN_BYTES = 64 * 1024


class HeaderAuth(AuthBase):
    """Sends one header."""

    def __init__(self, name: str, value: str) -> None:
        self.name, self.value = name, value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers[self.name] = self.value
        return request


class QueryAuth(AuthBase):
    """Sends the key as a query parameter, in place of one that a next link may echo."""

    def __init__(self, name: str, value: str) -> None:
        self.name, self.value = name, value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        bare = without_parameter(request.url or "", self.name)
        request.prepare_url(bare, {self.name: self.value})
        return request


class ClientCredentials(AuthBase):
    """OAuth 2 client credentials: a token, fetched when needed and shortly before it expires.

    https://datatracker.ietf.org/doc/html/rfc6749#section-4.4
    """

    def __init__(self, auth: Auth, secret: str, session: requests.Session) -> None:
        self.auth, self.secret, self.session = auth, secret, session
        self.token, self.expires = "", 0.0

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if not self.token or time.monotonic() >= self.expires:
            self._fetch()
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request

    def forget(self) -> None:
        """Drop a token that the registry no longer takes."""
        self.token = ""

    def _fetch(self) -> None:
        form = {"grant_type": "client_credentials"}
        if self.auth.scopes:
            form["scope"] = self.auth.scopes
        answer = self.session.post(
            self.auth.access_token_url,
            data=form,
            auth=HTTPBasicAuth(self.auth.client_id.encode(), self.secret.encode()),
            timeout=(10, 30),
            allow_redirects=False,
            stream=True,
        )
        with answer:
            content = next(answer.iter_content(TOKEN_BYTES), b"")
        try:
            body: Json = json.loads(content) if answer.ok else {}
            self.token = str(body["access_token"])
            lifetime = float(body.get("expires_in") or 300)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self.token = ""
            raise SourceError(
                f"The registry's token service answered {answer.status_code} and gave no token.",
                remedy="The integration owner checks client.auth in Connector Settings and puts a "
                "valid client secret into API Key.",
                code="registry_unauthorised",
                transient=answer.status_code >= 500,
            ) from error
        self.expires = time.monotonic() + lifetime - max(1.0, min(60.0, lifetime * 0.1))


def auth_of(auth: Auth, secret: str | None, session: requests.Session) -> AuthBase | None:
    """Make what signs the requests; None where nothing does."""
    if auth.type == "none" or (not secret and auth.type == "bearer"):
        return None
    key = (secret or "").strip()
    if not (key.isascii() and key.isprintable()) and auth.type != "http_basic":
        raise SourceError(
            "API Key holds characters that cannot be sent in a request.",
            remedy="The integration owner enters API Key of the app's configuration anew.",
            code="registry_unauthorised",
        )
    if auth.type == "bearer":
        return HeaderAuth("Authorization", f"{auth.scheme} {key}")
    if auth.type == "http_basic":
        return HTTPBasicAuth(auth.username.encode(), key.encode())
    if auth.type == "oauth2_client_credentials":
        return ClientCredentials(auth, key, session)
    if auth.location == "query":
        return QueryAuth(auth.name, key)
    if auth.location == "cookie":
        return HeaderAuth("Cookie", f"{auth.name}={key}")
    return HeaderAuth(auth.name, key)


def without_parameter(url: str, name: str) -> str:
    """Take one query parameter out of a URL."""
    if not name:
        return url
    parts = urlsplit(url)
    kept = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != name]
    return urlunsplit(parts._replace(query=urlencode(kept)))
