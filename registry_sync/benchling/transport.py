"""The connection to one Benchling tenant: the SDK's transport, with pacing and retries of its own.

Requests go through `benchling.api`, the SDK's raw JSON interface. That keeps its authentication and
User-Agent, and avoids two costs: parsing a finished task takes the SDK 271 µs an entity, and its
retries give up after 15 s where Benchling's rate windows last 30 s.
https://docs.benchling.com/docs/rate-limiting
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast
from urllib.parse import urlencode

import httpx
from benchling_api_client.v2.benchling_client import BenchlingApiClient
from benchling_sdk.benchling import Benchling
from benchling_sdk.errors import BenchlingError

from registry_sync.benchling.errors import (
    AnswerLost,
    NothingThere,
    benchling_unreachable,
    is_passing,
    is_token_error,
    may_be_done,
    no_address,
    no_answer,
    translate,
)
from registry_sync.benchling.http import BenchlingHttp, TokenAuth, Unreadable, checked_body, trusted
from registry_sync.core.problems import SyncError
from registry_sync.core.types import Json
from registry_sync.core.waits import OBJECT_LIMIT, REQUEST_LIMIT

PAGE = 100
"""Items on one page of a list: Benchling's maximum."""
UNREAD = (httpx.RequestError, json.JSONDecodeError, UnicodeDecodeError, RecursionError, Unreadable)
"""What is raised where a request has no answer, or one that cannot be read."""
FAILURES = 6
"""Failed attempts at one request before Benchling counts as benchling_unreachable."""


@dataclass(slots=True)
class _Attempts:
    """What one request has met so far: failures, limits of requests, and an expired token."""

    failures: int = 0
    limits: int = 0
    has_new_token: bool = False


def _sleep(seconds: float, reason: str) -> None:
    time.sleep(seconds)


