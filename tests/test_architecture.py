"""Imports point one way: the arrows of docs/architecture.md, drawn from the code."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parent.parent
SERVICE = sorted((ROOT / "registry_sync").rglob("*.py"))
PURE = {
    "auth", "benchling", "bodies", "config", "configure", "connector", "endpoint", "exchange",
    "faults", "keys", "mapping", "mapping_file", "net", "paginators", "paths", "point", "problems",
    "rules", "schema", "seal", "source", "stopwatch", "times", "trail", "upsert", "values",
    "watermark",
}  # fmt: skip
LAYERS = [
    {"lookups"},
    {"models"},
    {"runs", "audit", "hourly"},
    {"ledger", "names", "app_status", "refusals", "estimate", "freshness", "outbox"},
    {"guards", "webhooks", "alerts"},
    {"doorbell", "check_service", "check_tenant"},
    {"check_registry"},
    {"doctor"},
    {"compare"},
    {"admit", "rebuild", "start", "verdict", "reading", "unmapped"},
    {"retry", "delivery", "rehearsal", "drift", "adoption"},
    {"sync", "words"},
    {"standing"},
    {"canvas"},
    {"jobs"},
    {"deliveries"},
    {"base page"},
    {"runs page", "errors page", "records page", "lanes page", "webhooks page",
     "alerts page", "checkups page"},
    {"desk", "views", "worker", "checks", "metrics"},
    {"apps", "sync_registry command", "rqworker command", "manifest command", "allow command",
     "audit command", "adopt command", "run command", "mapping command", "doctor command"},
]  # fmt: skip


def named(path: Path) -> str:
    """Name a module; a command or a page of the admin may bear the name of what it serves."""
    kind = {"commands": "command", "admin": "page"}.get(path.parent.name)
    return f"{path.stem} {kind}" if kind and path.stem != "__init__" else path.stem


def imports(path: Path) -> set[str]:
    """Name every module that a file imports, ours by their last name."""
    found: set[str] = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tree.body = [n for n in tree.body if not (isinstance(n, ast.If) and _for_types_only(n))]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            if node.level or (node.module or "").startswith("registry_sync"):
                inner = (node.module or "").removeprefix("registry_sync").strip(".")
                found |= {inner} if inner else {alias.name for alias in node.names}
            else:
                found.add(node.module or "")
    return found


def _for_types_only(node: ast.If) -> bool:
    return "TYPE_CHECKING" in ast.dump(node.test)


@pytest.mark.parametrize("path", SERVICE, ids=lambda p: p.stem)
def test_the_service_imports_neither_sandbox_nor_tests(path):
    assert not {m for m in imports(path) if m.split(".")[0] in ("sandbox", "tests")}


@pytest.mark.parametrize("name", sorted(PURE))
def test_pure_modules_know_no_django(name):
    path = ROOT / "registry_sync" / f"{name}.py"
    found = imports(path)
    assert not {m for m in found if m.split(".")[0] in ("django", "django_rq", "rq")}
    assert not found & {m for layer in LAYERS for m in layer}


def test_arrows_point_one_way():
    level = {name: i for i, layer in enumerate(LAYERS) for name in layer}
    wrong = [
        f"{named(path)} imports {target}"
        for path in SERVICE
        if named(path) in level
        for target in imports(path)
        if target in level and level[target] >= level[named(path)]
    ]
    assert wrong == []


def test_every_module_has_its_place():
    placed = PURE | {name for layer in LAYERS for name in layer} | {"__init__"}
    assert {named(p) for p in SERVICE if "migrations" not in p.parts} <= placed
