"""The lock files: every direct requirement as pinned, a hash for each package, no addresses."""

from __future__ import annotations

import ast
import json
import re
import sys
from importlib.metadata import packages_distributions

import pytest
from django.conf import settings

from tests.support import ROOT
from tools.syntax_trees import nodes_of

pytestmark = pytest.mark.once
NAMES = ("build", "chem", "otel", "dev", "bench")
LOCKS = ["requirements", *(f"requirements-{name}" for name in NAMES)]
PIN = re.compile(r"^([\w.-]+)(?:\[[\w,]+\])?==([^\s;\\]+)", re.MULTILINE)


def pins(name: str) -> set[tuple[str, str]]:
    """Return the names and versions that a requirements file or a lock pins."""
    found = PIN.findall((ROOT / name).read_text())
    return {(re.sub(r"[-_.]+", "-", package).lower(), version) for package, version in found}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_what_was_asked_for(name: str) -> None:
    assert pins(f"{name}.txt") <= pins(f"{name}.lock"), "run make lock"
    if name != "requirements-bench":  # an environment of its own
        assert pins(f"{name}.lock") <= pins("requirements-dev.lock"), "run make lock"


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_hashes_and_no_addresses(name: str) -> None:
    text = (ROOT / f"{name}.lock").read_text()
    packages = re.split(r"\n(?=\w)", text.strip())
    assert all("--hash=sha256:" in package for package in packages)
    assert "://" not in text


def test_the_lock_of_npm_has_integrity_and_no_addresses() -> None:
    lock = json.loads((ROOT / "tools" / "json-server" / "package-lock.json").read_text())
    packages = [package for path, package in lock["packages"].items() if path]
    assert packages and all(package["integrity"] for package in packages)
    assert not any("resolved" in package for package in packages)


BROUGHT = {
    "benchling-api-client": "benchling-sdk, which is made of it",
    "cryptography": "benchling-sdk[cryptography] and jwcrypto",
    "httpcore": "httpx, so benchling-sdk",
    "httpx": "benchling-sdk, whose client is one of it",
    "urllib3": "requests",
    "werkzeug": "openapi-core",
}
"""Packages that are imported and not asked for, and what brings them."""


def imported(*folders: str) -> set[str]:
    """Return the first names of the modules that the code of folders imports."""
    found = set()
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in nodes_of(path):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(str(node.module))
    return {name.partition(".")[0] for name in found}


@pytest.mark.parametrize(
    ("folders", "files"),
    [
        (["registry_sync", "integration"], ["", "-chem", "-otel"]),
        (["sandbox"], ["", "/sandbox"]),  # it is only used beside the service
    ],
)
def test_a_package_that_is_imported_was_asked_for(folders: list[str], files: list[str]) -> None:
    """The wheels are tested beside this environment's packages, so they would not miss one."""
    names = imported(*folders)
    if "integration" in folders:
        loaded = (*settings.INSTALLED_APPS, *settings.MIDDLEWARE)
        names |= {name.partition(".")[0] for name in loaded}
    ours = {"registry_sync", "integration", "sandbox"} | sys.stdlib_module_names
    asked = {name for file in files for name, _ in pins(_requirements(file))}
    of_module = packages_distributions()
    missing = {
        name: of_module.get(name)
        for name in names - ours
        if not {re.sub(r"[-_.]+", "-", one).lower() for one in of_module.get(name, ())}
        & (asked | BROUGHT.keys())
    }
    assert missing == {}
    assert not BROUGHT.keys() & asked


def _requirements(which: str) -> str:
    return "sandbox/requirements.txt" if which == "/sandbox" else f"requirements{which}.txt"
