"""Test the connection to the registry: the first request as it is sent, and what is answered."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

from django.conf import settings

from registry_sync import __version__
from registry_sync.core.secrets import is_secret, public_address
from registry_sync.core.text import number_of
from registry_sync.desk import lanes
from registry_sync.desk.cures.base import CureCase
from registry_sync.desk.cures.press import CannotCure, CureOrder, Done, Press, Prospect
from registry_sync.desk.record_live import impatient
from registry_sync.reporting.redaction import HIDDEN, redact, redact_answer, redact_text
from registry_sync.source.connection import Connection, Received
from registry_sync.source.request import Request, page_request
from registry_sync.sync.clients import hasty_client
from registry_sync.sync.setup import Sides, configure

PATIENCE = 10.0
SHOWN = 3000
"""Characters of an answer that are shown."""
HEADERS = ("Content-Type", "Content-Length", "Date", "Server", "Location", "Retry-After",
           "WWW-Authenticate")  # fmt: skip
"""Headers of an answer that are shown."""
GOOD = "The registry answers. Sync now if the problem is solved."
BAD = "The registry refuses the request. Its owner can see from this what was asked."


class TestConnection(Press):
    """Send the first request of a sync, and show both sides of it."""

    __test__ = False  # for pytest
    name, label = "test-connection", "Test connection"
    permissions = ("registry_sync.add_syncrun",)
    codes = ("registry_*",)

    def prospect(self, case: CureCase) -> Prospect:
        """Return what was asked and answered just now, without secrets.

        Raise SyncError, and CannotCure for a lane that is no longer synced: its element may be
        another lane's now.
        """
        _require_current(case)
        client = hasty_client(PATIENCE)
        key = settings.BENCHLING_PRIVATE_KEY
        sides = configure(client, private_key=key, element=case.lane.element)
        request, answer, secrets = _first(sides)
        head = "\n".join([*_request_lines(request, sides), "", *_answered(answer), ""])
        body = redact_answer(answer.content, SHOWN, secrets)
        listing = f"{redact_text(head, secrets)}\n{body}{_rest(answer, body)}"
        presses = {"sync": "Sync now"}
        return Prospect(GOOD if answer.ok else BAD, listing=listing, presses=presses)

    def do(self, case: CureCase, order: CureOrder) -> Done:
        """Start a sync. Raise CannotCure for a lane that is no longer synced."""
        _require_current(case)
        return Done("The connection was tested.", noted=[case.lane], whole=True)


def _require_current(case: CureCase) -> None:
    if not lanes.is_current(case.lane):
        raise CannotCure("This lane is no longer synced, so its connection cannot be tested.")


def _first(sides: Sides) -> tuple[Request, Received, list[str]]:
    """Send the request for the first page; return it, the answer, and what signed it."""
    wait = impatient("The registry")
    connection = Connection(
        sides.connector,
        credential=sides.config.api_key,
        allow_private=settings.REGISTRY_ALLOW_PRIVATE_NETWORKS,
        user_agent=f"RegistrySync/{__version__}",
        timeout=(5, 15),
        pause=wait,
        keep_alive=wait,
        patient=False,
    )
    request = page_request(sides.connector, None, "")
    try:
        answer = connection.follow(request)
        return request, answer, [each for each in connection.auth.secrets() if each]
    finally:
        connection.close()


def _request_lines(request: Request, sides: Sides) -> Iterator[str]:
    """Yield the request, its secrets hidden."""
    params = {
        name: HIDDEN if is_secret(name, value) else value for name, value in request.params.items()
    }
    address = public_address(request.url)
    mark_ = "&" if "?" in address else "?"
    yield f"{request.method} {address}{mark_ + urlencode(params) if params else ''}"
    for name, value in (sides.connector.headers or {}).items():
        yield f"{name}: {HIDDEN if is_secret(name, value) else value}"
    yield f"(signed with API Key: {HIDDEN})" if sides.config.api_key else "(not signed: no API Key)"
    if request.json is not None:
        yield str(redact(request.json))


def _answered(answer: Received) -> Iterator[str]:
    """Yield the answer's status and some headers."""
    yield f"{answer.status}"
    for name in HEADERS:
        if name in answer.headers:
            value = answer.headers[name]
            yield f"{name}: {public_address(value) if name == 'Location' else value}"


def _rest(answer: Received, body: str) -> str:
    """Return how large an answer is of which only the beginning is shown."""
    return f"\n… ({number_of(len(answer.content), 'byte')} in total)" if len(body) >= SHOWN else ""
