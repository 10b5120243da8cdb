"""The lock files: every direct requirement as pinned, a hash for each package, no addresses."""

from __future__ import annotations

import json
import re

import pytest

from tests.support import ROOT

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
