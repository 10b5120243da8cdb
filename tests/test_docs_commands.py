"""The docs' commands: each is one that the service has, and what only reads is run as it stands."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import get_commands

from registry_sync.management.operator import USAGE
from tests.support import ROOT
from tests.support.commands import command, parser_of
from tests.support.registry import compound
from tests.support.worlds import World

pytestmark = pytest.mark.once
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md",
         *sorted((ROOT / "docs").glob("*.md"))]  # fmt: skip
OTHERS = {"web", "demo", "--version", "…", "$@"}
"""What `registry-sync` has beside Django's commands."""
ASKED = re.compile(
    r"(?:\bmanage\.py|/bin/registry-sync|(?:^|`)\s*(?:rs|registry-sync)) ([^|#;&`\n]+)",
    re.MULTILINE,
)
CODE = re.compile(r"^ *```.*?^ *```|`[^`\n]+`", re.DOTALL | re.MULTILINE)
READS = {
    "status", "runs", "errors", "lanes", "run", "withdrawals", "adopt", "explain", "audit",
    "upgrade_check", "reconcile", "doctor", "mapping", "manifest", "sync_registry",
}  # fmt: skip
WRITES = re.compile(
    r"\bset\b|--id|--from|--forget|--key|import|preview|pause|resume|cancel|undo|archive|keep"
)
CHANGES = {"adopt", "allow", "audit", "lanes", "mapping", "plan", "run", "sync_registry",
           "withdrawals"}  # fmt: skip
PLACES = {
    "ID": "C-000001", "ID,ID": "C-000001,C-000002", "CMP-1,CMP-2": "C-000001,C-000002",
    "C-1,C-2": "C-000001,C-000002", "DATE": "2020-01-01", "…": "why", "Compounds": "Compound",
    "Lot": "Compound", "12": "1", "512": "1", "FILE": "audit.csv",
}  # fmt: skip
"""What an operator writes in place of a word of the docs."""
GIVEN = {"ID": "C-000001", "ID,ID": "C-000001,C-000002", "CMP-1,CMP-2": "C-000001,C-000002"}


def asked(page: Path) -> Iterator[list[str]]:
    """Yield the words of each command that a page names in code."""
    for code in CODE.findall(page.read_text("utf-8")):
        if "mermaid" in code:
            continue
        for line in ASKED.findall(code.replace("\\|", "/")):
            yield [word.strip("'[]()\"") for word in line.replace("“", '"').split()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_commands_and_options_exist(page: Path) -> None:
    for name, *words in filter(None, asked(page)):
        if name in OTHERS:
            continue
        assert name.replace("-", "_") in get_commands(), f"{page.name}: {name}"
        parser = parser_of(name.replace("-", "_"))
        options = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert options <= set(parser._option_string_actions), f"{page.name}: {name} {words}"
        choices = [each.choices for each in parser._actions if not each.option_strings]
        if words and choices and choices[0] and re.fullmatch(r"[a-z-]+", words[0]):
            assert words[0] in choices[0], f"{page.name}: {name} {words}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_targets_and_modules_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for code in CODE.findall(page.read_text("utf-8")):
        named = re.findall(r"(?:^|`)\s*make ([a-z][a-z-]*)", code, re.MULTILINE)
        assert set(named) <= targets, f"{page.name}: {code}"
        for module in re.findall(r"python3? -m ([\w.]+)", code):
            assert importlib.util.find_spec(module), f"{page.name}: {module}"


def to_run() -> list[str]:
    """Return the commands of the docs that only read, each once."""
    found = set()
    for page in PAGES:
        for words in asked(page):
            line = " ".join(words)
            if not words or words[0].replace("-", "_") not in READS or WRITES.search(line):
                continue
            if words[0] == "sync_registry" and "--dry-run" not in words:
                continue
            if re.search(r"options|[/…<]|\b(LANE|CODE|DATE|TIME|N)\b", line):
                continue
            found.add(line)
    return sorted(found)


def to_write() -> list[list[str]]:
    """Return the whole commands of the docs that decide, change or sync something, each once."""
    found = {}
    for page in PAGES:
        for code in CODE.findall(page.read_text("utf-8")):
            if "mermaid" in code or "…`" in code:
                continue
            for line in ASKED.findall(code.replace("“", '"').replace("”", '"')):
                if not re.search(r"\[|options|[<|─]", line):
                    found[line.strip()] = shlex.split(line, comments=True)
    return [words for words in found.values() if words[0] in CHANGES and len(words) > 1]


@pytest.fixture
def synced(world, tmp_path, monkeypatch) -> World:
    """Three records in Benchling, one refused, and an empty folder to write files into."""
    w = world([compound(n) for n in range(3)] + [compound(3, kind="Rock")])
    w.sync()
    monkeypatch.chdir(tmp_path)
    return w


def test_what_only_reads_is_run_as_it_stands(synced: World) -> None:
    lines, wrote = to_run(), dict(synced.tenant.writes)
    assert len(lines) > 15
    for line in lines:
        name, *words = shlex.split(line)
        given = [GIVEN.get(word, word) for word in words]
        if "FILE" in given and name == "audit" and "--verify" in given:
            given.remove("FILE")
        status, said = command(*given, name=name.replace("-", "_"))
        if status == USAGE and ("expected one argument" in said or "required" in said):
            continue  # the text names an option without a value
        assert status in (0, 2), (line, status, said)
    assert dict(synced.tenant.writes) == wrote


def test_what_changes_something_is_understood_as_it_stands(synced: World) -> None:
    command("export", "mapping.yaml", name="mapping")
    command("--csv", "adopt.csv", name="adopt")
    lines = to_write()
    assert len(lines) > 25
    for name, *words in lines:
        status, said = command(*(PLACES.get(word, word) for word in words), name=name)
        # There may be nothing to decide here, or the text names an option without its value.
        misread = re.search(r"unrecognized|invalid|There is no lane|not a (date|time)", said)
        assert not misread, (name, words, said)
        assert status in (0, 1, 2, USAGE), (name, words, status, said)
