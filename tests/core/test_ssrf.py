"""Where no request may go: every special-purpose block, in every way to write its addresses.

The table is IANA's, with the metadata services of clouds; hundreds of vectors come from it.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from registry_sync.core import ssrf
from registry_sync.core.problems import SourceError
from registry_sync.core.ssrf import Forbidden, allowed_addresses
from registry_sync.monitoring import web_request
from tests.support.odd import Reply, ids

pytestmark = [pytest.mark.once]

NOWHERE = [
    "0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "198.51.100.0/24",
    "203.0.113.0/24", "192.31.196.0/24", "192.175.48.0/24", "192.52.193.0/24",
    "192.88.99.0/24", "224.0.0.0/4", "240.0.0.0/4", "100.100.100.200/32", "168.63.129.16/32",
    "169.254.169.254/32", "169.254.170.2/32", "192.0.0.192/32", "255.255.255.255/32",
    "::/128", "100::/64", "100:0:0:1::/64", "64:ff9b:1::/48", "5f00::/16", "2001::/23",
    "2001::/32", "2001:2::/48", "2001:3::/32", "2001:4:112::/48", "2001:10::/28",
    "2001:20::/28", "2001:30::/28", "2001:db8::/32", "3fff::/20", "2620:4f:8000::/48",
    "fe80::/10", "ff00::/8", "fd00:ec2::/32", "fd00:ec2::254/128", "fd00:ec2::23/128",
    "fd20:ce::254/128", "fd00:c1::a9fe:a9fe/128", "fd00:42::42/128", "fd00:a9fe:a9fe::1/128",
    "4000::/3", "6000::/3",
    "8000::/3", "a000::/3", "c000::/3", "::2/127", "200::/7", "1::/16",
]  # fmt: skip
PRIVATE = [
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "100.64.0.0/11",
    "198.18.0.0/15", "::1/128", "fd12:3456::/32", "fc00::/16", "fec0::/10",
]  # fmt: skip
PUBLIC = [
    "8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0",
    "192.0.1.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "168.63.129.17",
    "2606:4700::1111", "2a00:1450::1", "2001:200::1", "2001:4860::1", "2620:4f:8001::1",
    "3ffe::1", "2002:808:808::1", "64:ff9b::808:808", "::ffff:8.8.8.8",
]  # fmt: skip


def some(block: str) -> Iterator[Any]:
    """Give the first, the last and a middle address of a block."""
    network = ipaddress.ip_network(block)
    for index in dict.fromkeys((0, network.num_addresses // 3, network.num_addresses - 1)):
        yield network[index]


def spellings(address: Any) -> Iterator[str]:
    """Write an address in every way that a resolver reads, and inside an IPv6 address."""
    if address.version == 6:
        whole = address.exploded
        yield from (str(address), whole, whole.upper())
        high, last = whole[:30], ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        yield f"{high}{last}"
        return
    number, parts = int(address), str(address).split(".")
    yield str(address)
    yield from (str(number), hex(number), f"0{number:o}", f"0X{number:08X}")
    yield ".".join(f"0{int(part):o}" for part in parts)
    yield ".".join(hex(int(part)) for part in parts)
    yield ".".join([parts[0], str(number & 0xFFFFFF)])
    yield ".".join([*parts[:2], str(number & 0xFFFF)])
    for prefix in ("::ffff:", "::ffff:0:", "::", "64:ff9b::", "64:ff9b:1::"):
        yield f"{prefix}{address}"
    pair = f"{number >> 16:x}:{number & 0xFFFF:x}"
    yield from (f"2002:{pair}::1", f"2a00::5efe:{pair}", f"fd12::200:5efe:{pair}")


def vectors(blocks: list[str]) -> list[str]:
    return [text for block in blocks for address in some(block) for text in spellings(address)]


def refusal(host: str, *, allow_private: bool) -> str:
    """Return why a host is refused, "" if it is not. No name is resolved, addresses only."""
    try:
        allowed_addresses(host, 443, allow_private=allow_private)
    except Forbidden as error:
        return str(error)
    except (OSError, UnicodeError):
        return "cannot be resolved"
    return ""


@pytest.fixture(autouse=True)
def no_dns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read addresses as the resolver does, and ask no server for names."""
    real = socket.getaddrinfo

    def numeric(host: str, port: Any, *_: Any, **options: Any) -> Any:
        return real(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)

    monkeypatch.setattr(socket, "getaddrinfo", numeric)


