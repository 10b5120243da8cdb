"""Where sync_registry writes: plainly, as JSON, or only if something is wrong."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand

from registry_sync import runs
from registry_sync.core.types import Json
from registry_sync.management.lane_work import LaneWork
from registry_sync.management.operator import FAILED
from registry_sync.management.printable import Printable
from registry_sync.management.run_json import run_json


@contextmanager
def output_mode(
    command: BaseCommand, options: Mapping[str, Any], ended: Sequence[LaneWork]
) -> Iterator[None]:
    """Let a command write as `--json` and `--quiet` ask.

    With `--json`, what became of the lanes in `ended` is written at the end, one object a line, and
    all else goes to standard error. With `--quiet`, nothing is written if the exit status is 0, and
    otherwise everything once: the log has errors only, without what the summary says.
    """
    plain, buffer, status = command.stdout, io.StringIO(), FAILED
    logger = logging.getLogger("registry_sync")
    level, handlers = logger.level, logging.getLogger().handlers
    if options["quiet"]:
        command.stdout = Printable(buffer)
        logger.setLevel(logging.ERROR)
        for handler in handlers:
            handler.addFilter(_is_news)
    elif options["json"]:
        command.stdout = Printable(options.get("stderr") or sys.stderr)
    try:
        yield
        status = 0
    except SystemExit as end:
        status = int(end.code or 0)
        raise
    finally:
        command.stdout = plain
        logger.setLevel(level)
        for handler in handlers:
            handler.removeFilter(_is_news)
        if status:
            plain.write(buffer.getvalue(), ending="")
        if options["json"]:
            for work in ended:
                plain.write(json.dumps(lane_json(work), ensure_ascii=False))


def _is_news(record: logging.LogRecord) -> bool:
    return not getattr(record, "in_summary", False)


def lane_json(work: LaneWork) -> Json:
    """Return what became of a lane, as docs/commands.schema.json describes it."""
    names, lane = runs.LaneNames(), work.lane
    queued = bool(work.runs) and not work.busy and work.runs[-1].is_active
    return {
        "lane": names.of(lane) or None,
        "schema_id": lane.schema_id if lane else None,
        "outcome": "queued" if queued else work.outcome.value,
        "busy": work.busy or None,
        "open_errors": runs.open_errors(lane).count() if lane else 0,
        "runs": [run_json(run, names) for run in work.runs],
    }
