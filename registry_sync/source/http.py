"""One question to the registry and its answer: asked with patience, read within bounds, judged.

What the field's connectors lack is here: a limit on a page's bytes, HTML where JSON was due, an
error inside a 200, a redirect to elsewhere, and messages that say who must do what.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from registry_sync.core.problems import SourceError
from registry_sync.core.ssrf import Forbidden, open_session, origin, within
from registry_sync.core.types import Json
from registry_sync.source.auth import ClientCredentials, auth_of
from registry_sync.source.connector import Connector, ResponseAction
from registry_sync.source.paginators import Ask
from registry_sync.source.paths import ABSENT, compile_path
from registry_sync.source.responses import Unusable, error_in, parse

CHUNK = 64 * 1024
ATTEMPTS = 3
REDIRECTS = 5


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is what was due; `body` is parsed JSON, `size` its bytes as unpacked.

    `ignored` says that the settings' response_actions pass it over.
    """

    body: Any
    headers: requests.structures.CaseInsensitiveDict[str]
    links: dict[str, str]
    url: str
    size: int
    ignored: bool = False


class Passing(SourceError):
    """A failed answer that asking again may cure; `seconds` is how long to wait before."""

    seconds = 0.0


class Closed(SourceError):
    """The key may not read what was asked for (403), whatever else it may read."""


