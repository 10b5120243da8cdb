"""Which IP addresses are public, private, or of nothing that can be asked. Pure.

The blocks are those of IANA's registries of special-purpose addresses, and where clouds serve
metadata and credentials to whoever asks from inside.
https://www.iana.org/assignments/iana-ipv4-special-registry
https://www.iana.org/assignments/iana-ipv6-special-registry
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address


class Reach(Enum):
    """Where an address leads."""

    PUBLIC = "public"
    PRIVATE = "private"
    NOWHERE = "nowhere"


PRIVATE = (
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "100.64.0.0/10",
    "198.18.0.0/15", "::1/128", "fc00::/7", "fec0::/10",
)  # fmt: skip
"""Networks of a site, of a host or of a carrier; they can hold a registry where that is allowed."""
NOWHERE = (
    "0.0.0.0/8",  # this network
    "169.254.0.0/16",  # link-local, with the metadata of most clouds
    "192.0.0.0/24",  # protocol assignments, with Oracle's metadata
    "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24",  # documentation
    "192.31.196.0/24", "192.175.48.0/24",  # AS112
    "192.52.193.0/24",  # multicast tunnels
    "192.88.99.0/24",  # 6to4 relays
    "224.0.0.0/4", "240.0.0.0/4",  # multicast, reserved, broadcast
    "100.100.100.200/32",  # metadata: Alibaba
    "168.63.129.16/32",  # metadata: Azure
    "::/128", "100::/64", "100:0:0:1::/64", "64:ff9b:1::/48", "5f00::/16",
    "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks …
    "2001:db8::/32", "3fff::/20",  # documentation
    "2620:4f:8000::/48",  # AS112
    "fe80::/10", "ff00::/8",  # link-local, multicast
    "fd00:ec2::/32",  # metadata and credentials: AWS
    "fd20:ce::/32",  # metadata: Google
    "fd00:c1::/32",  # metadata: Oracle
    "fd00:42::/32",  # metadata: Scaleway
    "fd00:a9fe:a9fe::/48",  # metadata: Akamai
)  # fmt: skip
"""Addresses that no registry can have, also where private networks are allowed."""
UNICAST = IPv6Network("2000::/3")
"""The only IPv6 addresses that the internet routes; all others but those above are reserved."""
NAT64 = IPv6Network("64:ff9b::/96")
ISATAP = (0x00005EFE, 0x02005EFE)
"""The third quarter of an IPv6 address whose last quarter is an IPv4 address (RFC 5214)."""


@lru_cache(maxsize=1024)
def reach_of(address: Address) -> Reach:
    """Return where an address leads, or what it has inside where it only carries that."""
    if _in(address, NOWHERE):
        return Reach.NOWHERE
    if isinstance(address, IPv4Address):
        return Reach.PRIVATE if _in(address, PRIVATE) else Reach.PUBLIC
    if carried := address.ipv4_mapped or (_last_quarter(address) if address in NAT64 else None):
        return reach_of(carried)
    own = Reach.PUBLIC if address in UNICAST else Reach.NOWHERE
    own = Reach.PRIVATE if _in(address, PRIVATE) else own
    end = tunnel_end(address)
    return own if end is None or reach_of(end) in (own, Reach.PUBLIC) else Reach.NOWHERE


def tunnel_end(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that packets to an IPv6 one are carried to, by 6to4 or ISATAP."""
    isatap = int(address) >> 32 & 0xFFFFFFFF in ISATAP
    return address.sixtofour or (_last_quarter(address) if isatap else None)


def _last_quarter(address: IPv6Address) -> IPv4Address:
    return IPv4Address(int(address) & 0xFFFFFFFF)


def parsed_address(text: str) -> Address:
    """Return an address without its zone, such as fe80::1 for fe80::1%eth0."""
    return ip_address(text.partition("%")[0])


@lru_cache(maxsize=4)
def _networks(blocks: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(block) for block in blocks)


def _in(address: Address, blocks: tuple[str, ...]) -> bool:
    return any(address in network for network in _networks(blocks))
