"""Where the last measurements are kept, for the plots."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "benchmarks"
ROWS = {
    "sqlite": FOLDER / "measured.json",
    "postgresql": FOLDER / "measured-postgresql.json",
}
MILLION = FOLDER / "million.json"


def save(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Keep rows of a table."""
    path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def saved(path: Path) -> list[dict[str, Any]]:
    """Return the rows that are kept there: none if nothing was measured yet."""
    return list(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else []
