"""Management commands, called in this process."""

from __future__ import annotations

import io

from django.core.management import CommandError, call_command


def command(*words: str) -> tuple[int, str]:
    """Run the command as cron does; its exit status and what it said."""
    out = io.StringIO()
    try:
        call_command("sync_registry", *words, stdout=out, stderr=out)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    except CommandError as error:
        return error.returncode, f"{out.getvalue()}{error}"
    return 0, out.getvalue()


def adopt(*words: str) -> str:
    out = io.StringIO()
    call_command("adopt", *words, stdout=out)
    return out.getvalue()
