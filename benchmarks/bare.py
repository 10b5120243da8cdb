"""The least that a run can cost: the registry's pages read and parsed, or Django and the SDK.

Registry Sync's runs without changes are compared with these two.
"""

from __future__ import annotations

import argparse
import json
from urllib.parse import urljoin

import requests


def read(url: str, key: str) -> int:
    """Read and parse every page as a loop with requests does, and return the number of records."""
    session, count = requests.Session(), 0
    session.headers["Authorization"] = f"Bearer {key}"
    link: str | None = url
    while link:
        body = json.loads(session.get(link, timeout=60).content)
        count += len(body["items"])
        link = urljoin(url, body["next"]) if body["next"] else None
    return count


def start() -> None:
    """Set Django up, and import what a client of Benchling needs of the SDK."""
    import django

    django.setup()
    import benchling_sdk.auth.client_credentials_oauth2
    import benchling_sdk.benchling
    import benchling_sdk.models  # noqa: F401


def main() -> None:
    """Do one of the two."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="the registry's list; without it, only the start is done")
    parser.add_argument("--key", default="")
    parser.add_argument("--count", type=int, default=0, help="how many records must come")
    given = parser.parse_args()
    if given.url is None:
        start()
    elif (count := read(given.url, given.key)) != given.count:
        raise SystemExit(f"{count:,} records came")


if __name__ == "__main__":
    main()
