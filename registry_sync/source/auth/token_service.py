"""A token service: one request for a token, its answer read whole, and why there is none.

https://datatracker.ietf.org/doc/html/rfc6749#section-5
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from registry_sync.core.addresses import is_address, joined_address, origin
from registry_sync.core.deadlines import AnswerLimits, TooSlow
from registry_sync.core.problems import SourceError
from registry_sync.core.ssrf import WAITABLE, Forbidden
from registry_sync.core.types import Json
from registry_sync.source.answers.inner_errors import error_in
from registry_sync.source.answers.proxies import NETWORK_TEAM, proxy_of
from registry_sync.source.answers.refusal_words import DOWN, OUT_OF_ORDER, RATE
from registry_sync.source.auth.token_body import read_body, seconds_of, with_token
from registry_sync.source.auth.token_remedies import CHECK_AUTH, FIX_SERVICE, LATER, remedy_of
from registry_sync.source.quoting import quoted_line
from registry_sync.source.unanswered import UNREACHABLE, unanswered

TOKEN_BYTES = 64 * 1024
"""The most that is read of a token service's answer."""
TOKEN_LIMITS = AnswerLimits(timeout=60, min_bytes_per_second=0)
TIMEOUT = (10.0, 30.0)
"""Seconds to connect, and without a byte."""
ANSWER = "registry_answer"
PASSING_ERRORS = ("server_error", "slow_down", "temporarily_unavailable")
"""Errors of OAuth 2 that pass, whatever their status.

https://datatracker.ietf.org/doc/html/rfc6749#section-4.1.2.1
"""
PROVEN = ("dpop", "hawk", "hmac", "mac", "pop")
"""Types of tokens that are sent with a proof of the client's own.

https://datatracker.ietf.org/doc/html/rfc6749#section-7.1
"""


@dataclass(frozen=True, slots=True)
class Token:
    """A token and the seconds it lasts."""

    text: str
    lifetime: float


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """What a token service answered; `body` is its JSON object or form, {} if it is neither.

    `location` is the URL that it redirects to. `waits`: it asks to be asked again later.
    """

    status: int
    content: bytes
    body: Json
    location: str = ""
    waits: bool = False

    @property
    def error(self) -> str:
        """Return the service's own code of an error, such as invalid_client, or ""."""
        error = self.body.get("error")
        if isinstance(error, dict):
            error = error.get("code")
        return error if isinstance(error, str) else ""

    @property
    def refuses(self) -> bool:
        """Return whether its body says, in any of the usual ways, that it is an error."""
        return bool(self.error or error_in(self.body, ()))

    @property
    def is_out(self) -> bool:
        """Return whether the service could not answer now, and may do so later."""
        passing = self.status >= 500 or self.status in (408, 425, 429)
        if passing or self.waits or self.error in PASSING_ERRORS:
            return True
        if self.status < 300:
            given = bool(self.body) and not self.refuses
            text = self.content.strip()
            whole = bool(self.body) or text.endswith(b"}")
            cut = not text or (text.startswith(b"{") and not whole)
            return cut or (not given and DOWN.search(self.content) is not None)
        return RATE.search(self.content.decode(errors="replace")) is not None

    def message(self, secrets: Sequence[str]) -> str:
        """Return the service's own words, such as “invalid_client: no such client”.

        An answer that may hold a token under another name is only described.
        """
        found = [self.body.get(key) for key in ("error", "error_description", "message", "detail")]
        words = [item if isinstance(item, str) else json.dumps(item) for item in found if item]
        words = words or [message for message in [error_in(self.body, ())] if message]
        if words or self.status >= 400:
            return quoted_line(": ".join(words) or self.content, secrets) or "nothing"
        if not self.content.strip():
            return "an empty body"
        if broken := OUT_OF_ORDER.search(self.content.decode(errors="replace")):
            return f"a text that says “{quoted_line(broken[0], secrets)[:80]}”"
        if self.content.lstrip().startswith(b"<"):
            return "a web page or XML"
        keys = ", ".join(str(key) for key in self.body)
        return quoted_line(f"only {keys}" if keys else "no JSON object", secrets)


