"""What commands share: their exit statuses, and faults told in a sentence, not by a traceback."""

from __future__ import annotations

import sys
from csv import Error as CsvError
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from django.core import checks
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from registry_sync.checks import TAG
from registry_sync.models import pending_migrations as migrated

FAILED, USAGE = 1, 64
UNMIGRATED = (
    "The database is not the one this version works with: migrations are missing. The operator "
    "runs manage.py migrate."
)


class OperatorCommand(BaseCommand):
    """A command for cron and people: 64 where it is used wrongly, for argparse's 2 means warnings.

    Django's own checks are left to `manage.py check`: cron would mail every hint of theirs.
    """

    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.error = partial(_wrong_usage, parser)  # type: ignore[method-assign]
        return parser

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except DatabaseError as error:
            told = UNMIGRATED if is_unmigrated() else (
                f"The database cannot be used: {str(error).strip()}. The operator checks "
                "DATABASE_URL, and whether manage.py migrate was run."
            )  # fmt: skip
            raise CommandError(told, returncode=FAILED) from error
        except OSError as error:
            if error.filename is None:
                raise
            raise CommandError(
                f"{error.filename} cannot be used: {error.strerror}.", returncode=FAILED
            ) from error


def refuse_misconfiguration() -> None:
    """Stop before anything is asked, where the settings cannot work; hints stay with `check`."""
    serious = [message for message in checks.run_checks(tags=[TAG]) if message.is_serious()]
    if serious:
        lines = [f"{message.msg} {message.hint or ''}".strip() for message in serious]
        raise CommandError("\n".join(lines), returncode=FAILED)


def is_unmigrated() -> bool:
    """Say whether the database answers but lacks migrations: then waiting for it mends nothing."""
    try:
        return bool(migrated.missing())
    except DatabaseError:
        return False


def unreadable(path: Path, error: OSError | UnicodeDecodeError | CsvError) -> CommandError:
    """Say in one sentence why a file that a person named cannot be read."""
    if isinstance(error, FileNotFoundError):
        told = f"There is no file {path.absolute()}."
    elif isinstance(error, UnicodeDecodeError):
        told = f"{path} cannot be read: it is no text in UTF-8."
    else:
        told = f"{path} cannot be read: {getattr(error, 'strerror', None) or error}."
    return CommandError(told, returncode=USAGE)


def _wrong_usage(parser: CommandParser, message: str) -> NoReturn:
    if not parser.called_from_command_line:
        raise CommandError(message, returncode=USAGE)
    parser.print_usage(sys.stderr)
    parser.exit(USAGE, f"{parser.prog}: error: {message}\n")
