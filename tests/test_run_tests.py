"""What `make test` does before its passes: only what an earlier one has not done."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tools import run_tests

pytestmark = pytest.mark.once
KIND = f"{sys.implementation.cache_tag}-pytest-{pytest.__version__}.pyc"


def test_a_module_is_compiled_again_when_it_or_pytest_has_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(run_tests, "TESTS", tmp_path)
    made = tmp_path / "room" / "__pycache__"
    made.mkdir(parents=True)

    def add(name: str, compiled: str = KIND, *, later: int = 0) -> Path:
        module = made.parent / f"{name}.py"
        for path in (module, made / f"{name}.{compiled}"):
            path.touch()
            os.utime(path, (0, 1000))
        os.utime(module, (0, 1000 + later))
        return module

    add("test_as_it_was")
    changed = add("test_changed", later=5)
    other = add("test_other_pytest", KIND.replace("pytest-", "pytest-0."))
    assert run_tests.uncompiled() == [changed, other]


def test_what_a_pass_compiles_is_seen_as_compiled():
    assert sys.dont_write_bytecode or Path(__file__) not in run_tests.uncompiled()


def test_few_modules_are_left_to_the_workers(monkeypatch):
    monkeypatch.setattr(run_tests, "PYTEST", ["false"])
    monkeypatch.setattr(run_tests.subprocess, "Popen", None)
    monkeypatch.setattr(run_tests, "uncompiled", lambda: [Path("a.py")] * (run_tests.FEW - 1))
    run_tests.compile_tests({})
