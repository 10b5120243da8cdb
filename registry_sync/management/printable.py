"""Output in which names and values of other systems cannot steer a terminal."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.core.management.base import OutputWrapper

STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""Control characters but for tabs and line breaks, and what turns the direction of a line."""


class Printable(OutputWrapper):
    """Writes control characters as JSON would, so that `--json` stays the same JSON."""

    def write(  # type: ignore[override] # as in OutputWrapper
        self, msg: str = "", style_func: Callable[[str], str] | None = None, ending: Any = None
    ) -> None:
        """Write a text; colours of this service are added after it was made printable."""
        super().write(STEERING.sub(_escaped, msg), style_func, ending)


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
