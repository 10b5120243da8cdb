"""What commands share: exit statuses, and errors shown as a sentence instead of a traceback."""

from __future__ import annotations

import errno
import sys
from argparse import ArgumentTypeError
from csv import Error as CsvError
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from django.core import checks
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from registry_sync import __version__
from registry_sync.checks import TAG
from registry_sync.management.printable import Printable
from registry_sync.models import pending_migrations

FAILED, PROPOSED, USAGE = 1, 2, 64
"""PROPOSED: nothing was done yet, as a second person must confirm it."""
STANDARD = "-"
"""The name of a file that stands for standard output, or for standard input."""
UNMIGRATED = (
    "The database does not match this version: migrations are missing. The operator must run "
    "manage.py migrate."
)
REMEDY = "check DATABASE_URL, and whether manage.py migrate was run."
REMEDIES = {
    "disk is full": "make room on the disk of the database.",
    "No space left": "make room on the disk of the database.",
    "readonly database": "let this command's user write to the database's file and its folder.",
    "unable to open database file": "create the folder that DATABASE_URL names, and let this "
    "command's user write to it.",
    "permission denied": "make the user of DATABASE_URL the owner of the database.",
}
"""What to do, by a part of what the database says."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
FILE_REMEDIES = {
    **dict.fromkeys(NO_ROOM, "The operator must make room on the disk."),
    **dict.fromkeys(
        (errno.EACCES, errno.EPERM, errno.EROFS),
        "The operator must let this command's user write there, or name another place.",
    ),
    errno.ENOENT: "Check that it and its folder exist.",
    errno.EEXIST: "Name a new file.",
}
"""What to do about a file, by the system's error number."""


class OperatorCommand(BaseCommand):
    """A command for cron and people. Wrong usage exits with 64: argparse's 2 means warnings here.

    Django's own checks are left to `manage.py check`: cron would mail each of their hints.
    """

    requires_system_checks: list[str] = []

    def __init__(self, stdout: Any = None, stderr: Any = None, **more: Any) -> None:
        super().__init__(stdout, stderr, **more)
        self.stdout = Printable(stdout or sys.stdout)
        self.stderr = Printable(stderr or sys.stderr)
        self.stderr.style_func = self.style.ERROR

    def get_version(self) -> str:
        """Return the version of the service; Django's own says nothing to an operator."""
        return __version__

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.error = partial(wrong_usage, parser)  # type: ignore[method-assign]
        return parser

    def execute(self, *args: Any, **options: Any) -> str | None:
        for name in ("stdout", "stderr"):
            if options.get(name):  # Django wraps it, and ends the lines there
                options[name] = Printable(options[name], ending="")
        try:
            return super().execute(*args, **options)
        except DatabaseError as error:
            raise CommandError(database_sentence(error), returncode=FAILED) from error
        except OSError as error:
            if not (sentence := file_sentence(error)):
                raise
            raise CommandError(sentence, returncode=FAILED) from error


def refuse_misconfiguration() -> None:
    """Raise CommandError if the settings cannot work; hints are left to `manage.py check`."""
    serious = [message for message in checks.run_checks(tags=[TAG]) if message.is_serious()]
    if serious:
        lines = [f"{message.msg} {message.hint or ''}".strip() for message in serious]
        raise CommandError("\n".join(lines), returncode=FAILED)


def database_sentence(error: DatabaseError, *, migrating: bool = False) -> str:
    """Return in a line why the database cannot be used, and what the operator must do."""
    if not migrating and is_unmigrated():
        return UNMIGRATED
    why = " ".join(str(error).split()).rstrip(".")
    stop = "" if why.endswith("?") else "."
    return f"The database cannot be used: {why}{stop} The operator must {remedy_for(error)}"


def remedy_for(error: DatabaseError, otherwise: str = REMEDY) -> str:
    """Return what the operator must do about what the database says."""
    return next((cure for sign, cure in REMEDIES.items() if sign in str(error)), otherwise)


def file_sentence(error: OSError) -> str:
    """Return in a line which file cannot be used and what to do; "" if it is about no file."""
    remedy = FILE_REMEDIES.get(error.errno or 0, "")
    if error.filename is None and error.errno not in NO_ROOM:
        return ""
    file_name = error.filename or "The file that is written to"
    return f"{file_name} cannot be used: {error.strerror}. {remedy}".strip()


def is_unmigrated() -> bool:
    """Return whether the database answers but lacks migrations: waiting would not fix that."""
    try:
        return bool(pending_migrations.missing())
    except DatabaseError:
        return False


def new_file(text: str) -> Path:
    """Return the path of a file to write. Raise ArgumentTypeError for `-`.

    It is for files that cannot be standard output: binary ones, secrets, and what is signed, whose
    signature is a second file.
    """
    if text == STANDARD:
        raise ArgumentTypeError("it cannot be written to standard output. Name a file.")
    return Path(text)


def unreadable_file(path: Path, error: OSError | UnicodeDecodeError | CsvError) -> CommandError:
    """Return an error that says in one sentence why a file cannot be read."""
    if isinstance(error, FileNotFoundError):
        text = f"There is no file {path.absolute()}."
    elif isinstance(error, UnicodeDecodeError):
        text = f"{path} cannot be read: it is not UTF-8 text."
    else:
        text = f"{path} cannot be read: {getattr(error, 'strerror', None) or error}."
    return CommandError(text, returncode=USAGE)


def wrong_usage(parser: CommandParser, message: str) -> NoReturn:
    """Exit with 64 and the parser's usage. Raise CommandError if Python called the command."""
    if not parser.called_from_command_line:
        raise CommandError(message, returncode=USAGE)
    parser.print_usage(sys.stderr)
    parser.exit(USAGE, f"{parser.prog}: error: {message}\n")
