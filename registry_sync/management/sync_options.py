"""The options of `manage.py sync_registry`, and the run that they ask for."""

from __future__ import annotations

import getpass
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandError
from django.utils.dateparse import parse_date, parse_datetime

from registry_sync.management.lane_options import add_lane_argument
from registry_sync.management.operator import USAGE
from registry_sync.models import SyncRun


def add_sync_options(parser: ArgumentParser) -> None:
    """Add the options that say which run is wanted, and how it is shown."""
    add_lane_argument(parser, "sync one lane only")
    parser.add_argument("--full", action="store_true", help="read every record")
    parser.add_argument(
        "--since", metavar="TIME", help="read what changed since TIME; keep the watermark"
    )
    parser.add_argument(
        "--only", metavar="ID,…", help="sync only these records; keep the watermark"
    )
    parser.add_argument("--retry-failed", action="store_true", help="retry every open error")
    parser.add_argument(
        "--dry-run", action="store_true", help="show what would happen; write nothing"
    )
    parser.add_argument(
        "--details",
        action="store_true",
        help="with --dry-run: show every record, field by field",
    )
    parser.add_argument("--enqueue", action="store_true", help="let the workers do the run")
    parser.add_argument(
        "--by-hand",
        action="store_true",
        help="record you as the one who started the run, not cron",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="write one JSON object per lane to standard output, and all else to standard error",
    )
    parser.add_argument(
        "--quiet", action="store_true", help="write nothing if the exit status is 0"
    )


def wanted_run(options: dict[str, Any]) -> dict[str, Any]:
    """Return options as a request. Raise CommandError 64 if they cannot be combined."""
    chosen = [
        name
        for name in ("full", "since", "only", "retry_failed")
        if options[name] not in (None, False)
    ]
    if len(chosen) > 1:
        raise _usage(
            " and ".join(f"--{name.replace('_', '-')}" for name in chosen) + " cannot be combined."
        )
    if options["dry_run"] and (options["retry_failed"] or options["enqueue"]):
        raise _usage("--dry-run cannot be combined with --retry-failed or --enqueue.")
    if options["json"] and options["quiet"]:
        raise _usage("--json and --quiet cannot be combined.")
    if options["details"] and not options["dry_run"]:
        raise _usage("--details needs --dry-run.")
    only = [part.strip() for part in (options["only"] or "").split(",") if part.strip()]
    if options["only"] is not None and not only:
        raise _usage("--only names no record: write ids, separated by commas.")
    kind = SyncRun.Kind.INCREMENTAL
    if options["dry_run"]:
        kind = SyncRun.Kind.DRY_RUN
    elif options["full"]:
        kind = SyncRun.Kind.FULL
    elif options["retry_failed"]:
        kind = SyncRun.Kind.RETRY
    by_hand = options["by_hand"]
    return {
        "kind": kind,
        "reads_all": bool(options["full"]),
        "since": _time_of(options["since"]) if options["since"] is not None else None,
        "only": only,
        "trigger": SyncRun.Trigger.COMMAND if by_hand else SyncRun.Trigger.SCHEDULE,
        "actor": getpass.getuser() if by_hand else "",
    }


def _time_of(text: str) -> datetime:
    try:
        when = parse_datetime(text)
        day = parse_date(text) if when is None else None
    except ValueError:
        when = day = None
    if when is None and day is not None:
        when = datetime(day.year, day.month, day.day)
    if when is None:
        raise _usage(
            f"--since {text or '(empty)'} is not a time: write 2026-01-05 or 2026-01-05T14:30:00Z."
        )
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _usage(text: str) -> CommandError:
    return CommandError(text, returncode=USAGE)
