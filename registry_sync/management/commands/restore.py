"""`manage.py restore`: read a backup into an empty database."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from integration.environment import set_variables
from registry_sync import runs
from registry_sync.management.backups import BackupError, restore_backup
from registry_sync.management.operator import FAILED, OperatorCommand


class Command(OperatorCommand):
    help = (
        "Read a backup into the database that DATABASE_URL names, which must be empty. "
        "What Benchling received since the backup is written again by the next run."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="what `backup` wrote")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            about = restore_backup(options["file"])
        except BackupError as error:
            raise CommandError(str(error), returncode=FAILED) from None
        self.stdout.write(f"The backup of {about.at} (version {about.version}) is restored.")
        if {"tenant": about.tenant, "app_id": about.app_id} != runs.app_key():
            self.stdout.write(
                f"It is of the app {about.app_id} in {about.tenant}. This deployment is set up for "
                "another one, which starts with no history."
            )
        if missing := sorted(set(about.settings) - set_variables()):
            self.stdout.write(f"Set there and not here: {', '.join(missing)}.")
        self.stdout.write(
            "Next: manage.py migrate, manage.py doctor, manage.py audit --verify, and "
            "manage.py sync_registry --full --dry-run before you turn on the schedule."
        )
