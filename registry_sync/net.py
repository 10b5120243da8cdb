"""HTTP to a registry that stays where it was sent: no private networks, no other host.

The registry's address is typed into the tenant's configuration, so a request could be aimed at
the service's own network. Names are resolved once, the address is judged, and the connection goes
to that very address, so that a second DNS answer cannot lead elsewhere.
https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.retry import Retry

from .problems import SourceError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Forbidden(OSError):
    """The address may not be spoken to; its text says why and what would allow it."""


def judge(host: str, port: int, *, allow_private: bool) -> str:
    """Resolve a host and return the one address to connect to. Raises Forbidden or OSError."""
    infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [ipaddress.ip_address(str(info[4][0]).partition("%")[0]) for info in infos]
    for address in addresses:
        _judge_address(host, address, allow_private=allow_private)
    return str(addresses[0])


def _judge_address(host: str, address: Address, *, allow_private: bool) -> None:
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        raise Forbidden(f"{host} is at {address}, an address that is never a registry's")
    if str(address) in ("100.100.100.200", "fd00:ec2::254"):  # cloud metadata
        raise Forbidden(f"{host} is at {address}, an address that is never a registry's")
    if not address.is_global and not allow_private:
        raise Forbidden(
            f"{host} is at {address}, a private address; "
            "set REGISTRY_ALLOW_PRIVATE_NETWORKS=1 to allow the registry to be there"
        )


class _Judged:
    """A connection that goes only where `judge` says."""

    allow_private = False
    host: str
    port: int
    _dns_host: str

    def _new_conn(self) -> socket.socket:
        asked = self._dns_host
        self._dns_host = judge(asked, self.port, allow_private=self.allow_private)
        try:
            return super()._new_conn()  # type: ignore[misc,no-any-return]
        finally:
            self._dns_host = asked


def _pools(allow_private: bool) -> dict[str, Any]:
    flag = {"allow_private": allow_private}
    http = type("JudgedHTTP", (_Judged, HTTPConnection), flag)
    https = type("JudgedHTTPS", (_Judged, HTTPSConnection), flag)
    return {
        "http": type("JudgedPool", (HTTPConnectionPool,), {"ConnectionCls": http}),
        "https": type("JudgedTLSPool", (HTTPSConnectionPool,), {"ConnectionCls": https}),
    }


class JudgedAdapter(HTTPAdapter):
    """Requests' adapter over judged connections."""

    def __init__(self, *, allow_private: bool, retries: Retry) -> None:
        self.allow_private = allow_private
        super().__init__(max_retries=retries)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools(self.allow_private)


def open_session(*, allow_private: bool, user_agent: str) -> requests.Session:
    """Make a session with retries (Retry-After honoured) that follows no redirect by itself."""
    retries = Retry(
        total=5,
        backoff_factor=0.5,
        backoff_jitter=0.5,
        backoff_max=30,
        status_forcelist=(429, 500, 502, 503, 504),
        allowed_methods=("GET", "POST"),  # a registry's POST is a search: it may be repeated
        respect_retry_after_header=True,
        retry_after_max=60,
        raise_on_status=False,
        redirect=0,
    )
    session = requests.Session()
    session.trust_env = False  # no .netrc: it would send another credential than the one set
    session.headers.update({"User-Agent": user_agent, "Accept": "application/json"})
    adapter = JudgedAdapter(allow_private=allow_private, retries=retries)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def check_scheme(url: str, *, allow_private: bool) -> None:
    """Refuse plain http to anything but a private network that the operator allowed."""
    if urlsplit(url).scheme == "http" and not allow_private:
        raise SourceError(
            f"The registry's address {origin(url)} is plain http: the key would travel in clear.",
            remedy="The integration owner writes API URL with https://; on a private network the "
            "operator sets REGISTRY_ALLOW_PRIVATE_NETWORKS=1.",
            code="registry_plain_http",
        )


def origin(url: str) -> str:
    """Name where a URL points, without path, query or credentials."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
