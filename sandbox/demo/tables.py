"""What the demo shows of what happened."""

from __future__ import annotations

import sqlite3
from typing import Any

from rich.table import Table

from sandbox import registry
from sandbox.demo.world import COMPOUNDS, World, console


def show_refused(world: World, *, most: int = 6) -> None:
    """List the refused records and why, as the admin does."""
    database = sqlite3.connect(world.folder / "registry_sync.sqlite3")
    refused = database.execute(
        "SELECT message, remedy FROM registry_sync_entityerror WHERE closed_at IS NULL ORDER BY id"
    ).fetchall()
    database.close()
    for message, _ in refused[:most]:
        console.print(f"  [yellow]Refused[/yellow] {message}")
    if refused:
        console.print(f"  … {len(refused)} in total. How to fix the last one: {refused[-1][1]}")


def table(
    world: World, first: dict[str, Any], second: dict[str, int], session: dict[str, Any]
) -> None:
    """Show what happened."""
    shown = Table(title="What happened")
    shown.add_column("")
    shown.add_column("First sync", justify="right")
    shown.add_column("Second sync", justify="right")
    total = first["objects_written"]
    shown.add_row("Objects written to Benchling", f"{total:,}", f"{second['objects_written']:,}")
    shown.add_row("Not written", f"{COMPOUNDS - total:,}", "the same, still open")
    shown.add_row("Bulk upserts", str(first["bulk_calls"]), str(second["bulk_calls"]))
    console.print(shown)
    console.print("App Status in Benchling, as a scientist sees it:")
    for message in session["messages"]:
        console.print(f"  {message['content']}", markup=False)
    console.print(f"[dim]{registry.ATTRIBUTION}[/dim]")
