"""The pictures of the first page: the last runs, and records and runs by day."""

from __future__ import annotations

from collections.abc import Sequence

from registry_sync.core.types import Json
from registry_sync.desk import chart_geometry as figures
from registry_sync.desk import run_history as history
from registry_sync.models import SyncRun

RUNS_WIDTH, DAYS_WIDTH, HEIGHT, LEFT = 1100.0, 720.0, 120.0, 44.0
"""Of the pictures, in their own units; LEFT is for the scale."""
NARROW = 0.6
"""The gap beside a run of some records only, as a share of its place; a sync has 0.2."""


def runs_picture(shown: Sequence[SyncRun]) -> Json:
    """Draw the last runs: heights of records handled, looks and signs of outcomes."""
    read = [run.read for run in shown]
    wide = _bars(read, history.RUNS, RUNS_WIDTH)
    narrow = _bars(read, history.RUNS, RUNS_WIDTH, gap=NARROW)
    drawn = [narrow[n] if history.is_partial_run(run) else wide[n] for n, run in enumerate(shown)]
    return {
        "bars": list(zip(shown, drawn, strict=True)),
        "lines": figures.grid_lines(max(read, default=0), height=HEIGHT),
    }


def days_picture(days: Sequence[history.Day]) -> Json:
    """Draw the last days: what was written, and above it what was refused."""
    most = max((day.written + day.refused for day in days), default=0)
    whole = [day.written + day.refused for day in days]
    drawn = []
    bars = _bars(whole, history.DAYS, DAYS_WIDTH)
    for day, bar in zip(days, bars, strict=True):
        refused = round(bar.height * day.refused / bar.value, 1) if bar.value else 0.0
        drawn.append((day, bar, refused))
    return {
        "bars": drawn,
        "lines": figures.grid_lines(most, height=HEIGHT) if most else [],
        "written": sum(day.written for day in days),
        "refused": sum(day.refused for day in days),
        "busy": [day for day in reversed(days) if day.written or day.refused],
        "firsts": [(day.day, bar.x) for day, bar, _ in drawn if day.day.day == 1],
    }


def _bars(values: list[int], places: int, width: float, gap: float = 0.2) -> list[figures.Bar]:
    return figures.bars(
        values, places=places, width=width - LEFT, height=HEIGHT, left=LEFT, gap=gap
    )
