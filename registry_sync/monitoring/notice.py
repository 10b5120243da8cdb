"""What an alert says, in parts, so that each channel can lay it out in its own form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Notice:
    """The text of one message: `lines` are pairs of a label, which may be "", and a text.

    `lane` is the lane's name, and "" where the app feeds one.
    """

    text: str
    lines: tuple[tuple[str, str], ...] = ()
    lane: str = ""
    link: str = ""
    closing: str = ""

    def body(self) -> str:
        """Return all of it as plain text."""
        lines = [f"{label}: {text}" if label else text for label, text in self.lines]
        lane = f"{self.lane}: " if self.lane else ""
        link = f"Open: {self.link}" if self.link else ""
        return "\n\n".join(filter(None, [lane + self.text, *lines, link, self.closing]))

    def as_json(self) -> dict[str, Any]:
        """Return the parts as a JSON object."""
        return asdict(self)

    def facts(self) -> Iterator[tuple[str, str]]:
        """Yield the lines for a form, the lane first, and what has no label last."""
        if self.lane:
            yield "Lane", self.lane
        yield from (line for line in self.lines if line[0])
        for text in (*(text for label, text in self.lines if not label), self.closing):
            if text:
                yield "", text


def notice_of(parts: dict[str, Any]) -> Notice:
    """Return a notice from its JSON object."""
    lines = tuple((str(label), str(text)) for label, text in parts.get("lines", ()))
    return Notice(**{**parts, "lines": lines})
