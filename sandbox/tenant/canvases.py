"""Canvases and the webhooks that people's clicks send: signed as Benchling signs them.

A click disables the canvas until the app draws it again, enabled.
"""

from __future__ import annotations

import json
import threading
import uuid
from typing import Any

import httpx

from .state import TenantState

Json = dict[str, Any]
SUFFIXES = {"v2.canvas": "/canvas", "v2-beta.canvas": "/canvas", "v2.app": "/lifecycle",
            "v2-beta.app": "/lifecycle"}  # fmt: skip
INTERACTIVE = ("BUTTON", "TEXT_INPUT")


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
    """Send one webhook and return the answer's status, or 0 without an answer."""
    body = json.dumps(envelope(state, app_id, message, base_url=base_url))
    webhook_id = f"msg_{uuid.uuid4().hex}"
    headers = state.signer.headers(
        body, webhook_id=webhook_id, timestamp=int(state.clock.now())
    )  # fmt: skip
    suffix = next((s for start, s in SUFFIXES.items() if message["type"].startswith(start)), "")
    try:
        answer = httpx.post(to + suffix, content=body, headers=headers, timeout=3)
        status = answer.status_code
    except httpx.HTTPError:
        status = 0
    state.webhooks.append({"type": message["type"], "status": status, "id": webhook_id})
    return status


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


def make(state: TenantState, app_id: str, body: Json) -> Json:
    """Make a canvas on a page."""
    id_ = state.new_id("cnvs")
    state.canvases[id_] = {
        "id": id_, "app": {"id": app_id}, "featureId": body["featureId"],
        "resourceId": body["resourceId"], "enabled": body.get("enabled", True),
        "blocks": body.get("blocks", []), "data": body.get("data"),
        "sessionId": body.get("sessionId"), "archiveRecord": None,
    }  # fmt: skip
    return state.canvases[id_]


def change(canvas: Json, body: Json) -> Json:
    """Change a canvas; blocks come as a whole."""
    for name in ("blocks", "data", "enabled", "featureId", "resourceId", "sessionId"):
        if name in body:
            canvas[name] = body[name]
    return canvas


def faults(blocks: list[Json]) -> list[str]:
    """Return what Benchling would refuse of a canvas's blocks."""
    flat = [b for block in blocks for b in (block, *block.get("children", ()))]
    ids = [b["id"] for b in flat if b.get("id")]
    found = [f"The block id {i} comes twice." for i in sorted(set(ids)) if ids.count(i) > 1]
    for block in flat:
        if block["type"] in INTERACTIVE and not block.get("id"):
            found.append(f"A {block['type']} needs an id.")
        if len(block.get("label") or "") > 50:
            found.append("A label has 50 characters at most.")
    return found


def insert(state: TenantState, app_id: str, resource_id: str, *, base_url: str) -> str:
    """Insert the app's canvas into an entry, as a scientist does."""
    canvas = make(state, app_id, {"featureId": "manual_sync", "resourceId": resource_id})
    canvas["enabled"] = False
    message = {"type": "v2.canvas.created", "canvasId": canvas["id"],
               "featureId": "manual_sync", "userId": "ent_ada"}  # fmt: skip
    send(state, app_id, message, base_url=base_url)
    return str(canvas["id"])


def press(
    state: TenantState, canvas_id: str, button: str, inputs: dict[str, str], *, base_url: str,
    user: str = "ent_ada",
) -> bool:  # fmt: skip
    """Press a button: keep inputs, disable the canvas, notify the app. False if disabled."""
    canvas = state.canvases[canvas_id]
    if not canvas["enabled"]:
        return False
    for block in canvas["blocks"]:
        if block.get("id") in inputs:
            block["value"] = inputs[block["id"]]
    canvas["enabled"] = False
    message = {"type": "v2.canvas.userInteracted", "buttonId": button, "canvasId": canvas_id,
               "featureId": canvas["featureId"], "userId": user}  # fmt: skip
    send(state, canvas["app"]["id"], message, base_url=base_url)
    return True
