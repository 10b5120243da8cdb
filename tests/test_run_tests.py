"""What `make test` does before its passes: only what an earlier one has not done."""

from __future__ import annotations

import sys
from importlib.util import source_hash
from pathlib import Path

import pytest

from tools import run_tests

pytestmark = pytest.mark.once
KIND = f"{sys.implementation.cache_tag}-pytest-{pytest.__version__}.pyc"


def test_a_module_is_compiled_again_when_it_or_pytest_has_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(run_tests, "TESTS", tmp_path)
    made = tmp_path / "__pycache__"
    made.mkdir()

    def add(name: str, compiled: str = KIND, *, of: str = "") -> Path:
        module = tmp_path / f"{name}.py"
        module.write_text(name)
        header = b"magic" + bytes(3) + source_hash((of or name).encode())
        (made / f"{name}.{compiled}").write_bytes(header + b"code")
        return module

    add("test_as_it_was")
    changed = add("test_changed", of="test_before")
    other = add("test_other_pytest", KIND.replace("pytest-", "pytest-0."))
    assert run_tests.uncompiled() == [changed, other]


def test_what_a_pass_compiles_is_seen_as_compiled():
    assert sys.dont_write_bytecode or Path(__file__) not in run_tests.uncompiled()


def test_few_modules_are_left_to_the_workers(monkeypatch):
    monkeypatch.setattr(run_tests, "PYTEST", ["false"])
    monkeypatch.setattr(run_tests.subprocess, "Popen", None)
    monkeypatch.setattr(run_tests, "uncompiled", lambda: [Path("a.py")] * (run_tests.FEW - 1))
    run_tests.compile_tests({})
