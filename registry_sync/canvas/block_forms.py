"""The blocks of a canvas as Benchling's API takes them.

https://docs.benchling.com/docs/introduction-to-canvas
"""

from __future__ import annotations

from registry_sync.canvas import text as words
from registry_sync.core.types import Json

LONGEST_TEXT = 4000


def markdown_block(name: str, text: str) -> Json:
    """Return a block of text, cut where Benchling would refuse it."""
    return {"type": "MARKDOWN", "id": name, "value": text[:LONGEST_TEXT]}


def button_section(name: str, buttons: list[str]) -> Json:
    """Return a section of buttons, by their ids."""
    children = [
        {"type": "BUTTON", "id": button, "text": words.BUTTONS[button], "enabled": True}
        for button in buttons
    ]
    return {"type": "SECTION", "id": name, "children": children}


def chip_section(name: str, entity_ids: list[str]) -> list[Json]:
    """Return a section of chips, which Benchling shows as links to entities."""
    chips = [
        {"type": "CHIP", "id": f"{name}_{i}", "value": id_} for i, id_ in enumerate(entity_ids)
    ]
    return [{"type": "SECTION", "id": name, "children": chips}] if chips else []


def text_input(name: str, label: str, value: str) -> Json:
    """Return the input in which people name a record."""
    return {
        "type": "TEXT_INPUT", "id": name, "label": label, "value": value,
        "placeholder": words.RECORD_EXAMPLE,
        "required": False, "enabled": True,
    }  # fmt: skip
