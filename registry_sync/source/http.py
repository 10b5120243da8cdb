"""One request to the registry and its answer: repeated where that may help, bounded, checked.

It limits the bytes of a page, keeps redirects on the registry's host, and finds HTML in place of
JSON and errors inside a 200. Its errors say who must do what.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from registry_sync.core.deadlines import TooSlow
from registry_sync.core.problems import SourceError
from registry_sync.core.ssrf import Forbidden, open_session, origin
from registry_sync.core.types import Json
from registry_sync.source.auth import Signer
from registry_sync.source.connector import Connector, ResponseAction
from registry_sync.source.errors import (
    AccessDenied,
    RetryableError,
    at_home,
    bad_answer,
    registry_unreachable,
    too_slow,
)
from registry_sync.source.paths import ABSENT, compile_path
from registry_sync.source.request import Request
from registry_sync.source.responses import Unusable, error_in, parse

CHUNK = 64 * 1024
"""Bytes read at once."""
ATTEMPTS = 3
"""Attempts at a request whose answer breaks off, beyond the retries of `core.ssrf`."""
REDIRECTS = 5


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that can be used; `body` is parsed JSON, `size` its bytes once unpacked.

    `links` is the `Link` header by relation. `ignored`: response_actions say to skip the answer.
    """

    body: Any
    headers: requests.structures.CaseInsensitiveDict[str]
    links: dict[str, str]
    url: str
    size: int
    ignored: bool = False


