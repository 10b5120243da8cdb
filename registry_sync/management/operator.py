"""What commands share: their exit statuses, and faults told in a sentence, not by a traceback."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any, NoReturn

from django.core import checks
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from registry_sync.checks import TAG

FAILED, USAGE = 1, 64


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
            raise CommandError(
                f"The database cannot be used: {str(error).strip()}. The operator checks "
                "DATABASE_URL, and whether manage.py migrate was run.",
                returncode=FAILED,
            ) from error
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


def _wrong_usage(parser: CommandParser, message: str) -> NoReturn:
    if not parser.called_from_command_line:
        raise CommandError(message, returncode=USAGE)
    parser.print_usage(sys.stderr)
    parser.exit(USAGE, f"{parser.prog}: error: {message}\n")
