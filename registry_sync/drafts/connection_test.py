"""A registry's address and key, tried: what was asked, what came, and what fits; kept as a row."""

from __future__ import annotations

from django.utils import timezone

from registry_sync import runs
from registry_sync.benchling.app_config import AppConfig
from registry_sync.benchling.client import Client
from registry_sync.benchling.errors import Refused, Wait
from registry_sync.core.problems import SyncError
from registry_sync.core.secrets import public_address
from registry_sync.core.text import number_of, storable
from registry_sync.core.types import Json
from registry_sync.drafts.connector_proposal.live import propose_live
from registry_sync.models import ConnectionTest
from registry_sync.reporting.redaction import secret_mark

MOST_KEPT = 100
"""Requests that a test keeps; it sends hardly more."""
MEANINGS = {401: "the key was refused", 403: "the key may not read this", 404: "nothing is there"}


def try_connection(
    client: Client, config: AppConfig, *, element: str, actor: str
) -> ConnectionTest:
    """Test the registry of a sync with API URL and API Key alone, and keep what came.

    A failure is kept as the row's `fault`; it is not raised.
    """
    exchanges: list[Json] = []

    def on_response(request: str, status: int, size: int) -> None:
        if len(exchanges) < MOST_KEPT:
            exchanges.append({"request": request, "answer": _answer(status, size)})

    kept: Json = {"lines": [], "proposal": None, "fault": ""}
    try:
        found = propose_live(client, element=element, on_response=on_response)
        lines = [
            {"setting": line.setting, "value": line.value, "evidence": line.evidence}
            for line in found.lines
        ]
        kept |= {"lines": lines, "proposal": found.settings}
    except SyncError as error:
        kept["fault"] = error.with_remedy.strip()
    except (Refused, Wait) as error:
        kept["fault"] = f"Benchling could not be asked: {error} Try again in a minute."
    row, _ = ConnectionTest.objects.update_or_create(
        **runs.app_key(),
        element=element,
        defaults={
            **storable(kept), "asked": storable(exchanges), "actor": actor, "at": timezone.now(),
            "api_url": public_address(config.api_url), "key_mark": secret_mark(config.api_key),
        },
    )  # fmt: skip
    return row


def _answer(status: int, size: int) -> str:
    meaning = f" ({MEANINGS[status]})" if status in MEANINGS else ""
    return f"{status}{meaning}, {number_of(size, 'byte')}"
