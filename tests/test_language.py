"""The language of docs/style.md: none of the words it lists is used in what people read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import ROOT
from tools.syntax_trees import nodes_of

STYLE = ROOT / "docs" / "style.md"
# Text between backticks is code, and so is a block between fences.
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
TEMPLATE_CODE = re.compile(r"{%.*?%}|{{.*?}}|{#.*?#}|<[^>]*>", re.DOTALL)
IDENTIFIER = re.compile(r"[\w.:/-]+")

pytestmark = pytest.mark.once


def listed_words() -> list[str]:
    """Return the words and phrases in the left column of style.md's table of words."""
    table = STYLE.read_text().split("## Words", 1)[1].split("## Sentences", 1)[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return [word for row in rows for word in re.findall(r"`([^`]+)`", row)]


LISTED = re.compile(
    r"\b(" + "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in listed_words()) + r")\b",
    re.IGNORECASE,
)


def keep_lines(found: re.Match[str]) -> str:
    """Return the line breaks of what is removed, so that later lines keep their number."""
    return "\n" * found[0].count("\n")


def texts_of_python(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the string literals and docstrings of a module with their lines."""
    for node in nodes_of(path):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and not IDENTIFIER.fullmatch(text):
            yield node.lineno, CODE.sub(keep_lines, text)


def texts_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield what a file says to people, with the line where each text begins."""
    if path.suffix == ".py":
        yield from texts_of_python(path)
        return
    code = TEMPLATE_CODE if path.suffix == ".html" else CODE
    # A visible attribute is text as well.
    text = re.sub(r'(?:title|alt|aria-label|placeholder)="([^"]*)"', r"> \1 <", path.read_text())
    yield 1, code.sub(keep_lines, text)


def readable_files() -> list[Path]:
    """Return every file whose words people read, without the list itself."""
    service = ROOT / "registry_sync"
    files = [path for path in service.rglob("*.py") if "migrations" not in path.parts]
    files += service.rglob("*.html")
    files += [
        path
        for folder in ("integration", "sandbox", "benchmarks")
        for pattern in ("*.py", "*.html")
        for path in (ROOT / folder).rglob(pattern)
    ]
    files += [path for path in (ROOT / "docs").glob("*.md") if path != STYLE]
    files += [ROOT / "manifest.yaml", *ROOT.glob("*.md")]
    return sorted(files)


def findings(path: Path) -> list[str]:
    name = path.relative_to(ROOT)
    return [
        f"{name}:{line + text.count(chr(10), 0, hit.start())}: {hit[0]}"
        for line, text in texts_of(path)
        for hit in LISTED.finditer(text)
    ]


def python_looks_in(path: Path) -> Iterator[str]:
    """Yield where a module shows a value as Python writes it: by repr(), or between apostrophes.

    An apostrophe after `==` is the syntax of a path.
    """
    for node in nodes_of(path):
        if isinstance(node, ast.JoinedStr):
            parts = [getattr(part, "value", "") for part in node.values]
            texts = [part if isinstance(part, str) else "" for part in parts]
            for before, part, after in zip(
                ["", *texts], node.values, [*texts[1:], ""], strict=False
            ):
                if not isinstance(part, ast.FormattedValue):
                    continue
                between = before.endswith("'") and after.startswith("'")
                if part.conversion == ord("r") or (between and not before.endswith("=='")):
                    yield f"{part.lineno}: {ast.unparse(part.value)}"
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "repr":
            yield f"{node.lineno}: {ast.unparse(node)}"


NEVER_SHOWN = {
    "ledger/digests.py", "mapping/fitting.py", "mapping/rules/numbers.py", "mapping/values.py",
    "source/answers/decoding.py",  # the digits of a number
    "sync/known_pages.py",  # a part of a digest
}  # fmt: skip


def test_no_value_is_shown_as_python_writes_it() -> None:
    service = ROOT / "registry_sync"
    found = {
        path.relative_to(service).as_posix(): list(python_looks_in(path))
        for path in service.rglob("*.py")
    }
    shown = {name: looks for name, looks in found.items() if looks and name not in NEVER_SHOWN}
    assert not shown, "use core.readable.in_message, or source.answers.marks.as_sent for records"
    assert {name for name in NEVER_SHOWN if not found[name]} == set()


def test_the_list_is_read() -> None:
    assert {"anew", "shall", "by itself"} <= set(listed_words())
    assert LISTED.search("it closes by\nitself") and not LISTED.search("a bearer, a trailing slash")


def test_no_listed_word_is_used() -> None:
    found = [line for path in readable_files() for line in findings(path)]
    assert not found, "see docs/style.md:\n" + "\n".join(found)
