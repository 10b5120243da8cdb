"""CSV for spreadsheets: no cell is a formula, and every text can be read back.

An apostrophe stands before a text that a spreadsheet would compute.
https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterable
from typing import Any, Protocol

SIGNS = frozenset("=+-@＝＋－＠﹣−")
"""What a formula begins with, also in the widths that spreadsheets take for the same."""


class Out(Protocol):
    """What a CSV is written to."""

    def write(self, text: str, /) -> Any:
        """Write some text."""


class SheetWriter:
    """Writes the rows of a CSV with every text made safe."""

    def __init__(self, out: Out) -> None:
        self._writer = csv.writer(out)

    def writerow(self, cells: Iterable[Any]) -> Any:
        """Write a row; return what the file's `write` returns."""
        return self._writer.writerow(
            [spreadsheet_text(cell) if isinstance(cell, str) else cell for cell in cells]
        )


def spreadsheet_text(text: str) -> str:
    """Return a text that no spreadsheet computes."""
    return f"'{text}" if _is_formula(text.lstrip("'")) else text


def original_text(cell: str) -> str:
    """Return the text of a cell that `spreadsheet_text` made."""
    return cell[1:] if cell.startswith("'") and spreadsheet_text(cell[1:]) == cell else cell


def _is_formula(text: str) -> bool:
    """Return whether a text begins with a sign, or with a tab or line end, which hide one."""
    if text[:1] in ("\t", "\r", "\n"):
        return True
    return next((sign for sign in text if not _is_unseen(sign)), "") in SIGNS


def _is_unseen(sign: str) -> bool:
    return sign.isspace() or unicodedata.category(sign) in ("Cc", "Cf")
