"""`manage.py prune`: delete what the settings no longer keep."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from registry_sync.core import stopping
from registry_sync.core.text import number_of
from registry_sync.core.types import Json
from registry_sync.jobs.pruning.prune import Outcome, prune
from registry_sync.management.operator import FAILED, OperatorCommand, refuse_misconfiguration
from registry_sync.management.run_json import time_json


class Command(OperatorCommand):
    help = (
        "Delete runs, logs, errors, raw records and deliveries that are older than the settings "
        "KEEP_…_DAYS keep them. The history of changes stays, and so does what it names; "
        "manage.py audit --forget-before deletes from it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="delete nothing, only count")
        parser.add_argument("--json", action="store_true", help="write JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_misconfiguration()
        dry_run = options["dry_run"]
        with stopping.deferring_sigterm():
            try:
                found = prune(dry_run=dry_run)
            except stopping.Stopping:
                text = "Stopped. What was deleted stays deleted; the next call continues."
                raise CommandError(text, returncode=FAILED) from None
        if options["json"]:
            report = {"dry_run": dry_run, "kinds": [_json(outcome) for outcome in found]}
            self.stdout.write(json.dumps(report, indent=2))
            return
        for outcome in found:
            self.stdout.write(_line(outcome, dry_run=dry_run))


def _line(outcome: Outcome, *, dry_run: bool) -> str:
    name = outcome.name.replace("_", " ")
    if outcome.days is None:
        return f"{name}: kept for ever ({outcome.setting})"
    verb = "would be deleted" if dry_run else "deleted"
    return (
        f"{name}: {number_of(outcome.rows, 'row')} before {outcome.before:%Y-%m-%d %H:%M} UTC "
        f"{verb} ({outcome.setting}={outcome.days})"
    )


def _json(outcome: Outcome) -> Json:
    return {
        "name": outcome.name,
        "setting": outcome.setting,
        "days": outcome.days,
        "before": time_json(outcome.before),
        "rows": outcome.rows,
    }
