"""Management commands, called in this process."""

from __future__ import annotations

import argparse
import csv
import io
import os
import subprocess
from pathlib import Path

from django.core.management import CommandError, call_command, get_commands, load_command_class

from tests.support.starting import at_start, run_python


def parser_of(name: str) -> argparse.ArgumentParser:
    """Return the parser of a command."""
    app = get_commands()[name]
    made = load_command_class(app, name) if isinstance(app, str) else app
    return made.create_parser("manage.py", name)


def command(*words: str, name: str = "sync_registry") -> tuple[int, str]:
    """Run a command as cron does; its exit status and what it said."""
    out = io.StringIO()
    try:
        call_command(name, *words, stdout=out, stderr=out)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    except CommandError as error:
        return error.returncode, f"{out.getvalue()}{error}"
    return 0, out.getvalue()


def command_apart(*words: str, name: str = "sync_registry") -> tuple[int, str, str]:
    """Run a command as cron does; its exit status, its output and its standard error."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command(name, *words, stdout=out, stderr=err)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue(), err.getvalue()
    except CommandError as error:
        return error.returncode, out.getvalue(), f"{err.getvalue()}{error}"
    return 0, out.getvalue(), err.getvalue()


def adopt(*words: str) -> str:
    out = io.StringIO()
    call_command("adopt", *words, stdout=out)
    return out.getvalue()


def manage(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command with nothing in the environment but what is given."""
    own = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    return run_python("manage.py", *words, env=own | at_start(os.environ) | env)


def exported(path: Path) -> list[dict[str, str]]:
    """Export the signed audit to a file, and return its rows."""
    assert command("--csv", str(path), name="audit")[0] == 0
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))
