"""CSV for spreadsheets: no cell is a formula, and every text can be read back.

An apostrophe stands before a text that a spreadsheet would compute. It also stands inside a text,
after a semicolon, a tab or a line end: where the decimal sign is a comma, spreadsheets end a cell
there, whatever the quotes say.
https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

SIGNS = frozenset("=+-@＝＋－＠﹦﹢﹣﹫−")
"""What a formula begins with, also in the widths that spreadsheets take for the same."""

SEPARATORS = re.compile(r"(?<=[;\t\r\n])")
"""Where a spreadsheet may begin another cell or row inside a text."""


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
    return "".join(f"'{cell}" if is_risky else cell for cell, is_risky in _cells(text))


def original_text(cell: str) -> str:
    """Return the text of a cell that `spreadsheet_text` made."""
    text = "".join(part.removeprefix("'") if is_risky else part for part, is_risky in _cells(cell))
    return text if spreadsheet_text(text) == cell else cell


def _cells(text: str) -> Iterator[tuple[str, bool]]:
    """Yield what spreadsheets may take for cells, and whether an apostrophe is needed before it.

    That is so before a sign, and before a tab or a line end that begins the text.
    """
    for place, cell in enumerate(SEPARATORS.split(text)):
        bare = cell.lstrip("'")
        hides = place == 0 and bare[:1] in ("\t", "\r", "\n")
        yield cell, hides or _first_seen(bare) in SIGNS


def _first_seen(text: str) -> str:
    return next((sign for sign in text if not _is_unseen(sign)), "")


def _is_unseen(sign: str) -> bool:
    return sign.isspace() or unicodedata.category(sign) in ("Cc", "Cf")
