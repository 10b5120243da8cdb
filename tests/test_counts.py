"""A count in a sentence has its singular: no text says “1 records”."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import registry_sync
from tools.syntax_trees import nodes_of

pytestmark = pytest.mark.once

ROOT = Path(registry_sync.__file__).parent
PLURAL = re.compile(r"^ (?:[A-Za-z’'-]+ ){0,2}?([a-z]+s|entities)\b")
NO_NOUNS = {"as", "counts", "does", "has", "is", "less", "needs", "records_", "says", "this", "was"}
COUNTS = re.compile(r"count|total|number|sum|rows|seen|read|left|found|pages|held|records|entities")
ONE = re.compile(r"(==|!=|<=|>=|<|>) ?[12]\b|\[1:\]")
NEVER_ONE = {
    "core/dates.py": "two years at least",
    "desk/worklist/connecting.py": "a path of several steps",
    "desk/cures/drift.py": "more than a page shows",
    "desk/cures/names.py": "more than a page shows",
    "desk/run_actions.py": "“all”, or what a run has read",
    "ledger/chain_check.py": "the number of a run",
    "ledger/retention.py": "compared with what earlier versions wrote in the admin's log",
    "ledger/signed_plans.py": "a cell of signed CSVs",
    "mapping/identity.py": "of a text that is too long to be shown",
    "mapping/part_fitting.py": "of a text that is too long",
    "mapping/record_problems.py": "of an id that is too long",
    "mapping/transform.py": "several values",
    "monitoring/doctor/sync_history.py": "the fields of a result",
    "monitoring/doctor/service.py": "one recipient has a warning of its own",
    "reporting/session_messages.py": "records that share a structure",
    "source/answers/page_limits.py": "more than a page may have",
    "source/completeness/signs.py": "more than came",
    "source/patterns.py": "of a text that is too long",
    "sync/delivery/dry_run_log.py": "more than a log shows",
    "sync/delivery/leftover_batches.py": "one has a sentence of its own",
    "sync/finish.py": "one has a sentence of its own",
    "sync/records.py": "of an id that is too long",
    "sync/retry_phase.py": "one has a sentence of its own",
}
"""Modules that count what is never one, or must keep their text, and why."""
TEMPLATE = re.compile(
    r"\{\{ (?!number_of)[\w.|:\"]+ \}\}(?:</\w+>)? (?:[a-z]+ )?([a-z]+s|entities)\b(?!\{)"
)
IN_TEMPLATES = {
    "change_line.html": "where there are several",
    "first/runs.html": "several bars",
    "record/record.html": "one hit leads to its page",
}


def test_every_count_in_a_sentence_has_its_singular():
    found = {
        f"{name}: {text}"
        for path in sorted(ROOT.rglob("*.py"))
        if "migrations" not in path.parts
        and (name := path.relative_to(ROOT).as_posix()) not in NEVER_ONE
        for text in _plurals(path)
    }
    assert not found, "use number_of() of core.text, or say in NEVER_ONE why it is never one"


def test_every_count_of_a_page_has_its_singular():
    found = [
        f"{path.relative_to(ROOT / 'templates')}: {match[0]}"
        for path in sorted(ROOT.rglob("*.html"))
        if not any(path.as_posix().endswith(name) for name in IN_TEMPLATES)
        for match in TEMPLATE.finditer(path.read_text())
        if re.search(r"intcomma|length|count", match[0])
    ]
    assert not found, "use pluralize, or say in IN_TEMPLATES why it is never one"


def test_what_is_excepted_is_there():
    assert [n for n in NEVER_ONE if not [*_plurals(ROOT / n)]] == []


def _plurals(path: Path) -> Iterator[str]:
    """Yield the f-strings in which a count stands before a plural, whatever the count is."""
    guarded = {
        id(text)
        for node in nodes_of(path)
        if isinstance(node, ast.IfExp) and ONE.search(ast.unparse(node.test))
        for text in ast.walk(node)
    }
    for node in nodes_of(path):
        if isinstance(node, ast.JoinedStr) and id(node) not in guarded:
            for value, after in zip(node.values, node.values[1:], strict=False):
                if isinstance(value, ast.FormattedValue) and isinstance(after, ast.Constant):
                    noun = PLURAL.match(str(after.value))
                    if noun and noun[1] not in NO_NOUNS and _counts(value):
                        yield f"{{{ast.unparse(value.value)}}}{str(after.value)[:40]}"


def _counts(value: ast.FormattedValue) -> bool:
    """Return whether a value is a count that can be one; a constant's name is in capitals."""
    text = ast.unparse(value.value)
    if "number_of(" in text or "were(" in text or "are(" in text or text.isupper():
        return False
    grouped = value.format_spec is not None and "," in ast.unparse(value.format_spec)
    return grouped or "len(" in text or bool(COUNTS.search(text.rpartition(".")[2]))
