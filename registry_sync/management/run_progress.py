"""A run's progress on a terminal, and a dry run's findings line by line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from registry_sync.models import SyncRun
from registry_sync.reporting.session_messages import counts_sentence


class RunProgress:
    """Listen to a run: show a bar on a terminal, and nothing elsewhere until the summary.

    Without `details`, only the refused records of a dry run are written to `out`.
    """

    def __init__(self, terminal: bool, *, details: bool, out: Any) -> None:
        self.details, self.out = details, out
        self.bar: Progress | None = None
        self.task = TaskID(0)
        if terminal:
            self.bar = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(),
                TimeElapsedColumn(),
                console=Console(),
            )
            self.task = self.bar.add_task("Reading the configuration", total=None)

    def __enter__(self) -> RunProgress:
        if self.bar is not None:
            self.bar.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self.bar is not None:
            self.bar.stop()

    def progress(self, run: SyncRun) -> None:
        if self.bar is not None:
            text = counts_sentence(run)
            self.bar.update(self.task, description=text, completed=run.read, total=run.source_total)

    def finding(self, external_id: str, outcome: str, details: Sequence[str]) -> None:
        if outcome == "refused" or self.details:
            self.out.write(f"{external_id}: {outcome}")
            for line in details:
                self.out.write(f"    {line}")
