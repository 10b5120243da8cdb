"""`python -m benchmarks.million`: a registry of a million records, once, on PostgreSQL.

The tenant answers at once, so that a first load takes minutes: what is measured is the service's
own time and memory, and that of its pages and commands on what is stored by then.
"""

from __future__ import annotations

import argparse
from functools import partial

from sandbox.postgres import PostgresServer

from . import desk
from .__main__ import Bench, machine
from .kept import MILLION, ROWS, save, saved
from .names import EDITED, FIRST, NOTHING, OURS, READ
from .rows import Row, memory, table
from .used import Used
from .world import ROOT, World

FAST = {"latency": 0.0, "task_base": 0.0, "task_per_entity": 0.0, "contract": "off",
        "rate_limit": 0}  # fmt: skip


def main() -> None:
    """Load a million records, repeat what runs every day, and time commands and pages on it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    count = parser.parse_args().count
    server = PostgresServer().start()
    try:
        bench = Bench({OURS: ROOT}, server)
        with World(count, server=server, tenant=FAST) as world:
            note = partial(bench.note, count)
            note(FIRST, OURS, world.ours, written=count)
            note(READ, OURS, partial(world.ours, "--full"), written=0)
            note(NOTHING, OURS, world.ours, written=0)
            world.edit(count // 100)
            note(EDITED, OURS, world.ours, written=count // 100)
            audit = world.manage("audit", "--verify")
            pages = desk.pages_of(world.database)
    finally:
        server.stop()
    print(report(bench.rows, audit, pages))
    save(MILLION, [row.kept() for row in bench.rows])


def report(rows: list[Row], audit: Used, pages: str) -> str:
    """Return what was measured, in Markdown; memory beside that of smaller loads."""
    beside = memory([Row.of(row) for row in saved(ROWS["postgresql"])] + rows)
    said = f"`manage.py audit --verify` took {audit.seconds:.0f} s, {audit.cpu:.0f} s of CPU and "
    said += f"{audit.peak:.0f} MB at its peak; it ended with {audit.status}."
    return f"{machine('postgresql')}{table(rows)}\n\n{beside}\n\n{said}\n\n{pages}\n"


if __name__ == "__main__":
    main()
