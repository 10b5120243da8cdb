"""Requests to one registry and its answers read whole: signed, within limits, on its host."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

import requests

from registry_sync.core.addresses import is_address, joined_address, origin
from registry_sync.core.deadlines import TooSlow
from registry_sync.core.problems import SourceError
from registry_sync.core.ssrf import Forbidden, open_session
from registry_sync.source.answers.failure_words import LOGIN_PAGE
from registry_sync.source.answers.inner_errors import error_in
from registry_sync.source.auth import Signer
from registry_sync.source.auth.token_service import TOKEN_LIMITS
from registry_sync.source.connector import Connector
from registry_sync.source.errors import (
    RetryableError,
    at_home,
    bad_answer,
    misencoded,
    registry_unreachable,
    sent_to_login,
    too_slow,
)
from registry_sync.source.quoting import quoted_line
from registry_sync.source.request import Request

CHUNK = 64 * 1024
"""Bytes read at once."""
OnResponse = Callable[[str, int, int], None]
"""Called with each request, such as "GET https://…", its answer's status, and the size in bytes."""
REDIRECTS = 5
REFUSED = (401, 419, 440, 498)
"""Statuses of a key or a session that is not valid; the last three are vendors' own."""
ERROR_BYTES = 2000
"""The most bytes of an answer that is nothing but an error."""
EXPIRED = re.compile(
    rb"(?i)invalid[_ ]?token|invalid_session|(?:token|session|jwt)[\W_]*(?:\w+\W+){0,6}expired"
    rb"|expired[\W_]*(?:\w+\W+){0,2}(?:token|session|jwt)"
)
"""Words of an answer to a token that is no longer valid, whatever its status."""


@dataclass(frozen=True, slots=True)
class Received:
    """An answer as it came; `content` is its whole body, unpacked."""

    status: int
    headers: requests.structures.CaseInsensitiveDict[str]
    content: bytes
    url: str
    redirects: bool = False

    @property
    def ok(self) -> bool:
        """Return whether the status is a success."""
        return self.status < 400

    @property
    def leads_to(self) -> str:
        """Return the address that it redirects to, "" if it does not."""
        location = self.headers.get("Location", "") if self.redirects else ""
        return joined_address(self.url, location) if location else ""

    @property
    def wants_login(self) -> bool:
        """Return whether it redirects to a page where people sign in."""
        target = urlsplit(self.leads_to) if is_address(self.leads_to) else None
        current = urlsplit(self.url)
        if target is None or LOGIN_PAGE.search(f"{current.hostname}{current.path}"):
            return False
        return LOGIN_PAGE.search(f"{target.hostname}{target.path}") is not None

    @property
    def refuses_token(self) -> bool:
        """Return whether another token may pass: a 401, or a 403 that says so.

        https://datatracker.ietf.org/doc/html/rfc6750#section-3.1
        """
        if self.status in REFUSED or self.wants_login:
            return True
        if self.status == 403 and "WWW-Authenticate" in self.headers:
            return True
        if len(self.content) >= ERROR_BYTES or not EXPIRED.search(self.content):
            return False
        return not self.ok or bool(EXPIRED.search(self._error_inside()))

    def _error_inside(self) -> bytes:
        """Return the words of an error in a success without records, which may say so as well."""
        try:
            body = json.loads(self.content)
        except (ValueError, RecursionError):
            return b""
        without_errors = {**body, "errors": None} if isinstance(body, dict) else {"": body}
        return b"" if "[" in json.dumps(without_errors) else error_in(body, ()).encode()


class Connection:
    """Sends the requests to one registry. Raises SourceError, in words for its owner."""

    def __init__(
        self,
        connector: Connector,
        *,
        credential: str | None,
        allow_private: bool,
        user_agent: str,
        timeout: tuple[float, float],
        pause: Callable[[float], None] = time.sleep,
        keep_alive: Callable[[], None] = lambda: None,
        patient: bool = True,
        on_response: OnResponse = lambda request, status, size: None,
    ) -> None:
        self.connector = connector
        self.timeout = timeout
        self._on_response = on_response
        self.requests = 0
        opened = partial(
            open_session,
            allow_private=allow_private,
            user_agent=user_agent,
            pause=pause,
            keep_alive=keep_alive,
            patient=patient,
        )
        self._session = self._tokens = opened(limits=connector.limits)
        if connector.auth.gets_tokens:
            self._tokens = opened(limits=TOKEN_LIMITS)
        self.auth = Signer(connector.auth, (credential or "").strip(), self._tokens)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()
        self._tokens.close()

    def follow(self, request: Request) -> Received:
        """Send, and follow redirects that stay on their host; renew a refused token once."""
        method, url, params, body = request.method, request.url, request.params, request.json
        for _ in range(REDIRECTS):
            current = Request(method, url, params, body)
            answer = self._send(current)
            if answer.refuses_token and self.auth.renew():
                answer = self._send(current)
            if not answer.redirects:
                return answer
            if answer.wants_login:
                raise sent_to_login(answer.leads_to, by_token=self.auth.auth.gets_tokens)
            url, params = at_home(answer.leads_to, url, "it redirects to"), {}
            if answer.status == 303:
                method, body = "GET", None
        where = f"{origin(url)}{self.quote(urlsplit(url).path)[:60]}"
        raise bad_answer(
            f"it redirects too many times, at last to {where}",
            "checks API URL, and whether the key is sent as the registry expects (client.auth of "
            "Connector Settings). If they are right, the registry's owner checks the service",
        )

    def quote(self, message: str | bytes) -> str:
        """Return a registry's message as one short line, without the key if it echoes that."""
        return quoted_line(message, self.auth.secrets())

    def _send(self, request: Request) -> Received:
        self.requests += 1
        try:
            answer = self._session.request(
                request.method,
                request.url,
                params=request.params or None,
                json=request.json,
                headers=self.connector.headers,
                auth=self.auth,
                timeout=self.timeout,
                stream=True,
                allow_redirects=False,
            )
        except Forbidden as error:
            raise SourceError(
                f"The registry's address is not allowed: {error}.",
                remedy="The integration owner corrects API URL in the app's configuration, or the "
                "operator allows private networks.",
                code="registry_address",
            ) from error
        except TooSlow as error:
            raise too_slow(error, request.url, self.connector.limits) from error
        except (requests.RequestException, OSError) as error:
            raise registry_unreachable(error, request.url) from error
        content, url = self._read(answer), answer.url or request.url
        self._on_response(f"{request.method} {url}", answer.status_code, len(content))
        return Received(answer.status_code, answer.headers, content, url, answer.is_redirect)

    def _read(self, answer: requests.Response) -> bytes:
        """Return a body that is within the limit for one page; of a failure only its beginning."""
        parts, size, url = [], 0, answer.url or ""
        try:
            for part in answer.iter_content(CHUNK):
                parts.append(part)
                size += len(part)
                if not answer.ok and size >= CHUNK:
                    break
                self.connector.page_limits.check_size(size)
        except TooSlow as error:
            raise too_slow(error, url, self.connector.limits) from error
        except requests.exceptions.ContentDecodingError as error:
            if not answer.ok:  # its status says more than its body could
                return b"".join(parts)
            raise misencoded(answer.headers.get("Content-Encoding", ""), url) from error
        except requests.RequestException as error:
            # The connection broke inside the body, which urllib3's retries do not cover.
            raise registry_unreachable(error, url, kind=RetryableError) from error
        finally:
            answer.close()
        return b"".join(parts)
