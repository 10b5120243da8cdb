"""`manage.py backup`: one file with the database and the names of the settings."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from integration.environment import set_variables
from registry_sync.management.backups import BackupError, make
from registry_sync.management.operator import FAILED, OperatorCommand, new_file


class Command(OperatorCommand):
    help = (
        "Write a backup into FILE: the database, and the names of the variables that are set. "
        "Secrets and browser sessions are not in it. Runs may go on at the same time."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=new_file, help="a new file (mode 600)")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            about = make(path, set_variables())
        except BackupError as error:
            raise CommandError(str(error), returncode=FAILED) from None
        size = path.stat().st_size / 1_000_000
        self.stdout.write(f"{path} has the {about.database} database ({size:,.1f} MB).")
        self.stdout.write(
            "Keep the values of these variables elsewhere, for example in the team's password "
            f"store: {', '.join(about.settings)}."
        )