class Exchange:
    """Sends requests to one registry. Raises SourceError, in words for its owner."""

    def __init__(
        self,
        connector: Connector,
        *,
        credential: str | None,
        allow_private: bool,
        user_agent: str,
        timeout: tuple[float, float],
        max_page_bytes: int,
        pause: Callable[[float], None] = time.sleep,
        keep_alive: Callable[[], None] = lambda: None,
    ) -> None:
        self.connector = connector
        self.keep_alive = keep_alive
        self.timeout, self.max_page_bytes, self.pause = timeout, max_page_bytes, pause
        self.requests = 0
        self.session = open_session(
            allow_private=allow_private, user_agent=user_agent, pause=pause,
            limits=connector.limits, keep_alive=keep_alive,
        )  # fmt: skip
        self.secret = (credential or "").strip()
        self.auth = Signer(connector.auth, self.secret, self.session)

    def send(self, request: Request, *, missing_ok: bool = False) -> Reply | None:
        """Return the answer to a request, repeated where that may help.

        Return None for a 404 or 410 if `missing_ok`. Raises SourceError.
        """
        self.keep_alive()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._send_once(request, missing_ok=missing_ok)
            except RetryableError as error:
                if attempt == ATTEMPTS:
                    raise
                self.pause(max(error.seconds, float(attempt)))
        raise AssertionError("unreachable")

    def _send_once(self, request: Request, *, missing_ok: bool) -> Reply | None:
        answer = self._follow(request)
        content = self._read(answer)
        reply = Reply(
            None,
            answer.headers,
            _links(answer),
            answer.url or request.url,
            len(content),
        )
        settled = self._settled(answer, content)
        if settled == "ignore" or answer.status_code == 204:
            return Reply(None, reply.headers, {}, reply.url, reply.size, ignored=True)
        if settled is None and missing_ok and answer.status_code in (404, 410):
            return None
        if not answer.ok:
            raise self._refused(answer, content)
        self._check_type(answer, content)
        try:
            body = parse(content)
        except Unusable as error:
            raise bad_answer(str(error)) from error
        self._check_inside(body, answer.status_code, detail=missing_ok)
        return Reply(body, reply.headers, reply.links, reply.url, reply.size)

    # -- sending and reading ----------------------------------------------------------------

    def _follow(self, request: Request) -> requests.Response:
        """Send, and follow redirects that stay on their host."""
        method, url, params, body = request.method, request.url, request.params, request.json
        for _ in range(REDIRECTS):
            answer = self._send(method, url, params, body)
            if answer.status_code == 401 and self.auth.renew():
                answer.close()
                answer = self._send(method, url, params, body)
            if not answer.is_redirect:
                return answer
            there = urljoin(answer.url or url, answer.headers.get("Location", ""))
            answer.close()
            url, params = at_home(there, url, "it redirects to"), {}
            if answer.status_code == 303:
                method, body = "GET", None
        raise bad_answer(f"it redirects too many times ({origin(url)})")

    def _send(self, method: str, url: str, params: Json, body: Json | None) -> requests.Response:
        self.requests += 1
        try:
            return self.session.request(
                method,
                url,
                params=params or None,
                json=body,
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
            raise too_slow(error, url, self.connector.limits) from error
        except (requests.RequestException, OSError) as error:
            raise registry_unreachable(error, url) from error

    def _read(self, answer: requests.Response) -> bytes:
        """Return a body that is within the limit for one page."""
        parts, size = [], 0
        try:
            for part in answer.iter_content(CHUNK):
                parts.append(part)
                size += len(part)
                if size > self.max_page_bytes:
                    raise bad_answer(
                        f"one page is larger than {self.max_page_bytes / 2**20:g} MiB",
                        "sets a smaller page size (endpoint.paginator.limit, or the registry's "
                        "own page size in endpoint.params)",
                        code="registry_page_size",
                    )
        except TooSlow as error:
            raise too_slow(error, answer.url or "", self.connector.limits) from error
        except requests.RequestException as error:
            # The connection broke inside the body, which urllib3's retries do not cover.
            raise registry_unreachable(error, answer.url or "", kind=RetryableError) from error
        finally:
            answer.close()
        return b"".join(parts)

    # -- checking ----------------------------------------------------------------------------

    def _settled(self, answer: requests.Response, content: bytes) -> str | None:
        """Apply the first response action that fits an answer; return "ignore" or None."""
        for action in self.connector.response_actions:
            if action.status_code not in (None, answer.status_code):
                continue
            if action.error_path and (answer.ok or not _error_at(action, content)):
                continue
            if action.content.encode() not in content:
                continue
            self._act(action, f"it answered {answer.status_code}: {self._plain(content)}", answer)
            return "ignore"
        return None

    def _act(
        self, action: ResponseAction, what: str, answer: requests.Response | None = None
    ) -> None:
        if action.action in ("retry", "rate_limited"):
            error = bad_answer(what, transient=True, kind=RetryableError)
            error.seconds = 30.0 if action.action == "rate_limited" else 1.0
            asked = answer.headers.get("Retry-After", "") if answer is not None else ""
            if asked.isdecimal():
                error.seconds = min(float(asked), 60.0)
            raise error
        if action.action == "fail":
            raise bad_answer(what)

    def _refused(self, answer: requests.Response, content: bytes) -> SourceError:
        status, said = answer.status_code, self._plain(content)
        if status in (401, 403):
            kind = AccessDenied if status == 403 else SourceError
            return kind(
                f"The registry rejects the key ({status}).",
                remedy="The integration owner enters a valid key in API Key of the app's "
                "configuration; the registry's owner checks what it may read.",
                code="registry_unauthorised",
            )
        url = answer.url or ""
        what = f"it answered {status} to {origin(url)}{urlsplit(url).path}: {said or 'nothing'}"
        if status >= 500 or status in (408, 429):
            return bad_answer(what, transient=True)
        return bad_answer(what, "checks API URL and Connector Settings in the app's configuration")

    def _check_type(self, answer: requests.Response, content: bytes) -> None:
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind and "json" not in kind:
            raise bad_answer(
                f"expected JSON but got {kind} ({self._plain(content[:200])!r}); a login page or "
                "a proxy may be in the way",
                "checks API URL, and the operator the network between",
                code="registry_not_json",
            )

    def _check_inside(self, body: Any, status: int, *, detail: bool) -> None:
        """Raise for an error inside a 200: where the settings say, or where it usually is.

        A record may have a key of that name, so a detail is checked by its caller.
        """
        for action in self.connector.response_actions:
            if not action.error_path or action.status_code not in (None, status):
                continue
            found = _filled(compile_path(action.error_path)(body))
            if found and action.content in found:
                self._act(action, f"its answer contains an error: {self._plain(found)}")
                return
        if not detail:
            self.refuse_error(body)

    def refuse_error(self, body: Any) -> None:
        """Raise for an error where it usually is, in an answer without records."""
        if said := error_in(body):
            raise bad_answer(f"its answer contains an error: {self._plain(said)}")

    def _plain(self, said: str | bytes) -> str:
        """Return a registry's message as one short line, without the key if it echoes that."""
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        if self.secret:
            text = text.replace(self.secret, "(key)")
        return " ".join(text.split())[:200]


def _links(answer: requests.Response) -> dict[str, str]:
    """Return the links of the `Link` header by relation; a link may have several, in any case.

    https://datatracker.ietf.org/doc/html/rfc8288#section-3.3
    """
    return {
        relation: str(link.get("url", ""))
        for link in answer.links.values()
        for relation in str(link.get("rel", "")).lower().split()
    }


def _error_at(action: ResponseAction, content: bytes) -> str:
    """Return what a failed answer has at `error_path`; "" if it is not JSON or has nothing there.

    Failed answers are only searched by an action that names their status.
    """
    if action.status_code is None:
        return ""
    try:
        return _filled(compile_path(action.error_path)(parse(content)))
    except Unusable:
        return ""


def _filled(found: Any) -> str:
    return "" if found is ABSENT or found in (None, False, 0, "", [], {}) else str(found)
