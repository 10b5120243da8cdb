"""The command line: `manage.py` in a checkout, `registry-sync` where the package is installed.

Beside Django's commands it has `web`, which serves by gunicorn with the settings that come with
this package, and what other distributions add as entry points of `registry_sync.commands`, such as
`demo` of registry-sync-sandbox.
"""

from __future__ import annotations

import codecs
import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.db import DatabaseError

ESCAPES = "registry_sync.escapes"
PLAIN = "registry_sync.plain"
PLAIN_CHARACTERS = dict.fromkeys("“”„‘’", "'") | {
    "…": "...", "–": "-", "—": "-", "→": "->", "←": "<-", "›": ">", "•": "*", "≈": "~",
}  # fmt: skip
"""What a terminal without them shows for the characters of this service's own sentences. None ends
a string of JSON."""
GROUP = "registry_sync.commands"
READER_GONE = 141
"""As a shell says of a program that SIGPIPE ended."""
HERE = Path(__file__).resolve().parent
SETTINGS = HERE / "gunicorn.conf.py"
COMMANDS = HERE.parent / "registry_sync" / "management" / "commands"


def main() -> None:
    """Run one command with the arguments of this process."""
    try:
        _run()
    except BrokenPipeError:
        sys.exit(READER_GONE)
    finally:
        _flush(sys.stdout)


def _flush(stream: Any) -> None:
    """Write what is left. A reader that has read enough, such as `head`, is no error.

    https://docs.python.org/3/library/signal.html#note-on-sigpipe
    """
    try:
        stream.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _run() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "integration.settings")
    escape_in(sys.stdout, sys.stderr)
    if os.environ.get("TERM") == "dumb" or os.environ.get("NO_COLOR"):
        os.environ.setdefault("DJANGO_COLORS", "nocolor")  # Django asks neither
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if "-" in name and (COMMANDS / f"{name.replace('-', '_')}.py").exists():
        sys.argv[1] = name = name.replace("-", "_")  # as people write `upgrade-check`
    if name == "--version":
        from registry_sync import __version__

        print(__version__)
    elif name == "web":
        _serve(sys.argv[2:])
    elif (command := _added(name)) is not None:
        sys.argv = [f"registry-sync {name}", *sys.argv[2:]]
        sys.exit(command())
    else:
        _manage()


def escape_in(*streams: Any) -> None:
    """Let streams escape what their encoding has not: the service writes more than ASCII.

    A terminal shows quotes, dashes and arrows as plain ones. What goes elsewhere may be read by a
    program: an escape has the form that JSON reads, so that JSON stays the same in any encoding.
    """
    codecs.register_error(ESCAPES, _escaped)
    codecs.register_error(PLAIN, _plain)
    for stream in streams:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=PLAIN if stream.isatty() else ESCAPES)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """Return the escapes of the characters that cannot be encoded, and where to go on."""
    characters, end = _not_encoded(error)
    return "".join(map(_escape, characters)), end


def _plain(error: UnicodeError) -> tuple[str, int]:
    """Return the same with plain characters where there are such."""
    characters, end = _not_encoded(error)
    return "".join(PLAIN_CHARACTERS.get(one) or _escape(one) for one in characters), end


def _not_encoded(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return error.object[error.start : error.end], error.end


def _escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[n : n + 4]}" for n in range(0, len(units), 4))


def _manage() -> None:
    gc.disable()  # what is imported stays: looking for garbage in it is a tenth of a start
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import BaseCommand, ManagementUtility
    from django.db import DatabaseError

    class Utility(ManagementUtility):
        """Django's own, which collects garbage again once the command is imported."""

        def fetch_command(self, subcommand: str) -> BaseCommand:
            command = super().fetch_command(subcommand)
            gc.freeze()
            gc.enable()
            return command

    try:
        Utility(sys.argv).execute()
    except ImproperlyConfigured as fault:
        from integration.environment import other_faults

        others = other_faults() if sys.argv[1:2] == ["check"] else []
        sys.exit("\n".join([f"The settings cannot be used: {fault}", *others]))
    except (DatabaseError, OSError) as error:
        if said := failure_sentence(error, sys.argv[1:]):
            sys.exit(said)
        raise


def failure_sentence(error: DatabaseError | OSError, words: list[str]) -> str:
    """Return what became of one of Django's own commands; "" where a traceback says more.

    The commands of the service say it themselves.
    """
    from registry_sync.management.operator import database_sentence, file_sentence

    if "--traceback" in words or words[0] == "shell" or isinstance(error, BrokenPipeError):
        return ""
    if isinstance(error, OSError):
        return file_sentence(error)
    return database_sentence(error, migrating=words[0] == "migrate")


def _serve(words: list[str]) -> None:
    """Become gunicorn, with this package's settings and any further options.

    Its processes would end one after the other if the settings could not be used.
    """
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured

    try:
        hosts = settings.ALLOWED_HOSTS or settings.DEBUG
    except ImproperlyConfigured as fault:
        sys.exit(f"The settings cannot be used: {fault}")
    if not hosts:
        print("ALLOWED_HOSTS is not set: every page answers 400. The operator must name the host "
              "of the desk in it.", file=sys.stderr)  # fmt: skip
    gunicorn = ["-m", "gunicorn", "-c", str(SETTINGS), *words, "integration.wsgi"]
    os.execv(sys.executable, [sys.executable, *gunicorn])


def _added(name: str) -> Callable[[], int] | None:
    """Return a command that another distribution adds, None for all others."""
    if not name or (COMMANDS / f"{name}.py").exists():
        return None  # cron starts these each few minutes: nothing else is looked up for them
    from importlib.metadata import entry_points

    return next((point.load() for point in entry_points(group=GROUP, name=name)), None)
