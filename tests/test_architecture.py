"""The rooms of docs/architecture.md: every module lies in one."""

from __future__ import annotations

import ast
import graphlib
import re
from pathlib import Path

import pytest

from tests.support import ROOT
from tools.syntax_trees import nodes_of, tree_of

pytestmark = pytest.mark.once


SERVICE = sorted((ROOT / "registry_sync").rglob("*.py"))
ROOMS = {
    "core", "source", "benchling", "mapping", "models", "runs", "ledger", "reporting", "sync",
    "canvas", "drafts", "explain", "webhooks", "monitoring", "jobs", "desk", "admin",
    "management", "templatetags", "migrations",
}  # fmt: skip
BY_CONVENTION = {"Command", "main", "register"}
"""What Django finds by its name, a process's own start, and the decorator of a table."""
WITHOUT_DJANGO = {"core", "source", "benchling", "mapping"}


def imports(path: Path) -> set[str]:
    """Return the absolute names of all modules that a file imports."""
    found: set[str] = set()
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def importing(paths: list[Path], *packages: str) -> dict[str, set[str]]:
    """Return which of these files import modules of the packages, and which modules."""
    naming = [p for p in paths if any(name in p.read_text(encoding="utf-8") for name in packages)]
    found = {str(p): {m for m in imports(p) if m.split(".")[0] in packages} for p in naming}
    return {path: modules for path, modules in found.items() if modules}


def room(path: Path) -> str:
    """Return the room of a module: its first folder below the service."""
    parts = path.relative_to(ROOT / "registry_sync").parts
    return parts[0] if len(parts) > 1 else ""


def test_every_module_lies_in_a_room():
    outside = {p.name for p in SERVICE if not room(p)}
    assert outside == {"__init__.py", "apps.py", "checks.py"}
    assert {room(p) for p in SERVICE} - {""} == ROOMS


def test_the_service_imports_neither_sandbox_nor_tests():
    assert importing(SERVICE, "sandbox", "tests") == {}


def test_rooms_below_the_rows_know_no_django():
    below = [p for p in SERVICE if room(p) in WITHOUT_DJANGO]
    assert below and importing(below, "django", "django_rq", "rq") == {}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def modules_of(node: ast.AST, names: set[str]) -> set[str]:
    """Return the modules that one statement imports: a package, or some of its modules."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if not isinstance(node, ast.ImportFrom):
        return set()
    below = {f"{node.module}.{alias.name}" for alias in node.names}
    return below if below <= names else {node.module or "", *(below & names)}


def test_no_modules_import_each_other_in_a_circle():
    names = {name_of(path) for path in SERVICE}
    graph: dict[str, set[str]] = {}
    for path in SERVICE:
        found = {name for node in nodes_of(path) for name in modules_of(node, names)}
        graph[name_of(path)] = (found & names) - {name_of(path)}
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, with the circle


TESTS = sorted((ROOT / "tests").rglob("*.py"))


def test_no_test_module_imports_another():
    found = {}
    for path in TESTS:
        if "test_" not in path.read_text(encoding="utf-8").replace("def test_", ""):
            continue
        froms = [node for node in nodes_of(path) if isinstance(node, ast.ImportFrom)]
        names = imports(path) | {alias.name for node in froms for alias in node.names}
        modules = {name.rpartition(".")[2] for name in names}
        if others := {name for name in modules if name.startswith("test_")}:
            found[str(path)] = others
    assert found == {}


def test_the_folders_of_tests_are_rooms():
    others = {"support", "browser", "faults", "sandbox", "commands", "integration"}
    folders = {p.parent.name for p in TESTS if p.parent != ROOT / "tests"}
    assert folders <= ROOMS | others


def test_rows_of_tests_come_from_factories():
    factories = (ROOT / "tests" / "support" / "factories.py").read_text(encoding="utf-8")
    rows = "|".join(re.findall(r"^class (\w+)Factory", factories, re.MULTILINE))
    by_hand = re.compile(rf"\b({rows})\.objects\.create\(")
    tests = [p for p in TESTS if p.name.startswith("test_")]
    found = {p.name: by_hand.findall(p.read_text(encoding="utf-8")) for p in tests}
    assert {name: made for name, made in found.items() if made} == {}


def test_names_of_test_files_are_unique():
    names = [p.name for p in TESTS if p.name.startswith("test_")]
    assert len(names) == len(set(names))


def test_a_public_class_or_function_has_its_name_alone():
    places: dict[str, list[str]] = {}
    for path in (p for p in SERVICE if room(p) != "migrations"):
        for node in tree_of(path).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    shared = {name: paths for name, paths in places.items() if len(paths) > 1}
    assert {name: shared[name] for name in shared.keys() - BY_CONVENTION} == {}
