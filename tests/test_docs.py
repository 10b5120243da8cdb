"""The docs: links lead somewhere, and the modules they name exist."""

from __future__ import annotations

import ast
import re
from itertools import pairwise
from pathlib import Path
from pkgutil import resolve_name

import pytest
from django.urls import resolve

from registry_sync.models import Change, EntityError, PlanRow, SyncRun
from tests.support import ROOT
from tools.syntax_trees import tree_of

pytestmark = pytest.mark.once
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
FILE = re.compile(r"`((?:\w+/)*\w+\.(?:py|sh|html|css|js))`")
THE_READERS = {"verify.py"}
FOLDERS = ("benchmarks", "deploy", "docs", "integration", "registry_sync", "sandbox", "tests")


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), f"{page.name}: {link}"
        assert not anchor or anchor in anchors(target), f"{page.name}: {link}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_lists_are_lists_in_the_site_too(page: Path) -> None:
    """What stands in a list's item is indented by four, and the next item follows a blank line."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    lines = text.split("\n")
    for before, line in pairwise(lines):
        assert before.strip() or not re.match(r" {1,3}\S", line), f"{page.name}: {line}"
        item = re.match(r"(\d+\.|[-*]) ", line)
        assert not (item and re.match(r" {4}\S", before)), f"{page.name}: {line}"


def test_every_picture_is_shown() -> None:
    text = "".join(page.read_text("utf-8") for page in PAGES)
    pictures = {path.name for path in (ROOT / "docs" / "images").iterdir()}
    assert {name for name in pictures if f"images/{name}" not in text} == set()


def test_programs_that_open_pages_of_the_desk_know_their_addresses() -> None:
    from benchmarks import desk  # each worker would load them, and a browser's package
    from tools import pictures

    paths = [f"/admin/{path}" for path in pictures.PAGES.values()]
    paths += [*desk.PAGES.values(), *desk.STORED.values()]
    for path in paths:
        found = resolve(path.partition("?")[0].format(last_run=1))
        assert found.func.__name__ != "catch_all_view", path
    shown = {path.name for path in (ROOT / "docs" / "images").glob("desk-*.png")}
    taken = {"-".join(name.split("-")[1:-2]) for name in shown}
    assert taken <= set(pictures.PAGES) and {*pictures.BEFORE} <= set(pictures.PAGES)


def test_the_benchmark_of_the_desk_fills_columns_that_exist() -> None:
    from benchmarks import desk

    for model, values in ((SyncRun, desk.RUN), (EntityError, desk.ERROR), (Change, desk.CHANGE),
                          (PlanRow, desk.PLANNED_ROW)):  # fmt: skip
        assert set(values) <= {field.column for field in model._meta.fields}, model


@pytest.mark.parametrize(
    ("value", "goal", "shown", "met"),
    [(1.351, "≥ 1.35", "1.35", "yes"), (1.28, "≥ 1.35", "1.28", "no"),
     (0.64, "≤ 0.65", "0.64", "yes"), (0.83, "≤ 0.65", "0.83", "no"),
     (1.0506, "≤ 1.05", "1.05", "yes"), (1.3, "", "1.30", "")],
)  # fmt: skip
def test_a_ratio_says_whether_it_reaches_its_goal(value, goal, shown, met) -> None:
    from benchmarks.rows import Ratio

    assert Ratio("load", 10_000, value, goal).cells() == ["load", "10,000", shown, goal, met]


def test_named_files_exist() -> None:
    places = [*ROOT.glob("*.*"), *ROOT.glob("tools/*.*")]
    places += [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.*")]
    ends = {path.parts[-n:] for path in places for n in range(1, 6)}
    for page in PAGES:
        named = set(FILE.findall(page.read_text("utf-8"))) - THE_READERS
        missing = [name for name in named if Path(name).parts not in ends]
        # The changelog names what was.
        assert missing == [] or page.name == "CHANGELOG.md", f"{page.name}: {missing}"


def test_the_path_of_a_record_has_every_gate_in_its_order() -> None:
    line = tree_of(ROOT / "registry_sync" / "sync" / "pipeline.py")
    made = {node.name: node for node in line.body if isinstance(node, ast.FunctionDef)}["_carrier"]
    calls = [node for node in ast.walk(made) if isinstance(node, ast.Call)]
    names = [call.func.id for call in calls if isinstance(call.func, ast.Name)]
    gates = [name for name in names if name.endswith(("Gate", "Guard"))]
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    picture = text.partition("The path of each record:")[2].split("```")[1]
    assert len(gates) > 5 and re.findall(r'\["(\w+(?:Gate|Guard))<br/>', picture) == gates


def test_the_long_tests_are_listed() -> None:
    text = (ROOT / "docs" / "testing.md").read_text("utf-8")
    table = text.partition("\n## Long tests\n")[2].partition("\n## ")[0]
    named = set(re.findall(r"^\| `([\w/]+\.py)`", table, re.MULTILINE))
    tests = ROOT / "tests"
    imported = r"^from tests\.support\.environment import .*\b(FULL|sampled)\b"
    sampled = {
        path.relative_to(tests).as_posix()
        for path in tests.rglob("test_*.py")
        if re.search(imported, path.read_text(), re.M)
    }
    assert len(sampled) > 10 and named == sampled


NOT_IN_THE_CODE = {"manage.py", "endpoint.incremental.lag"}
"""A command, and a key of Connector Settings."""


def test_the_names_of_the_glossary_are_in_the_code() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text("utf-8")
    rows = [line.split("|")[4] for line in text.splitlines() if line.startswith("| ")]
    named = {name for cell in rows for name in re.findall(r"`([a-zA-Z_]\w*(?:\.\w+)+)\b", cell)}
    assert len(named) > 60 and named > NOT_IN_THE_CODE
    for name in sorted(named - NOT_IN_THE_CODE):
        # Names such as `SyncRun.only` are those of models.
        room = "registry_sync.models." if name[0].isupper() else "registry_sync."
        resolve_name(room + name)  # raises ImportError or AttributeError
