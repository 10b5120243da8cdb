"""Webhooks: signed as Benchling signs them, and sent again until they are acknowledged.

https://docs.benchling.com/docs/getting-started-with-webhooks
"""

from __future__ import annotations

import json
import threading
import uuid
from functools import cache
from typing import Any

import httpx

from .state import TenantState

Json = dict[str, Any]
SUFFIXES = {"v2.canvas": "/canvas", "v2-beta.canvas": "/canvas", "v2.app": "/lifecycle",
            "v2-beta.app": "/lifecycle"}  # fmt: skip
ACKNOWLEDGED_WITHIN = 3.0


@cache
def _client() -> httpx.Client:
    """Return the client for all webhooks: to make one takes longer than to send a webhook."""
    return httpx.Client(
        timeout=ACKNOWLEDGED_WITHIN, limits=httpx.Limits(max_keepalive_connections=0)
    )


def envelope(state: TenantState, app_id: str, message: Json, *, base_url: str) -> Json:
    """Put a message into Benchling's envelope."""
    return {
        "version": "0",
        "baseURL": base_url,
        "tenantId": f"ten_{state.name}",
        "app": {"id": app_id},
        "appDefinition": {"id": state.apps[app_id]["definition"], "versionNumber": "1.0.0"},
        "channel": "app_signals",
        "message": {"deprecated": False, "excludedProperties": [], **message},
    }


def deliver(state: TenantState, app_id: str, message: Json, *, base_url: str, to: str) -> int:
    """Send one webhook until it is acknowledged; return the last status, 0 without an answer.

    Every attempt has the same id, and a signature of its own time. None is made after the tenant
    was stopped.
    """
    body = json.dumps(envelope(state, app_id, message, base_url=base_url))
    webhook_id = f"msg_{uuid.uuid4().hex}"
    suffix = next((s for start, s in SUFFIXES.items() if message["type"].startswith(start)), "")
    status, gap = 0, 0.0
    for _ in range(state.switches.webhook_attempts):
        if state.stopped.wait(min(gap, state.switches.longest_webhook_retry)):
            break
        gap = 2 * gap or state.switches.webhook_retry
        status = _post(state, to + suffix, body, webhook_id)
        state.webhooks.append({"type": message["type"], "status": status, "id": webhook_id})
        if 200 <= status < 300:
            break
    return status


def _post(state: TenantState, url: str, body: str, webhook_id: str) -> int:
    headers = state.signer.headers(
        body, webhook_id=webhook_id, timestamp=int(state.clock.now())
    )  # fmt: skip
    try:
        answer = _client().post(url, content=body, headers=headers)
    except httpx.HTTPError:
        return 0
    return answer.status_code


def send(state: TenantState, app_id: str, message: Json, *, base_url: str) -> None:
    """Send a webhook to the app's address from a thread, as Benchling does beside its work."""
    to = state.apps[app_id].get("webhook_url")
    if to:
        threading.Thread(
            target=deliver,
            args=(state, app_id, message),
            kwargs={"base_url": base_url, "to": to},
            daemon=True,
        ).start()