class TokenService:
    """Requests tokens at one address. `secrets` appear in no message. Raises SourceError."""

    def __init__(self, session: requests.Session, url: str, secrets: Sequence[str]) -> None:
        self._session, self._url, self._secrets = session, url, secrets
        self._where = origin(url)

    def ask(self, form: Json, auth: AuthBase | None) -> TokenAnswer:
        """Send a form and return the answer, unless there is none or the service is down."""
        try:
            with self._session.post(
                self._url, data=form, auth=auth, timeout=TIMEOUT, allow_redirects=False, stream=True
            ) as response:
                content = self._read(response)
        except Forbidden as error:
            raise self._failed(
                f"has an address that is not allowed: {error}",
                "The integration owner corrects client.auth.access_token_url in Connector "
                "Settings, or the operator allows private networks.",
                code="registry_address",
            ) from error
        except TooSlow as error:
            raise self._out(f"answers too slowly: {error}") from error
        except requests.exceptions.ContentDecodingError as error:
            failure = "answered, but the body is not what its Content-Encoding says"
            raise self._out(failure) from error
        except (requests.RequestException, OSError) as error:
            raise self._unanswered(error) from error
        answer = self._answer(response, content)
        if answer.status < 500 and (proxy := proxy_of(response.headers, content, answer.status)):
            raise self._failed(
                f"was not asked: a proxy before it answered {answer.status} ({proxy})",
                NETWORK_TEAM.format(registry=self._where),
                UNREACHABLE,
            )
        if answer.is_out:
            raise self._out(f"answered {answer.status}: {answer.message(self._secrets)}")
        return answer

    def token(self, answer: TokenAnswer) -> Token:
        """Return the token of an answer. Raise SourceError if there is none that can be used."""
        if not 200 <= answer.status < 300:
            raise self.refusal(answer)
        body = with_token(answer.body, by_standard=answer.refuses)
        text = body.get("accesstoken")
        if not text and "accesstoken" in body and not answer.refuses:
            raise self._failed("gave an access_token that is empty", FIX_SERVICE)
        if not text:
            raise self.refusal(answer)
        if isinstance(text, str):
            text = re.sub(r"(?i)\Abearer\s+", "", text.strip())
        if not isinstance(text, str) or not (text.isascii() and text.isprintable()):
            raise self._failed("gave a token that cannot be sent in a header", FIX_SERVICE)
        if (kind := str(body.get("tokentype")).strip().lower()) in PROVEN:
            raise self._failed(
                f"gave a token of the type {kind}, and only bearer tokens can be sent",
                "The registry's owner lets the token service give bearer tokens to this client.",
            )
        lifetime = seconds_of(body.get("expiresin"))
        if lifetime is None:
            expires_in = quoted_line(str(body["expiresin"]), self._secrets)[:50]
            raise self._failed(
                f"gave a token whose lifetime cannot be used (expires_in: {expires_in})",
                "The registry's owner lets the token service give expires_in in seconds.",
            )
        return Token(text, lifetime)

    def refusal(self, *answers: TokenAnswer) -> SourceError:
        """Return the error of answers without a token; the last one is the newest."""
        last = answers[-1]
        if last.location:
            location = last.location
            path = urlsplit(location).path if is_address(location) else ""
            return self._failed(
                f"redirects to {origin(location)}{path}",
                f"{CHECK_AUTH}: access_token_url must be the address that it leads to.",
            )
        texts = [
            f"{each.status} without a token: {each.message(self._secrets).rstrip('.')}"
            for each in answers
        ]
        failure = "answered " + "; with the credentials in the form, ".join(dict.fromkeys(texts))
        said = last.message(self._secrets)
        about_key, remedy = remedy_of(last.status, last.error, said, refuses=last.refuses)
        return self._failed(failure, remedy, "registry_unauthorised" if about_key else ANSWER)

    def _answer(self, response: requests.Response, content: bytes) -> TokenAnswer:
        location = response.headers.get("Location", "") if response.is_redirect else ""
        return TokenAnswer(
            response.status_code,
            content,
            read_body(content, response.headers.get("Content-Type", "")),
            joined_address(self._url, location) if location else "",
            waits=response.status_code in WAITABLE and "Retry-After" in response.headers,
        )

    def _read(self, response: requests.Response) -> bytes:
        content = b""
        for part in response.iter_content(8192):
            content += part
            if len(content) > TOKEN_BYTES:
                raise self._failed(f"answered more than {TOKEN_BYTES // 1024} KiB", FIX_SERVICE)
        return content

    def _failed(self, failure: str, remedy: str, code: str = ANSWER) -> SourceError:
        text = f"The registry's token service at {self._where} {failure}."
        return SourceError(text, remedy=remedy, code=code)

    def _unanswered(self, error: Exception) -> SourceError:
        setting = "client.auth.access_token_url of Connector Settings"
        found = unanswered(error, self._url, setting=setting, service="the token service")
        if found.passes:
            return self._out(found.what, found.remedy)
        return self._failed(found.what, found.remedy, found.code)

    def _out(self, failure: str, remedy: str = LATER) -> SourceError:
        return SourceError(
            f"The registry's token service at {self._where} {failure}.",
            remedy=remedy,
            kind="transient",
            code=UNREACHABLE,
            transient=True,
        )
