"""One point of a check-up: what was looked at, how it is, and who does what about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

State = Literal["ok", "warning", "bad", "unseen"]


@dataclass(frozen=True, slots=True)
class Point:
    """`unseen` is what could not be looked at, or cannot be: it is neither well nor ill."""

    name: str
    state: State
    finding: str
    remedy: str = ""

    def stored(self) -> dict[str, Any]:
        """Give it as the database keeps it."""
        return asdict(self)


class Unseen(Exception):
    """This point cannot be looked at, for what another point says."""