@dataclass
class Transport:
    """Requests as one app on one tenant. Use one per thread: the SDK's headers are shared.

    `pause(seconds, reason)` is called for every wait; it may raise `Wait` to end the slice.
    `server_date` is the `Date` header of the last response, `result_count` the length of the list
    that it is a page of (0: it names none). `reserved` is the share of the rate window that is
    left to others.
    Raises Refused for a 4xx, SyncError where nothing can be done with this tenant.
    """

    url: str
    client_id: str
    client_secret: str = field(repr=False)
    app_id: str
    pause: Callable[[float, str], None] = _sleep
    timeout: float = 60
    longest: Callable[[], float] = field(default=lambda: 0.0, repr=False)
    """Seconds for the next answer; 0 for the usual ones."""
    before_each: Callable[[], None] = field(default=lambda: None, repr=False)
    """Called before each request; it may raise `Wait`."""
    requests: int = 0
    server_date: str = ""
    result_count: int = 0
    reserved: float = 0.0
    _sdk: Benchling | None = field(default=None, repr=False)

    def server_time(self) -> datetime | None:
        """Return the time that Benchling's last response named, in UTC."""
        try:
            return parsedate_to_datetime(self.server_date).astimezone(UTC)
        except (TypeError, ValueError):
            return None

    # -- requests --------------------------------------------------------------------------

    def pages(self, path: str, key: str, **query: str) -> Iterator[list[Json]]:
        """Yield each page of a list: what the responses have under `key`."""
        token = ""
        while True:
            body = self.get(path, needs=key, pageSize=str(PAGE), nextToken=token, **query)
            yield body[key]
            token = body.get("nextToken") or ""  # null: the SDK's iterator never ends
            if not token:
                return

    def get(self, path: str, *, needs: str = "", **query: str) -> Json:
        """Return the body of a GET; parameters with empty values are left out."""
        params = {name: value for name, value in query.items() if value != ""}
        return self.call("get", path + ("?" + urlencode(params) if params else ""), needs=needs)

    def call(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        after_lost: Callable[[], Json | None] = lambda: None,
        *,
        needs: str = "",
        once: bool = False,
        limited: bool = False,
    ) -> Json:
        """Return the body of a request, repeated until it passes or is refused for good.

        `after_lost` is asked after a lost response for what the request may have created. A
        success without the key that it `needs` is unreadable, and counts as lost. A request that
        may be done only `once` is not repeated then: raises AnswerLost. A request that a run can
        do without does not wait where it is `limited`: Refused, unless the rate window is full.
        """
        url = "api/v2/" + path
        attempts = _Attempts()
        while True:
            self.before_each()
            self._pace()
            self.requests += 1
            try:
                return checked_body(self._send(method, url, body), needs)
            except BenchlingError as error:
                self._after_error_status(error, path, attempts, once=once, limited=limited)
            except UNREAD as error:
                self._after_lost_response(error, path, attempts, once=once)
                if made := after_lost():
                    return made

    def _after_error_status(
        self, error: BenchlingError, path: str, attempts: _Attempts, *, once: bool, limited: bool
    ) -> None:
        """Wait until the request can be repeated; raise what it ends with if it cannot."""
        status = error.status_code
        if status == 401 and not attempts.has_new_token and not is_token_error(error):
            # The SDK keeps a revoked token until it expires: get a new one, once.
            attempts.has_new_token, self._sdk = True, None
        elif status == 429 and not (limited and self._window_has_room()):
            attempts.limits += 1
            self._wait_for_limit(attempts.limits)
        elif once and may_be_done(error):
            raise AnswerLost(benchling_unreachable(f"it answered {status}")) from error
        elif is_passing(error) and attempts.failures < FAILURES:
            attempts.failures += 1
            self._back_off(attempts.failures, translate(error, path, self.url))
        else:
            raise translate(error, path, self.url) from error

    def _after_lost_response(
        self, error: Exception, path: str, attempts: _Attempts, *, once: bool
    ) -> None:
        """Wait until the request can be repeated; raise what it ends with if it cannot."""
        if once and may_be_done(error):
            raise AnswerLost(no_answer(error, path, self.url)) from error
        attempts.failures += 1
        if attempts.failures > FAILURES:
            raise no_answer(error, path, self.url) from error
        self._back_off(attempts.failures, no_answer(error, path, self.url))

    def _send(self, method: str, url: str, body: Json | None) -> object:
        api = self._connection().api
        try:
            if method == "get":
                response = api.get_response(url)
            elif method == "post":
                response = api.post_response(url, body)
            else:
                response = api.patch_response(url, body)
        except ValueError as error:
            if "integer string conversion" not in str(error):
                raise
            raise Unreadable("a number with thousands of digits") from error
        self.server_date = str(response.headers.get("date") or "")
        count = str(response.headers.get("result-count") or "")
        self.result_count = int(count) if count.isdecimal() else 0
        return response.parsed

    def _connection(self) -> Benchling:
        if not self.url:
            raise no_address()
        if self._sdk is None:
            token = BenchlingHttp(  # httpx alone would wait for 5 seconds
                verify=trusted(), longest=lambda: self.longest(), timeout=self.timeout
            )
            self._sdk = Benchling(
                self.url,
                TokenAuth(self.client_id, self.client_secret, httpx_client=token),
                httpx_client=BenchlingHttp(verify=trusted(), longest=lambda: self.longest()),
                retry_strategy=None,
                client_decorator=self._decorated,
            )
        return self._sdk

    def _decorated(self, client: BenchlingApiClient) -> BenchlingApiClient:
        """Give the SDK's client its timeout, and a User-Agent that is made once.

        For each request the SDK would read the version of its package from the disk again.
        """
        agent = client._get_user_agent(client._user_agent, client._package)
        timed: Any = client.with_timeout(self.timeout)
        timed._get_user_agent = lambda *_: agent
        return cast(BenchlingApiClient, timed)

    def _pace(self) -> None:
        """Wait before the request that the rate window has no room for."""
        if self._sdk is None or not (remaining := self._sdk.rate_limit_remaining):
            return
        most = self._sdk.rate_limit_limit or ""
        kept = self.reserved * int(most) if most.isdecimal() else 0
        if remaining == "0" or (remaining.isdecimal() and int(remaining) < kept):
            self.pause(self._reset_seconds(), REQUEST_LIMIT)
            if self.reserved:
                self._forget_window()

    def _reset_seconds(self) -> float:
        # The seconds left in the window; the SDK's docstring says otherwise.
        reset = self._sdk.rate_limit_reset if self._sdk else None
        try:
            seconds = float(reset or 1)
        except ValueError:
            seconds = 1.0
        return min(max(seconds, 0.1), 60) + random.uniform(0.05, 0.5)

    def _wait_for_limit(self, waits: int) -> None:
        """Wait after a 429: for the window or, where it has room, for the hourly object limit."""
        if self._window_has_room():
            longest = min(15.0, 2.0 ** (waits - 1))
            self.pause(random.uniform(longest / 2, longest), OBJECT_LIMIT)
        else:
            self.pause(self._reset_seconds(), REQUEST_LIMIT)
            self._forget_window()

    def _window_has_room(self) -> bool:
        return self._sdk is None or self._sdk.rate_limit_remaining != "0"

    def _forget_window(self) -> None:
        if self._sdk is not None:
            self._sdk._rate_limit_remaining = None

    def _back_off(self, failures: int, why: Exception) -> None:
        # Without a reason the slice does not end here: the attempts must reach their limit.
        try:
            self.pause(random.uniform(0.5, 1.0) * min(15.0, 2.0 ** (failures - 1)), "")
        except SyncError as impatient:
            if isinstance(why, NothingThere):  # more to the point than that someone cannot wait
                raise why from impatient
            raise
