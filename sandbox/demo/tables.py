"""What the demo shows of what happened, from the service's database."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from sandbox.demo.world import World, console

COUNTS = ("read", "created", "updated", "archived", "failed")
RUNS = """
SELECT lane.schema_name, run.read, run.created, run.updated, run.archived, run.failed
FROM registry_sync_syncrun run JOIN registry_sync_lane lane ON lane.id = run.lane_id
WHERE run.id > ? ORDER BY run.id
"""
OPEN = """
SELECT lane.schema_name, error.external_id, error.code, error.message, error.remedy
FROM registry_sync_entityerror error JOIN registry_sync_lane lane ON lane.id = error.lane_id
WHERE error.closed_at IS NULL ORDER BY error.id
"""


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that is not in Benchling, and why."""

    lane: str
    record: str
    code: str
    message: str
    remedy: str


def rows(world: World, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a query of the service's database."""
    with contextlib.closing(sqlite3.connect(world.folder / "registry_sync.sqlite3")) as database:
        return database.execute(query, values).fetchall()


def last_run(world: World) -> int:
    """Return the number of the newest run, 0 before the first."""
    return int(rows(world, "SELECT coalesce(max(id), 0) FROM registry_sync_syncrun")[0][0])


def counts(world: World, *, after: int) -> dict[str, dict[str, int]]:
    """Return what each lane's run did, of the runs after one: counts by lane."""
    return {lane: dict(zip(COUNTS, found, strict=True))
            for lane, *found in rows(world, RUNS, after)}  # fmt: skip


def refused(world: World) -> list[Refused]:
    """Return what is not in Benchling now."""
    return [Refused(*row) for row in rows(world, OPEN)]


def show_refused(world: World, *, most: int = 3) -> None:
    """List the refused records of each lane and why, as the desk does."""
    found = refused(world)
    for lane in dict.fromkeys(error.lane for error in found):
        ours = [error for error in found if error.lane == lane]
        for error in ours[:most]:
            console.print(f"  [yellow]{lane}[/yellow] {error.message}", soft_wrap=True)
        console.print(f"  … {len(ours)} of {lane} in total. {ours[-1].remedy}", soft_wrap=True)


def show_counts(title: str, found: dict[str, dict[str, int]]) -> None:
    """Show what each lane's run did."""
    shown = Table(title=title)
    shown.add_column("Lane")
    for name in COUNTS:
        shown.add_column(name.capitalize(), justify="right")
    for lane, numbers in found.items():
        shown.add_row(lane, *(f"{numbers[name]:,}" for name in COUNTS))
    console.print(shown)


def show_session(session: dict[str, Any]) -> None:
    """Show a run's App Status as a scientist sees it."""
    console.print(f"App Status in Benchling, of {session['name']}:")
    for message in session["messages"]:
        console.print(f"  {message['content']}", markup=False)