@pytest.mark.invariant(9)
def test_no_spelling_of_a_special_address_is_taken() -> None:
    nowhere, private = vectors(NOWHERE), vectors(PRIVATE)
    assert len(nowhere) + len(private) >= 500
    read = [text for text in nowhere + private if refusal(text, allow_private=False)]
    assert [text for text in nowhere + private if text not in read] == []
    # Most spellings must be read as addresses, or nothing was tested.
    odd = [text for text in read if "cannot be resolved" in refusal(text, allow_private=False)]
    assert len(odd) < len(read) / 10, odd
    assert [text for text in nowhere if not refusal(text, allow_private=True)] == []


@pytest.mark.invariant(9)
def test_private_networks_are_taken_where_they_are_allowed() -> None:
    plain = [str(address) for block in PRIVATE for address in some(block)]
    assert [text for text in plain if refusal(text, allow_private=True)] == []
    for text in plain:
        assert "REGISTRY_ALLOW_PRIVATE_NETWORKS" in refusal(text, allow_private=False)
    mapped = [f"::ffff:{text}" for text in plain if ":" not in text]
    assert [text for text in mapped if refusal(text, allow_private=True)] == []


@pytest.mark.invariant(9)
def test_public_addresses_are_taken() -> None:
    for allow_private in (False, True):
        assert [text for text in PUBLIC if refusal(text, allow_private=allow_private)] == []


WAYS_IN = ["169.254.169.254", "0xa9fea9fe", "2852039166", "[fd00:ec2::23]", "[fd20:ce::254]",
           "[::ffff:a9fe:a9fe]", "[64:ff9b:1::a9fe:a9fe]", "100.100.100.200", "[fe80::1]", "0",
           "[2002:a9fe:a9fe::1]", "[::]", "[ff02::1]", "0251.0376.0251.0376"]  # fmt: skip


@pytest.mark.parametrize("host", ["a..b", f"{64 * 'a'}.example"])
def test_a_name_that_no_host_can_have_is_not_found(host: str, monkeypatch: Any) -> None:
    monkeypatch.undo()  # the resolver refuses it by itself, and asks no server
    with pytest.raises(OSError, match="not the name of a host"):
        allowed_addresses(host, 443, allow_private=True)
    session = ssrf.open_session(allow_private=True, user_agent="test", patient=False)
    with pytest.raises(requests.RequestException):
        session.get(f"https://{host}/")


@pytest.mark.parametrize("host", WAYS_IN)
@pytest.mark.invariant(9)
def test_no_way_leads_there_even_where_private_networks_are_allowed(
    host: str, serve: Any, settings: Any
) -> None:
    session = ssrf.open_session(allow_private=True, user_agent="test")
    with pytest.raises(Forbidden):
        session.get(f"http://{host}/latest/meta-data")
    settings.REGISTRY_ALLOW_PRIVATE_NETWORKS = True
    with pytest.raises(web_request.Unanswered, match="The address is not allowed"):
        web_request.ask("POST", f"https://{host}/")


@pytest.mark.parametrize("host", ["169.254.169.254", "[fd00:ec2::23]", "0xa9fea9fe"])
@pytest.mark.parametrize("way", ["registry", "token", "next", "redirect"])
@pytest.mark.invariant(9)
def test_a_registry_leads_nobody_there(host: str, way: str, serve: Any) -> None:
    there = f"http://{host}/list"
    answers = {
        "next": {"items": [{"id": 1}], "next": there},
        "redirect": Reply(b"", 302, headers={"Location": there}),
    }
    registry = serve(lambda asked: answers.get(way, [{"id": 1}]))
    auth = {"type": "oauth2_client_credentials", "access_token_url": there, "client_id": "a"}
    settings = {"client": {"auth": auth}} if way == "token" else {}
    if way == "registry":
        registry.url = f"http://{host}"
    with pytest.raises(SourceError) as caught:
        ids(registry.source(settings))
    codes = {"next": "registry_elsewhere", "redirect": "registry_elsewhere"}
    assert caught.value.code == codes.get(way, "registry_address")
    assert all(asked.path == "/list" for asked in registry.asked)
