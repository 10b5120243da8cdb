"""One request to the registry and its answer: repeated where that may help, and checked.

It applies response_actions and finds errors inside a 200. Its errors say who must do what.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests

from registry_sync.core.problems import SyncError
from registry_sync.source.connection import Connection, Received
from registry_sync.source.connector import ResponseAction
from registry_sync.source.decoding import Unusable, charset_of, parse
from registry_sync.source.errors import RetryableError, bad_answer
from registry_sync.source.inner_errors import CHECK_REQUEST, error_in, is_about_the_request
from registry_sync.source.link_header import read_links
from registry_sync.source.paths import ABSENT, compile_path
from registry_sync.source.record_list import RECORD_KEYS
from registry_sync.source.refusals import refusal
from registry_sync.source.request import Request
from registry_sync.source.unreadable import unreadable

ATTEMPTS = 3
"""Attempts at a request whose answer breaks off, beyond the retries of `core.ssrf`."""


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
    status: int = 200


class Exchange:
    """Asks one registry until there is an answer that can be used. Raises SourceError."""

    def __init__(
        self,
        connection: Connection,
        *,
        pause: Callable[[float], None] = time.sleep,
        keep_alive: Callable[[], None] = lambda: None,
    ) -> None:
        self.connection, self.connector = connection, connection.connector
        self.pause, self.keep_alive = pause, keep_alive

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
                try:
                    self.pause(max(error.seconds, float(attempt)))
                except SyncError as impatient:
                    raise error from impatient  # what went wrong says more than that no one waits
        raise AssertionError("unreachable")

    def _send_once(self, request: Request, *, missing_ok: bool) -> Reply | None:
        answer = self.connection.follow(request)
        size = len(answer.content)
        settled = self._settled(answer)
        if settled == "ignore" or answer.status == 204:
            return Reply(None, answer.headers, {}, answer.url, size, ignored=True)
        if settled is None and missing_ok and answer.status in (404, 410):
            return None
        if not answer.ok:
            raise refusal(answer, self._plain(answer.content))
        try:
            body = self._parsed(answer)
        except Unusable as error:
            said = self._plain(answer.content[:200])
            raise unreadable(answer, str(error), said, cut=error.cut) from error
        self._check_inside(body, answer.status, detail=missing_ok)
        links, _ = read_links(answer.headers.get("Link", ""))
        return Reply(body, answer.headers, links, answer.url, size, status=answer.status)

    def _parsed(self, answer: Received) -> Any:
        charset = charset_of(answer.headers.get("Content-Type", ""))
        return parse(answer.content, charset, self.connector.id_paths[0])

    # -- checking ----------------------------------------------------------------------------

    def _settled(self, answer: Received) -> str | None:
        """Apply the first response action that fits an answer; return "ignore" or None."""
        for action in self.connector.response_actions:
            if action.status_code not in (None, answer.status):
                continue
            if action.error_path and (answer.ok or not _error_at(action, answer.content)):
                continue
            if action.content.encode() not in answer.content:
                continue
            said = f"it answered {answer.status}: {self._plain(answer.content)}"
            self._act(action, said, answer)
            return "ignore"
        return None

    def _act(self, action: ResponseAction, what: str, answer: Received | None = None) -> None:
        if action.action in ("retry", "rate_limited"):
            error = bad_answer(what, transient=True, kind=RetryableError)
            error.seconds = 30.0 if action.action == "rate_limited" else 1.0
            asked = answer.headers.get("Retry-After", "") if answer is not None else ""
            if asked.isdecimal():
                error.seconds = min(float(asked), 60.0)
            raise error
        if action.action == "fail":
            raise bad_answer(what)

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
        if said := error_in(body, RECORD_KEYS):
            owner = CHECK_REQUEST if is_about_the_request(body) else ""
            raise bad_answer(f"its answer contains an error: {self._plain(said)}", owner)

    def _plain(self, said: str | bytes) -> str:
        """Return a registry's message as one short line, without the key if it echoes that."""
        return self.connection.quote(said)


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
