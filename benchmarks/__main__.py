"""`python -m benchmarks`: measure, side by side in one run, and write docs/benchmarks.md's table.

Nothing here passes or fails by time. What must hold at any speed (every record
arrived, nothing written twice, no exchange outside the contract) stops the run if it does not.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from .world import Measured, World

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
START, END = "<!-- measured -->\n", "<!-- /measured -->"


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


HEAD = ["", "who", "records", "seconds", "CPU s", "peak MB", "objects written",
        "requests / 1,000 records"]  # fmt: skip


def main() -> None:
    """Measure every requested size, print the table and write it to the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--keep", action="store_true", help="write the table to docs/benchmarks.md")
    given = parser.parse_args()
    rows: list[Row] = []
    for count in given.sizes:
        rows += measure(count)
    text = table(rows) + "\n" + "\n".join(ratios(rows)) + "\n"
    print(text)
    if given.keep:
        keep(text)


def measure(count: int) -> list[Row]:
    """Run both contenders on the same work, each with its own servers."""
    rows: list[Row] = []

    def note(what: str, who: str, run: Callable[[], Measured], *, written: int) -> None:
        measured = run()
        print(f"{count:,} records, {what}, {who}: {measured.used.seconds:.1f} s", flush=True)
        if measured.used.status or measured.written != written:
            raise SystemExit(f"{who}, {what}: {measured}, expected {written:,} objects written")
        rows.append(Row(what, who, count, measured))

    changed = count // 100
    with World(count) as world:
        note("first load", "plain script", world.plain, written=count)
        world.edit(changed)
        note("1 % changed", "plain script", world.plain, written=count)
    with World(count) as world:
        full = partial(world.ours, "--full")
        note("first load", "Registry Sync", world.ours, written=count)
        note("nothing changed, all read", "Registry Sync", full, written=0)
        world.look_at_everything()
        note("nothing changed, both sides read", "Registry Sync", full, written=0)
        note("nothing changed", "Registry Sync", world.ours, written=0)
        world.edit(changed)
        note("1 % changed", "Registry Sync", world.ours, written=changed)
    return rows


def table(rows: list[Row]) -> str:
    lines = [HEAD, ["---", "---"] + ["---:"] * (len(HEAD) - 2), *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def ratios(rows: list[Row]) -> list[str]:
    """Return the ratios as sentences."""
    by = {(row.what, row.who, row.count): row.measured for row in rows}
    sizes = sorted({row.count for row in rows})
    said = []
    for count in sizes:
        plain, ours = (by["first load", who, count] for who in ("plain script", "Registry Sync"))
        said.append(f"- First load of {count:,}: {plain.used.seconds / ours.used.seconds:.2f} "
                    "times as fast as the plain script.")  # fmt: skip
        plain, ours = (by["1 % changed", who, count] for who in ("plain script", "Registry Sync"))
        said.append(f"- 1 % of {count:,} changed: {plain.written / ours.written:.0f} times fewer "
                    f"objects written, {plain.used.seconds / ours.used.seconds:.0f} times as "
                    "fast.")  # fmt: skip
    small, large = (by["first load", "Registry Sync", count] for count in (sizes[0], sizes[-1]))
    if small is not large:
        said.append(f"- Peak memory from {sizes[0]:,} to {sizes[-1]:,} records: "
                    f"{large.used.peak / small.used.peak:.2f} times.")  # fmt: skip
    return said


def machine() -> str:
    database = os.environ.get("DATABASE_URL", "sqlite").partition(":")[0]
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True,
        check=False,
    ).stdout.strip()  # fmt: skip
    return (f"Measured on {os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
            f"Python {platform.python_version()}, {database}, commit {commit}.\n\n")  # fmt: skip


def keep(text: str) -> None:
    """Write the table between the page's marks."""
    page = PAGE.read_text(encoding="utf-8")
    pattern = re.escape(START) + ".*?" + re.escape(END)
    block = START + machine() + text + END
    PAGE.write_text(re.sub(pattern, lambda _: block, page, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    main()
