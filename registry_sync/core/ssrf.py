"""HTTP to addresses that people enter: no private networks, no other host (SSRF).

The registry's URL comes from the tenant's configuration, so a request could be aimed at the
service's own network. Each name is resolved once, its address is checked, and the connection goes
to that address, so that a second DNS answer cannot lead elsewhere.
https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, InvalidHeader, NewConnectionError
from urllib3.response import BaseHTTPResponse
from urllib3.util.retry import Retry

from registry_sync.core.deadlines import USUAL, AnswerLimits, TimedResponse, timed
from registry_sync.core.ip_ranges import Reach, parsed_address, reach_of


class Forbidden(Exception):
    """The address is not allowed; its text says why, and what would allow it.

    Not an OSError: urllib3 would repeat the request, as after a broken connection.
    """


def allowed_addresses(
    host: str, port: int, *, allow_private: bool, plain: bool = False
) -> list[str]:
    """Return the addresses of a host to connect to; `plain` is http without TLS.

    Raise Forbidden if one is not allowed, OSError if the host cannot be resolved.
    """
    try:
        infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # a label is empty or has more than 63 characters
        raise socket.gaierror(socket.EAI_NONAME, f"{host} is not the name of a host") from error
    found = list(dict.fromkeys(str(info[4][0]).partition("%")[0] for info in infos))
    for address in found:
        reach = reach_of(parsed_address(address))
        if reach is Reach.NOWHERE:
            raise Forbidden(f"{host} is at {address}, which cannot be the address of a registry")
        if reach is Reach.PRIVATE and not allow_private:
            raise Forbidden(
                f"{host} is at {address}, a private address; "
                "set REGISTRY_ALLOW_PRIVATE_NETWORKS=1 to allow the registry to be there"
            )
        if reach is Reach.PUBLIC and plain:
            raise Forbidden(
                f"{host} would receive the key unencrypted over plain http; "
                "begin the address with https://"
            )
    return found


class _Guarded:
    """A connection that goes only to `allowed_addresses`, and whose answers have a deadline."""

    allow_private = False
    plain = False
    response_class = TimedResponse
    host: str
    port: int
    _dns_host: str

    def _new_conn(self) -> socket.socket:
        host = self._dns_host
        addresses = allowed_addresses(
            host, self.port, allow_private=self.allow_private, plain=self.plain
        )
        try:
            for address in addresses[:-1]:  # localhost may be ::1 first, with no server there
                self._dns_host = address
                self.response_class.keep_alive()
                try:
                    return super()._new_conn()  # type: ignore[misc]
                except (NewConnectionError, ConnectTimeoutError):
                    continue
            self._dns_host = addresses[-1]
            return super()._new_conn()  # type: ignore[misc]
        finally:
            self._dns_host = host


LASTING = frozenset((501, 505, 506, 510, 511))
"""Statuses from 500 on that another attempt does not change."""
PASSING = frozenset(range(500, 600)) - LASTING | {408, 425, 429}
"""Statuses that may pass soon: the request is repeated."""
WAITABLE = PASSING | {400, 403, 409, 413, 420, 423}
"""Statuses that may pass if the answer says when, by Retry-After."""


class Patient(Retry):
    """Retries that wait by `pause`, so that a lease can be kept alive while waiting.

    https://datatracker.ietf.org/doc/html/rfc9110#section-10.2.3
    """

    RETRY_AFTER_STATUS_CODES = WAITABLE
    pause = staticmethod(time.sleep)

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """Return Retry-After in seconds; None if it cannot be read."""
        try:
            return super().get_retry_after(response)
        except (InvalidHeader, OverflowError, ValueError):
            return None

    def sleep(self, response: BaseHTTPResponse | None = None) -> None:
        """Wait as long as the registry asks, or else longer each time."""
        retry_after = self.get_retry_after(response) if response is not None else None
        seconds = retry_after or self.get_backoff_time()
        if seconds > 0:
            self.pause(seconds)


def _pools(allow_private: bool, response: type[TimedResponse]) -> dict[str, Any]:
    attributes = {"allow_private": allow_private, "response_class": response}
    http = type("GuardedHTTP", (_Guarded, HTTPConnection), {**attributes, "plain": True})
    https = type("GuardedHTTPS", (_Guarded, HTTPSConnection), attributes)
    return {
        "http": type("GuardedPool", (HTTPConnectionPool,), {"ConnectionCls": http}),
        "https": type("GuardedTLSPool", (HTTPSConnectionPool,), {"ConnectionCls": https}),
    }


class GuardedAdapter(HTTPAdapter):
    """The adapter of `requests` over guarded connections."""

    def __init__(
        self,
        *,
        allow_private: bool,
        retries: Retry,
        limits: AnswerLimits,
        keep_alive: Callable[[], None] = lambda: None,
    ) -> None:
        self.allow_private = allow_private
        self.response = timed(limits, keep_alive)
        super().__init__(max_retries=retries)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools(self.allow_private, self.response)


class _Session(requests.Session):
    """A session that never reads where a redirect leads: its caller decides about that."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None


def open_session(
    *,
    allow_private: bool,
    user_agent: str,
    pause: Callable[[float], None] = time.sleep,
    limits: AnswerLimits = USUAL,
    keep_alive: Callable[[], None] = lambda: None,
    patient: bool = True,
) -> requests.Session:
    """Return a session with guarded connections and retries, each after at most 60 s.

    Each answer has `limits`; `keep_alive` is called now and then while one arrives. Unless it is
    `patient`, it takes each answer as it is, and only repeats a request once that had none.
    """
    retries = type("Patiently", (Patient,), {"pause": staticmethod(pause)})(
        total=4 if patient else 1,
        status=None if patient else 0,
        backoff_factor=0.5,
        backoff_jitter=0.5,
        backoff_max=30,
        status_forcelist=PASSING,
        allowed_methods=("GET", "POST"),  # a registry's POST is a search: it can be repeated
        respect_retry_after_header=True,
        retry_after_max=60,
        raise_on_status=False,
        redirect=0,
    )
    session = _Session()
    # No .netrc and no proxy: one would send other credentials, the other resolve names itself.
    session.trust_env = False
    session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE") or True
    session.headers.update({"User-Agent": user_agent, "Accept": "application/json"})
    adapter = GuardedAdapter(
        allow_private=allow_private, retries=retries, limits=limits, keep_alive=keep_alive
    )
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session
