"""What every auth type offers, and the table that they register in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import requests
from requests.auth import AuthBase

from registry_sync.core.problems import SourceError
from registry_sync.core.registration import registrar
from registry_sync.core.secrets import remember
from registry_sync.core.types import Json
from registry_sync.source.settings_reader import SettingsReader

WHERE = "client.auth"


@dataclass
class Credential:
    """The secret, the session to fetch tokens with, and the token that was fetched last.

    `expires` is a monotonic time in seconds. `in_form`: the token service was found to read the
    secret from the form only.
    """

    secret: str
    session: requests.Session
    token: str = ""
    expires: float = 0.0
    in_form: bool = False


class Auth:
    """How requests are signed. Subclasses are frozen dataclasses: their fields are the settings."""

    type: ClassVar[str]
    about: ClassVar[str]
    """One line for the docs."""
    required: ClassVar[tuple[str, ...]] = ()
    """The settings that must not be empty."""
    ascii_only: ClassVar[bool] = True
    """Whether the secret is sent as it is, so that it must be printable ASCII."""

    gets_tokens: ClassVar[bool] = False
    """Whether a token service accepted the secret before any request is sent."""

    @classmethod
    def read(cls, reader: SettingsReader, settings: Json) -> Self:
        """Return the settings of this type that are in `client.auth`; the reader notes faults."""
        return cls()

    def sign(self, request: requests.PreparedRequest, credential: Credential) -> None:
        """Add the credential to a request. Raise SourceError."""

    def renew(self, credential: Credential) -> bool:
        """Return whether a request whose token was refused is worth repeating, with a new one."""
        return False

    def secrets(self, credential: Credential) -> tuple[str, ...]:
        """Return what must not be shown if the registry repeats it."""
        return (credential.secret,)

    def strip(self, url: str) -> str:
        """Return a URL of the registry's without the secret, which some next links echo."""
        return url


AUTH: dict[str, type[Auth]] = {}
"""The auth types, by their name in Connector Settings."""
register = registrar(AUTH, "type")
"""Decorator: add a class to the table under its name in Connector Settings."""


class Signer(AuthBase):
    """Signs the requests of one session, for `requests`. Raises SourceError for a bad secret."""

    def __init__(self, auth: Auth, secret: str, session: requests.Session) -> None:
        self.auth = auth
        self.credential = Credential(secret, session)
        if auth.ascii_only and not (secret.isascii() and secret.isprintable()):
            raise SourceError(
                "API Key contains characters that cannot be sent in a request.",
                remedy="The integration owner enters API Key again in the app's configuration.",
                code="registry_unauthorised",
            )
        remember(*self.secrets())

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        self.auth.sign(request, self.credential)
        remember(*self.secrets())  # a token may be new
        return request

    def renew(self) -> bool:
        """Return whether a request that was refused is worth repeating."""
        return self.auth.renew(self.credential)

    def secrets(self) -> tuple[str, ...]:
        """Return what must not be shown if the registry repeats it."""
        return self.auth.secrets(self.credential)

    def strip(self, url: str) -> str:
        """Return a URL without the secret."""
        return self.auth.strip(url)
