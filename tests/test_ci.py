"""`.ci/run` and the workflow that calls it: each job tests the Python that its name says."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support import ROOT

pytestmark = [pytest.mark.once, pytest.mark.process]
IMAGES = "/usr/local/bin/python3"
"""Where https://hub.docker.com/_/python has the version that the tag names."""


def test_ci_tests_the_python_that_it_is_given(tmp_path: Path) -> None:
    for name, says in (("make", 'echo "$1 $PYTHON"'), ("apt-get", "")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{says}\n")
        (tmp_path / name).chmod(0o755)
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin", "PYTHON": "/given/python3"}
    done = subprocess.run(
        [ROOT / ".ci" / "run"], env=env, capture_output=True, text=True, timeout=120, check=True
    )
    assert "test /given/python3" in done.stdout.splitlines()


def test_the_workflow_gives_it_the_python_of_its_image() -> None:
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8")
    (job,) = yaml.safe_load(text)["jobs"].values()
    assert "${{ matrix.python }}" in job["container"] and job["strategy"]["matrix"]["python"][1:]
    (step,) = (step for step in job["steps"] if step.get("run") == ".ci/run")
    assert step["env"]["PYTHON"] == IMAGES
