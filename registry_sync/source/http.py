"""One request to the registry and its answer: repeated where that may help, and checked.

It applies response_actions and finds errors inside a 200. Its errors say who must do what.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests

from registry_sync.core.problems import SourceError, SyncError
from registry_sync.source.answers.decoding import Unusable, charset_of, parse_answer
from registry_sync.source.answers.depth_limits import limits_depth
from registry_sync.source.answers.doubled_keys import DoubledKey
from registry_sync.source.answers.failures import failure_in
from registry_sync.source.answers.inner_errors import error_in, owner_of
from registry_sync.source.answers.link_header import read_links
from registry_sync.source.answers.nothing_found import says_nothing_found
from registry_sync.source.answers.page_answer import NO_CONTENT
from registry_sync.source.answers.partial_data import is_partial
from registry_sync.source.answers.readable import readable_page
from registry_sync.source.answers.record_guess import RECORD_KEYS, lists_in
from registry_sync.source.answers.refusal_words import CONTRACT, OF_A_KEY
from registry_sync.source.answers.response_actions import Excuse, ResponseActions
from registry_sync.source.answers.unreadable import unreadable_body
from registry_sync.source.connection import Connection, Received
from registry_sync.source.errors import RetryableError, bad_answer
from registry_sync.source.paths import ABSENT, compile_path
from registry_sync.source.refusals import (
    ACCEPTED,
    ALLOWED,
    NOT_MODIFIED,
    answer_refusal,
    without_answer,
)
from registry_sync.source.request import Request

GONE = (404, 410)
PAST = (400, 416, 422)
"""How servers refuse a page past the end of a list; others are faults of the request."""
ATTEMPTS = 3
"""Attempts at a request whose answer breaks off, beyond the retries of `core.ssrf`."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that can be used; `body` is parsed JSON, `size` its bytes once unpacked.

    `links` is the `Link` header by relation. `ignored`: it is an empty list, whatever is in it;
    `ignored_by` is the response action that says so, and `blank` that it has no body. `excuse` is
    what settings ignore in a success. `doubled` are keys that an object of a list has several
    times; in a single record they are marked already. `found_nothing`: it says so in words.
    """

    body: Any
    headers: requests.structures.CaseInsensitiveDict[str]
    links: dict[str, str]
    url: str
    size: int
    ignored: bool = False
    status: int = 200
    ignored_by: str = ""
    blank: bool = False
    excuse: Excuse = ""
    doubled: Sequence[DoubledKey] = ()
    found_nothing: bool = False

    @property
    def is_empty(self) -> bool:
        """Return whether it is a success without a body, and not what a response action ignored."""
        return self.ignored and not self.ignored_by and self.status < 300

    @property
    def is_unread(self) -> bool:
        """Return whether it has no body without saying so by its status."""
        return self.blank and self.is_empty and self.status != NO_CONTENT

    @property
    def is_end(self) -> bool:
        """Return whether settings say that its error, or its warning, is the end of the list.

        A warning ends it where there are no records.
        """
        return self.excuse in ("error", "end")

    @property
    def date(self) -> datetime | None:
        """Return the time of its `Date` header, in UTC; None if it has none that can be read."""
        try:
            when = parsedate_to_datetime(self.headers.get("Date", ""))
        except (ValueError, TypeError):
            return None
        return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)


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
        self._actions = ResponseActions(self.connector.response_actions, self._plain)

    def send(
        self, request: Request, *, missing_ok: bool = False, later: bool = False,
        empty_ok: bool = False, over: bool = False, none_ok: bool = False,
    ) -> Reply | None:  # fmt: skip
        """Return the answer to a request, repeated where that may help.

        Return None for a 404 or 410 if `missing_ok`. Of a `later` page they end the list, as an
        empty body does that stays empty; `empty_ok`: it is an empty list at once. `over`: all came
        by the registry's own numbers, so that a refusal is the end, too, unless it says that the
        list is longer than what it reads. `none_ok`: so is a 404 that says that no record was
        found, though everything was requested. Raise SourceError.
        """
        self.keep_alive()
        for attempt in range(1, ATTEMPTS + 1):
            empty_ok = empty_ok or (later and attempt == ATTEMPTS)
            try:
                answer = self.connection.follow(request)
                if missing_ok and answer.status in GONE and not self._actions.of_answer(answer):
                    return None
                past = (*GONE, *PAST) if over else GONE if later else ()
                return self._reply(
                    answer, past=past, empty_ok=empty_ok, none_ok=none_ok, detail=missing_ok
                )
            except RetryableError as error:
                if attempt == ATTEMPTS:
                    raise
                try:
                    self.pause(max(error.seconds, float(attempt)))
                except SyncError as impatient:
                    raise error from impatient  # what went wrong says more than that no one waits
        raise AssertionError("unreachable")

    def _reply(
        self, answer: Received, *, past: tuple[int, ...], empty_ok: bool, none_ok: bool,
        detail: bool,
    ) -> Reply:  # fmt: skip
        ignored_by = self._actions.of_answer(answer)
        if ignored_by:
            return self._nothing(answer, ignored_by)
        empty = answer.ok and not answer.content.strip()
        unchanged = answer.status == NOT_MODIFIED and (past or not empty_ok)
        if unchanged or (empty and answer.status == ACCEPTED):
            raise without_answer(answer.status, answer.headers)
        is_past = answer.status in past and not limits_depth(answer.content, later=True)
        if answer.status == NO_CONTENT or is_past or (empty and empty_ok):
            return self._nothing(answer)
        gone = answer.status in GONE and (empty_ok or none_ok)
        if (gone or (empty_ok and answer.ok)) and self._says_nothing(answer, sure=not empty_ok):
            return self._nothing(answer)
        if not answer.ok:
            by_token = self.connection.auth.auth.gets_tokens
            message = self._plain(readable_page(answer.content))
            raise answer_refusal(answer, message, by_token=by_token)
        doubled: list[DoubledKey] = []
        try:
            body = self._parsed(answer, doubled)
        except Unusable as error:
            start = self._plain(readable_page(answer.content))
            raise unreadable_body(answer, str(error), start, cut=error.cut) from error
        is_list = not detail and not self._is_record(body)
        excuse = self._actions.of_body(body, answer.status, is_list=is_list)
        if detail:
            for doubled_key in doubled:
                doubled_key.mark()
        links, _ = read_links(answer.headers.get("Link", ""))
        size, status = len(answer.content), answer.status
        reply = Reply(
            body,
            answer.headers,
            links,
            answer.url,
            size,
            status=status,
            excuse=excuse,
            doubled=doubled,
        )
        if not detail and excuse != "error" and not is_partial(body):
            self.refuse_error(body)  # a record may have a key of that name: details check theirs
        return reply

    def _nothing(self, answer: Received, ignored_by: str = "") -> Reply:
        """Return an answer that is an empty list; one that is ignored may hold records."""
        body = None
        if ignored_by and answer.ok:
            with contextlib.suppress(Unusable):
                body = self._parsed(answer)
        size, status = len(answer.content), answer.status
        blank = not answer.content.strip()
        own = answer.ok and not ignored_by  # its headers may name a next page
        links = read_links(answer.headers.get("Link", ""))[0] if own else {}
        reply = Reply(body, answer.headers, links, answer.url, size, True, status, ignored_by)
        words = answer.content.decode(errors="replace")
        return replace(reply, blank=blank, found_nothing=says_nothing_found(words))

    def _says_nothing(self, answer: Received, *, sure: bool) -> bool:
        """Return whether an answer without any JSON list says that nothing was found."""
        text = answer.content.decode(errors="replace")
        return "[" not in text and says_nothing_found(text, sure=sure)

    def _parsed(self, answer: Received, doubled: list[DoubledKey] | None = None) -> Any:
        self.connector.page_limits.check_content(answer.content)
        charset = charset_of(answer.headers.get("Content-Type", ""))
        return parse_answer(answer.content, charset, self.connector.id_paths[0], doubled)

    def _is_record(self, body: Any) -> bool:
        """Return whether a body is a single record, so that its warnings are its own values."""
        if not isinstance(body, dict) or body.keys() & RECORD_KEYS or lists_in(body):
            return False
        selector = self.connector.data_selector
        if selector not in ("", "$") or (not selector and [] in body.values()):
            return False  # an empty list, and the id is that of the request
        return compile_path(self.connector.id_paths[0])(body) not in (ABSENT, None)

    def refuse_error(self, body: Any) -> None:
        """Raise for an error where it usually is, in an answer without records."""
        if message := error_in(body, RECORD_KEYS):
            raise self.error_inside(body, message)

    def refuse_failure(self, body: Any) -> None:
        """Raise for an answer that has no records and says in whatever words that it failed."""
        if message := failure_in(body):
            raise self.error_inside(body, message)

    def error_inside(self, body: Any, message: str) -> SourceError:
        """Return the error of a success that says that it failed in the words `message`."""
        failure = f"its answer contains an error: {self._plain(message).rstrip('.')}"
        error: SourceError = bad_answer(failure, owner_of(body, message))
        if CONTRACT.search(message) and not OF_A_KEY.search(message):
            error.remedy = ALLOWED
        return error

    def _plain(self, message: str | bytes) -> str:
        """Return a registry's message as one short line, without the key if it echoes that."""
        return self.connection.quote(message)
