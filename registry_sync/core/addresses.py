"""Addresses that a registry gives: absolute, readable, and on their host or not. Pure."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit, urlunsplit


def joined_address(base: str, link: str) -> str:
    """Return a link as an absolute URL; one that cannot be read stays as it is."""
    try:
        beginning = urlsplit(link.strip())
        if "://" in link and beginning.scheme and not beginning.netloc:  # http:///list
            return link
        return urljoin(base, link.strip())
    except ValueError:  # http://[
        return link


def is_address(url: str) -> bool:
    """Return whether a text is an absolute URL that can be read, whatever it leads to."""
    try:
        parts = urlsplit(url)
        return bool(parts.scheme and parts.netloc and parts.port != 0)
    except ValueError:  # http://[ or a port such as 99999
        return False


def origin(url: str) -> str:
    """Return a URL without path, query and credentials; "another address" if it cannot be read."""
    if not is_address(url):
        return "another address"
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def within(url: str, home: str) -> str | None:
    """Return a URL that is on the host of `home`, as it is to be used; None for any other.

    A plain http link to a host that is reached by https was written by a server behind a proxy:
    it is used by https.
    """
    if not is_address(url):
        return None
    home_parts, parts = urlsplit(home), urlsplit(url)
    strange = parts.username is not None or parts.scheme not in ("http", "https")
    if strange or home_parts.hostname != parts.hostname:
        return None
    ports = _port(home), _port(url)
    if (home_parts.scheme == parts.scheme and ports[0] == ports[1]) or ports == (80, 443):
        return url
    if ports == (443, 80):
        return urlunsplit(parts._replace(scheme=home_parts.scheme, netloc=home_parts.netloc))
    return None


def _port(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)