class Exchange:
    """Asks one registry. Raises SourceError, in words for its owner."""

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
    ) -> None:
        self.connector = connector
        self.timeout, self.max_page_bytes, self.pause = timeout, max_page_bytes, pause
        self.requests = 0
        self.session = open_session(allow_private=allow_private, user_agent=user_agent, pause=pause)
        self.secret = (credential or "").strip()
        self.auth = auth_of(connector.auth, self.secret, self.session)

    def ask(self, ask: Ask, *, missing_ok: bool = False) -> Reply | None:
        """Ask, again where that may help; None for a 404 that may be (`missing_ok`)."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._ask_once(ask, missing_ok=missing_ok)
            except Passing as error:
                if attempt == ATTEMPTS:
                    raise
                self.pause(max(error.seconds, float(attempt)))
        raise AssertionError("unreachable")

    def _ask_once(self, ask: Ask, *, missing_ok: bool) -> Reply | None:
        answer = self._follow(ask)
        content = self._read(answer)
        reply = Reply(
            None,
            answer.headers,
            _links(answer),
            answer.url or ask.url,
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
            raise broken(str(error)) from error
        self._check_inside(body, answer.status_code, detail=missing_ok)
        return Reply(body, reply.headers, reply.links, reply.url, reply.size)

    # -- sending and reading ----------------------------------------------------------------

    def _follow(self, ask: Ask) -> requests.Response:
        """Send, and follow redirects that stay on their host."""
        method, url, params, body = ask.method, ask.url, ask.params, ask.json
        for _ in range(REDIRECTS):
            answer = self._send(method, url, params, body)
            if answer.status_code == 401 and isinstance(self.auth, ClientCredentials):
                answer.close()
                self.auth.forget()
                answer = self._send(method, url, params, body)
            if not answer.is_redirect:
                return answer
            there = urljoin(answer.url or url, answer.headers.get("Location", ""))
            answer.close()
            url, params = at_home(there, url, "it redirects to"), {}
            if answer.status_code == 303:
                method, body = "GET", None
        raise broken(f"it redirects again and again ({origin(url)})")

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
        except (requests.RequestException, OSError) as error:
            raise _unreachable(error, url) from error

    def _read(self, answer: requests.Response) -> bytes:
        """Read a body while it stays below the limit for one page."""
        parts, size = [], 0
        try:
            for part in answer.iter_content(CHUNK):
                parts.append(part)
                size += len(part)
                if size > self.max_page_bytes:
                    raise broken(
                        f"one page is larger than {self.max_page_bytes / 2**20:g} MiB",
                        "asks for smaller pages (endpoint.paginator.limit, or the registry's own "
                        "page size in endpoint.params)",
                        code="registry_page_size",
                    )
        except requests.RequestException as error:
            # The connection broke inside the body, which urllib3's retries do not cover.
            raise _unreachable(error, answer.url or "", kind=Passing) from error
        finally:
            answer.close()
        return b"".join(parts)

    # -- judging -----------------------------------------------------------------------------

    def _settled(self, answer: requests.Response, content: bytes) -> str | None:
        """Do what the settings say about an answer like this; "ignore" where they pass it over."""
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
            error = broken(what, transient=True, kind=Passing)
            error.seconds = 30.0 if action.action == "rate_limited" else 1.0
            asked = answer.headers.get("Retry-After", "") if answer is not None else ""
            if asked.isdecimal():
                error.seconds = min(float(asked), 60.0)
            raise error
        if action.action == "fail":
            raise broken(what)

    def _refused(self, answer: requests.Response, content: bytes) -> SourceError:
        status, said = answer.status_code, self._plain(content)
        if status in (401, 403):
            kind = Closed if status == 403 else SourceError
            return kind(
                f"The registry refuses the key ({status}).",
                remedy="The integration owner puts a valid key into API Key of the app's "
                "configuration; the registry's owner checks what it may read.",
                code="registry_unauthorised",
            )
        url = answer.url or ""
        what = f"it answered {status} to {origin(url)}{urlsplit(url).path}: {said or 'nothing'}"
        if status >= 500 or status in (408, 429):
            return broken(what, transient=True)
        return broken(what, "checks API URL and Connector Settings in the app's configuration")

    def _check_type(self, answer: requests.Response, content: bytes) -> None:
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind and "json" not in kind:
            raise broken(
                f"it answered {kind} where JSON was due ({self._plain(content[:200])!r}); a login "
                "page or a proxy may stand in between",
                "checks API URL, and the network's operator what stands in between",
                code="registry_not_json",
            )

    def _check_inside(self, body: Any, status: int, *, detail: bool) -> None:
        """Find an error inside a 200, where the settings say or where everybody puts it.

        A record may have a key of that name: of a detail, whoever asked for it sees to that.
        """
        for action in self.connector.response_actions:
            if not action.error_path or action.status_code not in (None, status):
                continue
            found = _filled(compile_path(action.error_path)(body))
            if found and action.content in found:
                self._act(action, f"its answer holds an error: {self._plain(found)}")
                return
        if not detail:
            self.refuse_error(body)

    def refuse_error(self, body: Any) -> None:
        """Find an error where everybody puts it, in an answer without records."""
        if said := error_in(body):
            raise broken(f"its answer holds an error: {self._plain(said)}")

    def _plain(self, said: str | bytes) -> str:
        """Make one short line of what the registry said, without the key if it echoes that."""
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        if self.secret:
            text = text.replace(self.secret, "(key)")
        return " ".join(text.split())[:200]


def _links(answer: requests.Response) -> dict[str, str]:
    """Give the links of the `Link` header by relation: one may have several, in any case.

    https://datatracker.ietf.org/doc/html/rfc8288#section-3.3
    """
    return {
        relation: str(link.get("url", ""))
        for link in answer.links.values()
        for relation in str(link.get("rel", "")).lower().split()
    }


def _error_at(action: ResponseAction, content: bytes) -> str:
    """Give what a refusal holds at `error_path`; "" where it is no JSON or holds nothing there.

    Only an action that names the status asks this of a refusal.
    """
    if action.status_code is None:
        return ""
    try:
        return _filled(compile_path(action.error_path)(parse(content)))
    except Unusable:
        return ""


def _filled(found: Any) -> str:
    return "" if found is ABSENT or found in (None, False, 0, "", [], {}) else str(found)


def at_home(url: str, home: str, what: str) -> str:
    """See that an address is on its host, where the key may go; return it to be used.

    Raises SourceError.
    """
    found = within(url, home)
    if found is None:
        raise broken(
            f"{what} {origin(url)}, where the key must not go",
            "writes the address it leads to into API URL, if that is the registry",
            code="registry_elsewhere",
        )
    return found


def _unreachable(
    error: Exception, url: str, *, kind: type[SourceError] = SourceError
) -> SourceError:
    if isinstance(error, requests.exceptions.SSLError):
        return SourceError(
            f"The registry at {origin(url)} shows a certificate that is not trusted.",
            remedy="The registry's owner renews the certificate, or the operator names its "
            "authority in REQUESTS_CA_BUNDLE.",
            code="registry_certificate",
        )
    return kind(
        f"The registry at {origin(url)} could not be reached ({type(error).__name__}).",
        remedy="Nothing to do if it passes: the next run goes on. If it stays, the registry's "
        "owner checks the service, the operator the network.",
        kind="transient",
        code="registry_unreachable",
        transient=True,
    )


def broken(
    what: str,
    owner: str = "",
    *,
    transient: bool = False,
    code: str = "registry_answer",
    kind: type[Any] = SourceError,
) -> Any:
    """Say that the registry did not answer as it should; `owner` is what its owner does then."""
    return kind(
        f"The registry did not answer as it should: {what}.",
        remedy=f"The integration owner {owner}."
        if owner
        else "The registry's owner checks its service; the next run tries again.",
        kind="transient" if transient else "source",
        code=code,
        transient=transient,
    )
