"""What was measured, as rows of a table, and what they come to beside each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .names import BOTH, DLT, FIRST, IN_FLIGHT, NOTHING, OURS, PAGES, PLAIN, READ, START
from .used import Measured, Used
from .world import TENANT

HEAD = ["", "who", "records", "seconds", "CPU s", "peak MB", "objects written",
        "requests / 1,000 records"]  # fmt: skip
LIST_REQUESTS = 100 * 300 / 30
"""Entities a second that Benchling's limit of requests lets anyone list, 100 in each."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    what: str
    who: str
    count: int
    measured: Measured

    def cells(self) -> list[str]:
        m = self.measured
        per_thousand = (m.requests - m.app_status) / (self.count / 1000)
        return [
            self.what, self.who, f"{self.count:,}", f"{m.used.seconds:.1f}", f"{m.used.cpu:.2f}",
            f"{m.used.peak:.0f}", f"{m.written:,}", f"{per_thousand:.2f}",
        ]  # fmt: skip

    def kept(self) -> dict[str, Any]:
        """Return the row as JSON, for the plots."""
        return asdict(self)

    @classmethod
    def of(cls, kept: dict[str, Any]) -> Row:
        """Return a row as `kept`."""
        used = Used(**kept["measured"].pop("used"))
        return cls(**kept | {"measured": Measured(used=used, **kept["measured"])})


@dataclass(frozen=True, slots=True)
class Ratio:
    """Two measurements of one run beside each other, or one alone, and what it should reach."""

    what: str
    count: int
    value: float
    goal: str
    digits: int = 2

    def cells(self) -> list[str]:
        value = f"{self.value:.{self.digits}f}"
        return [self.what, f"{self.count:,}", value, self.goal, self._met(float(value))]

    def _met(self, shown: float) -> str:
        """Return whether the value, as it is shown, reaches the goal; "" without a goal."""
        if not self.goal:
            return ""
        sign, goal = self.goal.split()
        return "yes" if (shown >= float(goal) if sign == "≥" else shown <= float(goal)) else "no"


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a table in Markdown."""
    lines = [HEAD, ["---", "---"] + ["---:"] * (len(HEAD) - 2), *(row.cells() for row in rows)]
    return _markdown(lines)


def ratios(rows: Sequence[Row]) -> str:
    """Return the ratios of rows as a table in Markdown."""
    found = [ratio for count in sorted({r.count for r in rows}) for ratio in _ratios(rows, count)]
    return _beside_goals([*found, *_memory(rows)])


def memory(rows: Sequence[Row]) -> str:
    """Return the peaks of first loads, and how they grow, as a table in Markdown."""
    return _beside_goals(_memory(rows))


def _beside_goals(found: Iterable[Ratio]) -> str:
    head = [["", "records", "ratio or MB", "goal", "met"], ["---", "---:", "---:", "---", "---"]]
    return _markdown([*head, *(ratio.cells() for ratio in found)])


def _ratios(rows: Sequence[Row], count: int) -> Iterator[Ratio]:
    by = {(row.what, row.who): row.measured for row in rows if row.count == count}

    def of(what: str, top: float, bottom: float, goal: str = "") -> Ratio:
        return Ratio(what, count, top / bottom, goal)

    ours, plain, dlt = by[FIRST, OURS].used, by.get((FIRST, PLAIN)), by.get((FIRST, DLT))
    if plain is not None:
        words = f"First load, seconds: plain script ÷ {OURS}"
        yield of(words, plain.used.seconds, ours.seconds, "≥ 1.35")
    for who, flights, goal in ((OURS, 1, "≥ 0.93"), (IN_FLIGHT, 4, "≥ 0.85")):
        if m := by.get((FIRST, who)):
            words = f"First load, seconds: least for its batches ÷ {who}"
            least = _ideal(m, count) / flights
            yield of(words, least, m.used.seconds, goal)
            words = f"First load, seconds: the same, and what the sandbox computes ÷ {who}"
            yield of(words, least + m.tenant, m.used.seconds)
    if plain is not None:
        yield of(f"First load, CPU: {OURS} ÷ plain script", ours.cpu, plain.used.cpu, "≤ 0.65")
    if dlt is not None:
        yield of(f"First load, seconds: dlt ÷ {OURS}", dlt.used.seconds, ours.seconds)
        yield of(f"First load, CPU: {OURS} ÷ dlt", ours.cpu, dlt.used.cpu)
    full, bare = by[READ, OURS].used, by[READ, PAGES].used
    yield of(f"All read, seconds: {OURS} ÷ requests alone", full.seconds, bare.seconds, "≤ 1.2")
    yield of(f"All read, CPU: {OURS} ÷ requests alone", full.cpu, bare.cpu, "≤ 4")
    both, limit = by[BOTH, OURS].used.seconds, count / LIST_REQUESTS
    yield of(f"Both sides, seconds: {OURS} ÷ the limit of requests", both, limit, "≤ 1.4")
    nothing, start = by[NOTHING, OURS].used, by[NOTHING, START].used
    words = f"Nothing changed, seconds: {OURS} ÷ Django and the SDK"
    yield of(words, nothing.seconds, start.seconds, "≤ 1.25")
    yield of(f"Nothing changed, CPU: {OURS} ÷ Django and the SDK", nothing.cpu, start.cpu, "≤ 1.25")
    yield from _beside_old(by, count)


def _beside_old(by: dict[tuple[str, str], Measured], count: int) -> Iterator[Ratio]:
    """Compare with another commit of the service, where one was measured."""
    for (what, who), old in by.items():
        if who.startswith(f"{OURS} at "):
            new, shown = by[what, OURS].used, what[0].upper() + what[1:]
            yield Ratio(f"{shown}, seconds: {OURS} ÷ {who}", count,
                        new.seconds / old.used.seconds, "")  # fmt: skip
            yield Ratio(f"{shown}, CPU: {OURS} ÷ {who}", count,
                        new.cpu / old.used.cpu, "")  # fmt: skip


def _ideal(measured: Measured, count: int) -> float:
    """Return the seconds that the tenant itself needs for a load in batches of this size."""
    each = TENANT["task_base"] + TENANT["latency"]
    return float(measured.batches * each + count * TENANT["task_per_entity"])


def _memory(rows: Sequence[Row]) -> Iterator[Ratio]:
    loads = sorted((row.count, row.measured.used.peak) for row in rows
                   if (row.what, row.who) == (FIRST, OURS))  # fmt: skip
    for count, peak in loads:
        yield Ratio("First load, peak memory in MB", count, peak, "≤ 115", digits=1)
    if len(loads) > 1:
        (small, least), (large, most) = loads[0], loads[-1]
        yield Ratio(f"Peak memory: {large:,} ÷ {small:,} records", large, most / least, "≤ 1.05")


def _markdown(lines: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
