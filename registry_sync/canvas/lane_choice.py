"""The lane that people choose in a canvas, where the app feeds several."""

from __future__ import annotations

from registry_sync import runs
from registry_sync.benchling.client import Client
from registry_sync.canvas import text as words
from registry_sync.core.text import storable
from registry_sync.core.types import Json
from registry_sync.models import Canvas, Lane

RECORD, LANE = "record", "lane"
"""The ids of a canvas's inputs."""


def read_inputs(canvas: Canvas, client: Client) -> str:
    """Return what the canvas's text field holds now: the webhook of a press does not say it.

    The lane that is chosen now is kept with the canvas.
    """
    typed = ""
    for block in _flat(client.canvas(canvas.canvas_id).get("blocks") or ()):
        if block.get("id") == RECORD:
            typed = storable(str(block.get("value") or "").strip()[:255])
        elif block.get("id") == LANE:
            canvas.lane = runs.LaneNames().find(str(block.get("value") or ""))
    return typed


def _flat(blocks: list[Json] | tuple[Json, ...]) -> list[Json]:
    return [inner for block in blocks for inner in (block, *(block.get("children") or ()))]


def chosen_lanes(canvas: Canvas, names: runs.LaneNames) -> list[Lane]:
    """Return the lanes that a press in the canvas is about: the chosen one, else all."""
    return [canvas.lane] if canvas.lane in names.lanes and canvas.lane else names.lanes


def choice(canvas: Canvas, names: runs.LaneNames) -> Json:
    """Return the block in which a lane is chosen."""
    of = chosen_lanes(canvas, names)
    return {
        "type": "SELECTOR_INPUT", "id": LANE, "label": words.LANE,
        "options": [words.EVERY_LANE, *names.choice()],
        "value": names.of(of[0]) if len(of) == 1 else words.EVERY_LANE,
        "required": False, "enabled": True,
    }  # fmt: skip
