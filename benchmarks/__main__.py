"""`python -m benchmarks`: measure, side by side in one run, and write docs/benchmarks.md's table.

Nothing here passes or fails by time. What must hold at any speed (every record
arrived, nothing written twice, no exchange outside the contract) stops the run if it does not.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median

from sandbox.postgres import PostgresServer

from .checkout import checkout, describe
from .kept import ROWS, save
from .names import (
    BOTH,
    DLT,
    EDITED,
    FIRST,
    IN_FLIGHT,
    NOTHING,
    OURS,
    PAGES,
    PLAIN,
    READ,
    START,
)
from .rows import Row, ratios, table
from .used import Measured, Used
from .world import PEERS, ROOT, World

PAGE = ROOT / "docs" / "benchmarks.md"
Script = Callable[[World], Measured]
SHORT = 5
"""How many times a run of a few seconds is repeated; its median counts."""


def main() -> None:
    """Measure every requested size, print the tables and write them to the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--beside", metavar="COMMIT", help="measure this commit, too")
    parser.add_argument(
        "--service-only", action="store_true",
        help="leave out the plain script and dlt, which use no database",
    )  # fmt: skip
    parser.add_argument("--keep", action="store_true", help="write the tables to the page")
    given = parser.parse_args()
    with ExitStack() as stack:
        server = stack.enter_context(_postgres()) if given.database == "postgresql" else None
        services = {OURS: ROOT}
        if given.beside:
            folder = stack.enter_context(checkout(given.beside))
            services[f"{OURS} at {describe(folder)}"] = folder
        bench = Bench(services, server, scripts={} if given.service_only else scripts())
        for count in given.sizes:
            bench.measure(count)
    text = f"{table(bench.rows)}\n\n{ratios(bench.rows)}\n"
    print(text)
    if given.keep:
        keep(text, given.database)
    # The plots show the scripts beside SQLite's rows, so a run without them does not replace these.
    if given.keep and not (given.service_only and given.database == "sqlite"):
        save(ROWS[given.database], [row.kept() for row in bench.rows])


@contextmanager
def _postgres() -> Iterator[PostgresServer]:
    server = PostgresServer().start()
    try:
        yield server
    finally:
        server.stop()


def scripts() -> Mapping[str, Script]:
    """Return the clients that use no database: the plain script, and dlt where it is installed."""
    return {PLAIN: World.plain} | ({DLT: World.dlt} if os.path.exists(PEERS) else {})


@dataclass(slots=True)
class Bench:
    """The rows of one run. `services`: the folders of the service's code, by name."""

    services: dict[str, Path]
    server: PostgresServer | None
    scripts: Mapping[str, Script] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)

    def measure(self, count: int) -> None:
        """Give every contender the same work, each on servers of its own."""
        for who, run in self.scripts.items():
            self._script(count, who, run)
        for who, folder in self.services.items():
            self._service(count, who, folder)
        with World(count, server=self.server, granular=True) as world:
            self.note(count, FIRST, IN_FLIGHT, world.ours, written=count)

    def _script(self, count: int, who: str, run: Script) -> None:
        """Measure a script. dlt reads what changed since its last run; the plain one everything."""
        changed = count // 100
        with World(count) as world:
            self.note(count, FIRST, who, partial(run, world), written=count)
            world.edit(changed)
            written = count if who == PLAIN else changed
            self.note(count, EDITED, who, partial(run, world), written=written)

    def _service(self, count: int, who: str, folder: Path) -> None:
        changed = count // 100
        note = partial(self.note, count)
        with World(count, checkout=folder, server=self.server) as world:
            full = partial(world.ours, "--full")
            note(FIRST, who, world.ours, written=count)
            if who == OURS:
                note(READ, PAGES, world.bare_read, written=0, times=SHORT)
            note(READ, who, full, written=0, times=SHORT)
            world.look_at_everything()
            note(BOTH, who, full, written=0)
            if who == OURS:
                note(NOTHING, START, world.bare_start, written=0, times=SHORT)
            note(NOTHING, who, world.ours, written=0, times=SHORT)
            world.edit(changed)
            note(EDITED, who, world.ours, written=changed)

    def note(
        self,
        count: int,
        what: str,
        who: str,
        run: Callable[[], Measured],
        *,
        written: int,
        times: int = 1,
    ) -> None:
        """Measure one row; stop if a run failed, or wrote what it should not."""
        taken = [run() for _ in range(times)]
        for measured in taken:
            if measured.used.status or measured.written != written:
                raise SystemExit(f"{who}, {what}: {measured}, expected {written:,} objects written")
        row = Row(what, who, count, _middle(taken))
        print(f"{count:,} records, {what}, {who}: {row.measured.used.seconds:.1f} s", flush=True)
        self.rows.append(row)


def _middle(taken: list[Measured]) -> Measured:
    """Return the medians of runs that did the same."""
    used = [measured.used for measured in taken]
    middle = Used(
        median(u.seconds for u in used), median(u.cpu for u in used), max(u.peak for u in used), 0
    )
    last = taken[-1]
    return Measured(middle, last.written, last.requests, last.app_status, last.batches, last.tenant)


def machine(database: str) -> str:
    """Return on what was measured, as a sentence."""
    cores, system = os.cpu_count(), f"{platform.system()} {platform.machine()}"
    versions = f"Python {platform.python_version()}, {database}, commit {describe()}"
    return f"Measured on {cores} cores, {system}, {versions}.\n\n"


def keep(text: str, database: str) -> None:
    """Write the tables between the page's marks for this database."""
    start, end = f"<!-- measured on {database} -->\n", f"<!-- /measured on {database} -->"
    page = PAGE.read_text(encoding="utf-8")
    pattern = re.escape(start) + ".*?" + re.escape(end)
    block = start + machine(database) + text + end
    PAGE.write_text(re.sub(pattern, lambda _: block, page, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    main()
