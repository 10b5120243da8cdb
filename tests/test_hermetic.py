"""The suite touches nothing that it did not start, whatever the shell exports."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import hypothesis.core
import pytest

from tests.support.environment import NETWORK, POSTGRES, PREFIXES, SEED, SERVERS, VARIABLES

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parent.parent
READ = """
import json, os, tests.settings as s
print(json.dumps([s.REDIS_URL, str(s.DATABASES["default"]["NAME"]), s.BATCH_SIZE, s.METRICS_TOKEN,
                  s.BENCHLING_APP_ID, os.environ.get("https_proxy"),
                  sorted(name for name, value in os.environ.items() if value == "7")]))
"""


def variables_read(path: Path) -> set[str]:
    """Return the names of the environment variables that a settings file reads."""
    return {
        str(node.args[0].value)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id.startswith("env")
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }


def test_every_variable_of_the_settings_is_isolated():
    found = variables_read(ROOT / "integration" / "settings.py") | {"LOG_LEVEL"}
    assert found == set(VARIABLES)


@pytest.mark.process
def test_what_the_shell_exports_is_not_seen(tmp_path):
    secret = tmp_path / "token"
    secret.write_text("hunter2")
    shell = dict.fromkeys(VARIABLES, "7") | dict.fromkeys(NETWORK, "http://127.0.0.1:9")
    shell |= dict.fromkeys((*SERVERS, *(f"{prefix}X" for prefix in PREFIXES)), "7")
    shell |= {"https_proxy": "http://127.0.0.1:9", "REDIS_URL": "redis://127.0.0.1:9/0",
              "DATABASE_URL": "postgres://nobody@127.0.0.1:9/none",
              "METRICS_TOKEN_FILE": str(secret), "PATH": os.environ["PATH"]}  # fmt: skip
    shell.pop(POSTGRES, None)
    done = subprocess.run(
        [sys.executable, "-c", READ], cwd=ROOT, env=shell, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    database = str(ROOT / "registry_sync.sqlite3")
    assert ast.literal_eval(done.stdout.replace("null", "None")) == [
        "", database, 2500, "", "app_test", None, [],
    ]  # fmt: skip


def test_what_hypothesis_makes_comes_from_the_seed_of_the_suite():
    assert hypothesis.core.global_force_seed == int(SEED)
