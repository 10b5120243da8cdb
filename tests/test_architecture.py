"""Imports point one way: the arrows of docs/architecture.md, drawn from the code."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parent.parent
SERVICE = sorted((ROOT / "registry_sync").rglob("*.py"))
PURE = {
    "auth", "benchling", "bodies", "config", "configure", "connector", "csvs", "endpoint",
    "exchange", "faults", "figures", "identity", "items", "keys", "likeness", "mapping",
    "mapping_file", "net", "paginators", "paths", "patterns", "point", "problems", "rule_form",
    "rules", "sample", "schema", "seal", "source", "stopwatch", "suggest", "times", "trail",
    "trial", "upsert", "values", "watermark",
}  # fmt: skip
LAYERS = [
    {"lookups", "queues", "redact", "shown", "migrated"},
    {"models"},
    {"runs", "audit", "hourly", "causes", "decisions"},
    {"ledger", "names", "app_status", "refusals", "estimate", "freshness", "outbox", "slice"},
    {"guards", "webhooks", "clients", "drafts", "forecast", "alerts", "allowances"},
    {"doorbell", "check_service", "check_tenant"},
    {"check_registry"},
    {"doctor"},
    {"compare", "preview", "verdict", "versions"},
    {"admit", "rebuild", "reading", "unmapped", "publish"},
    {"start", "retry", "delivery", "rehearsal", "drift", "adoption"},
    {"leftover"},
    {"sync", "words"},
    {"standing", "health", "handled", "findings", "waiting", "story"},
    {"canvas"},
    {"jobs", "orders", "looks", "history"},
    {"deliveries", "live", "run_looks"},
    {"base page", "links page", "filters page", "starting page"},
    {"cause page", "run_views page", "run_orders page"},
    {"runs page", "errors page", "record page", "records page", "lanes page", "webhooks page",
     "publishing page", "alerts page", "checkups page"},
    {"drafts page"},
    {"desk", "views", "worker", "checks", "metrics"},
    {"operator"},
    {"apps", "sync_registry command", "rqworker command", "manifest command", "allow command",
     "audit command", "adopt command", "run command", "mapping command", "doctor command"},
]  # fmt: skip


def named(path: Path) -> str:
    """Name a module; a command or a page of the admin may bear the name of what it serves."""
    if path.parent.name == "models":
        return "models"
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
            if node.level == 1 and path.parent.name == "models":
                continue  # rows refer to rows
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
