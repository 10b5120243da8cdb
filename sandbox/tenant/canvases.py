"""Canvases, and people before them: a click disables one until the app draws it again, enabled.

https://docs.benchling.com/docs/introduction-to-app-canvas
"""

from __future__ import annotations

from typing import Any

from .state import TenantState
from .webhooks import send

Json = dict[str, Any]
INTERACTIVE = ("BUTTON", "TEXT_INPUT", "SELECTOR_INPUT")
LONGEST_DATA = 5000
"""Bytes that the data of a canvas may not reach."""


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
