"""Commands on any console: ASCII ends none, JSON stays JSON, and log lines break no progress."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import sys

import pytest
from django.core.management import CommandError, call_command
from django.core.management.color import make_style

from integration import command_line
from integration.command_line import escape_in
from registry_sync.management.run_progress import RunProgress
from registry_sync.models import SyncRun
from tests.support.commands import command, command_apart, manage
from tests.support.registry import compound
from tests.support.worlds import World, looked_up

pytestmark = pytest.mark.once

WORDS = [
    "doctor", "doctor --json", "doctor --propose", "sync_registry --dry-run --details",
    "sync_registry", "sync_registry --json", "status", "status --json", "runs", "runs --json",
    "errors", "errors --json", "errors --cause dropdown_option_missing", "explain Ä-7",
    "explain Ä-7 --json", "audit --entity Ä-7", "audit --verify", "run", "lanes", "adopt",
    "withdrawals", "reconcile", "reconcile --json", "manifest", "upgrade-check",
]  # fmt: skip


@pytest.fixture
def w(world) -> World:
    """A registry with characters in its ids, names and values that no ASCII console has."""
    records = [
        compound(n, id=f"Ä-{n}", name=f"Tëst → 🧪 {n}", kind="Pröteïn" if n == 3 else "Protein")
        for n in range(9)
    ]
    made = world(records, config={"Connector Settings": looked_up()})
    made.sync()
    made.registry.edit("Ä-5", name="Neu → 🧪 5", smiles="Ω")
    return made


def on_ascii(*words: str, name: str) -> tuple[int, str]:
    """Run a command on a console that holds ASCII only; its exit status and what it wrote."""
    console = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    escape_in(console)
    try:
        call_command(name, *words, stdout=console, stderr=io.StringIO())
    except (SystemExit, CommandError) as end:
        status = getattr(end, "returncode", getattr(end, "code", 0))
        console.write(str(end) if isinstance(end, CommandError) else "")
    else:
        status = 0
    return int(status or 0), console.buffer.getvalue().decode("ascii")  # type: ignore[attr-defined]


def test_no_command_ends_on_a_console_of_ascii(w):
    for line in WORDS:
        name, *words = line.split()
        status, said = on_ascii(*words, name=name.replace("-", "_"))
        assert status in (0, 1, 2) and said, line
        if "--json" in words:
            for part in said.splitlines() if name == "sync_registry" else [said]:
                json.loads(part)


def test_what_is_escaped_is_read_as_json_with_every_character_of_it():
    console = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    escape_in(console)
    characters = "é → 🧪 “…”"
    console.write(json.dumps(characters, ensure_ascii=False))
    assert json.loads(console.buffer.getvalue()) == characters


class LatinTerminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def test_people_see_plain_quotes_where_a_terminal_has_no_others():
    console = LatinTerminal(io.BytesIO(), encoding="latin-1", write_through=True)
    escape_in(console)
    console.write("“Tëst’s” → ← – … Ω🧪")
    said = console.buffer.getvalue().decode("latin-1")
    assert said == r"'Tëst's' -> <- - ... \u03a9\ud83e\uddea"


def test_what_a_program_may_read_is_never_made_plain(monkeypatch):
    console = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    monkeypatch.setattr(sys, "stdout", console)
    monkeypatch.setattr(sys, "argv", ["manage.py", "--version"])
    command_line.main()
    print("“", end="")
    assert console.buffer.getvalue().decode("ascii").split("\n")[1] == r"\u201c"


@pytest.mark.parametrize("name, value", [("TERM", "dumb"), ("NO_COLOR", "1")])
def test_a_terminal_without_colours_gets_none(monkeypatch, name, value):
    monkeypatch.setenv("DJANGO_COLORS", "")
    monkeypatch.delenv("DJANGO_COLORS")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "argv", ["manage.py", "--version"])
    command_line.main()
    assert "\x1b" in make_style(os.environ.get("DJANGO_COLORS", "")).ERROR("refused")
    monkeypatch.setenv(name, value)
    command_line.main()
    assert make_style(os.environ.get("DJANGO_COLORS", "")).ERROR("refused") == "refused"


@pytest.mark.process
def test_a_console_of_ascii_ends_no_command() -> None:
    said = manage("doctor", DEBUG="1", PYTHONIOENCODING="ascii", DATABASE_URL="sqlite://:memory:")
    assert "UnicodeEncodeError" not in said.stderr, said.stderr
    assert r"\u2192" in said.stdout and "checks:" in said.stdout


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_log_lines_stand_above_the_progress_bar(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    handler = logging.StreamHandler(terminal)
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])
    with RunProgress(True, details=False, out=sys.stdout) as bar:
        bar.progress(SyncRun(read=7, source_total=9))
        bar.bar.refresh()
        logging.getLogger("registry_sync").warning("A line of the log")
    written = terminal.getvalue()
    assert "7 records read" in written and handler.stream is terminal
    assert re.search(r"\x1b\[2K(\x1b\[[\d;]*m)*A line of the log\r?\n", written), written


def test_a_quiet_command_says_each_thing_once(w):
    status, out, _ = command_apart("--quiet")
    assert status == 2 and out.count("Open errors: 1") == 1, out
    w.registry.token = "other"
    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    logging.getLogger().addHandler(handler)
    try:
        status, said = command("--quiet")
    finally:
        logging.getLogger().removeHandler(handler)
    assert status == 1 and (said + lines.getvalue()).count("The registry rejects") == 1


def test_showing_runs_where_none_is_active_is_no_error(db):
    assert command(name="run") == (0, "No run is active.\n")
    assert command("resume", name="run") == (1, "No run is active.")
