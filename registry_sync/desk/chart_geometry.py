"""The geometry of the desk's pictures: bars of very different heights, and the lines behind them.

A first load writes thousands of records and a night's run two: heights follow the order of
magnitude, so that both are seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

STUB = 3.0
"""Height of a bar for nothing: there was a run, or a day, all the same."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar from the ground line up, as SVG wants it."""

    x: float
    y: float
    width: float
    height: float
    value: int

    @property
    def middle(self) -> float:
        return round(self.x + self.width / 2, 1)


@dataclass(frozen=True, slots=True)
class GridLine:
    """A line behind the bars, and the count that it stands for."""

    y: float
    value: int


def height_of(value: int, most: int, height: float) -> float:
    """Return the height of a count where `most` has the full `height`; each ten-fold is a step."""
    if value <= 0:
        return 0.0
    return round(height * math.log10(value + 1) / math.log10(max(most, 9) + 1), 1)


def bars(
    values: Sequence[int],
    *,
    places: int,
    width: float,
    height: float,
    left: float,
    gap: float = 0.2,
) -> list[Bar]:
    """Draw counts side by side up to the right end of `places`, with the ground at `height`."""
    step, most = width / places, max(values, default=0)
    left += step * (places - len(values))
    drawn = []
    for number, value in enumerate(values):
        tall = max(STUB, height_of(value, most, height))
        x = round(left + step * (number + gap / 2), 1)
        y = round(height - tall, 1)
        drawn.append(Bar(x, y, round(step * (1 - gap), 1), tall, value))
    return drawn


def percents(values: Sequence[float]) -> list[int]:
    """Return whole percentages that add up to 100: the largest rests are rounded up."""
    whole = sum(values)
    if not whole:
        return [0 for _ in values]
    exact = [100 * value / whole for value in values]
    found = [int(share) for share in exact]
    by_rest = sorted(range(len(exact)), key=lambda n: found[n] - exact[n])
    for number in by_rest[: 100 - sum(found)]:
        found[number] += 1
    return found


def grid_lines(most: int, *, height: float) -> list[GridLine]:
    """Return the lines for 1, 10, 100 … up to `most`."""
    values = [10**power for power in range(len(str(max(most, 9))))]
    return [
        GridLine(round(height - height_of(value, most, height), 1), value)
        for value in values
        if value <= max(most, 9)
    ]


def shares(seconds: Sequence[float], *, width: float) -> list[tuple[float, float]]:
    """Cut a line of `width` in parts by their length of time: where each begins, how long it is."""
    whole = sum(seconds)
    parts, at = [], 0.0
    for second in seconds:
        long = width * second / whole if whole else 0.0
        parts.append((round(at, 1), round(long, 1)))
        at += long
    return parts
