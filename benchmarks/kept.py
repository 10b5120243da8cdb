"""Where the last measurements are kept, for the plots."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROWS = ROOT / "benchmarks" / "measured.json"
MILLION = ROOT / "benchmarks" / "million.json"
