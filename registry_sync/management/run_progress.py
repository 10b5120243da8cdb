"""A run's progress on a terminal, and a dry run's findings line by line."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any

from registry_sync.models import Refusal, SyncRun
from registry_sync.reporting.session_messages import counts_sentence
from registry_sync.sync.delivery.dry_run_log import cause_line, predicted_causes
from registry_sync.sync.links import LINK_WAITS

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

SPOOLED = 1_000_000
"""Characters of changes that are kept in memory; more go to a temporary file."""
CHUNK = 1000


def _bar(out: Any) -> Progress:
    from rich import progress  # cron has no terminal
    from rich.console import Console

    console = Console(stderr=getattr(out, "_out", out) is sys.stderr)
    spinner = "dots" if console.encoding.startswith("utf") else "line"
    columns = progress.SpinnerColumn(spinner), progress.TextColumn("{task.description}")
    times = progress.BarColumn(), progress.TimeElapsedColumn()
    return progress.Progress(*columns, *times, console=console)


class RunProgress:
    """Listen to a run: show a bar on a terminal, and nothing elsewhere until the summary.

    What a dry run found is written to `out` at its end: the refused records by cause, then, with
    `details`, every change.
    """

    def __init__(self, terminal: bool, *, details: bool, out: Any) -> None:
        self.details, self.out = details, out
        self.bar: Progress | None = None
        self.task: TaskID | None = None
        self._logged: list[tuple[logging.StreamHandler[Any], Any]] = []
        self._changes = SpooledTemporaryFile(SPOOLED, "w+", encoding="utf-8")  # noqa: SIM115
        if terminal:
            self.bar = _bar(out)
            self.task = self.bar.add_task("Reading the configuration", total=None)

    def __enter__(self) -> RunProgress:
        if self.bar is not None:
            self.bar.start()
            self._log_above()
        return self

    def __exit__(self, *exc: object) -> None:
        for handler, stream in self._logged:
            handler.setStream(stream)
        self._logged.clear()
        if self.bar is not None:
            self.bar.stop()

    def _log_above(self) -> None:
        """Let log lines on the terminal go through rich, which writes them above the bar.

        Handlers hold the streams that rich has replaced.
        https://rich.readthedocs.io/en/stable/live.html#redirecting-stdout-stderr
        """
        for handler in logging.getLogger().handlers:
            stream = getattr(handler, "stream", None)
            if isinstance(handler, logging.StreamHandler) and stream and stream.isatty():
                self._logged.append((handler, handler.setStream(sys.stderr)))

    def progress(self, run: SyncRun) -> None:
        if self.bar is not None and self.task is not None:
            text = counts_sentence(run)
            self.bar.update(self.task, description=text, completed=run.read, total=run.source_total)

    def finding(self, external_id: str, outcome: str, details: Sequence[str]) -> None:
        if self.details and outcome != "refused":
            lines = [f"{external_id}: {outcome}", *(f"    {line}" for line in details)]
            self._changes.writelines(f"{line}\n" for line in lines)

    def write_findings(self, run: SyncRun) -> None:
        """Write what a dry run found: refusals first, and all of them."""
        rows = Refusal.objects.filter(run=run)
        for code, kind, count in predicted_causes(run):
            self.out.write(cause_line(code, kind, count))
            for row in rows.filter(code=code, kind=kind).order_by("pk").iterator(CHUNK):
                self.out.write(f"{row.external_id}: {'waits' if code == LINK_WAITS else 'refused'}")
                self.out.write(f"    {row.message} {row.remedy}")
        self._changes.seek(0)
        for line in self._changes:
            self.out.write(line.rstrip("\n"))
