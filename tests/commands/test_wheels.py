"""The wheels: built, installed beside nothing of the checkout, and used from an empty folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path

import pytest
import requests

from sandbox.children import dies_with_parent, free_port
from tests.support import ROOT
from tests.support.database import migrated, shared
from tests.support.deployment import until
from tests.support.environment import FULL

pytestmark = [pytest.mark.once, pytest.mark.process]
OWN = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "DEBUG": "1", "LANG": "C.UTF-8"}


@pytest.fixture(scope="module")
def installed() -> Path:
    """Return the folder of commands of an environment in which the two wheels are installed.

    Their dependencies are this environment's, seen by a path file; `make test-long` installs them.
    """
    return Path(shared("installed", install))


def install(where: Path) -> str:
    """Build the wheels and install them in a new environment; return its folder of commands."""
    folder = Path(tempfile.mkdtemp(dir=where))  # another worker may have failed in one
    copy = folder / "checkout"
    kept = shutil.ignore_patterns("__pycache__", "node_modules")
    for name in ("registry_sync", "integration", "sandbox"):
        shutil.copytree(ROOT / name, copy / name, ignore=kept)
    for path in [*ROOT.glob("requirements*.txt"), ROOT / "pyproject.toml", ROOT / "manifest.yaml",
                 ROOT / "README.md", ROOT / "LICENSE"]:  # fmt: skip
        shutil.copy(path, copy)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    sources = map(str, (copy, copy / "sandbox"))
    run([*build, "--wheel-dir", str(folder), *sources], cwd=folder)
    environment = folder / "environment"
    venv.create(environment, with_pip=False)
    words = [sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python"),
             "install", "--quiet", "--disable-pip-version-check"]  # fmt: skip
    if FULL:
        words += ["--require-virtualenv"]
    else:
        words += ["--no-deps"]
        site = next((environment / "lib").glob("python*/site-packages"))
        (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    run([*words, *map(str, folder.glob("*.whl"))], cwd=folder)
    shutil.rmtree(copy)
    return str(environment / "bin")


def run(
    words: list[str], *, cwd: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command that must succeed."""
    done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, timeout=450)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done


def test_the_package_works_in_the_current_folder(installed: Path, tmp_path: Path) -> None:
    command = str(installed / "registry-sync")
    shutil.copy(migrated(), tmp_path / "registry_sync.sqlite3")  # the demo below migrates its own
    run([command, "migrate", "--check"], cwd=tmp_path, env=OWN)
    made = [command, "manifest", "--new-key", "app.pem", "--output", "registry-sync.yaml"]
    run(made, cwd=tmp_path, env=OWN)
    assert {path.name for path in tmp_path.iterdir()} == {
        "registry_sync.sqlite3", "app.pem", "registry-sync.yaml"
    }  # fmt: skip
    version = run([command, "shell", "-c", WHERE], cwd=tmp_path, env=OWN).stdout
    assert str(installed.parent) in version and str(ROOT) not in version
    run([command, "collectstatic", "--no-input"], cwd=tmp_path, env=OWN)
    assert (tmp_path / "staticfiles" / "registry_sync" / "desk.css").exists()
    where = f"127.0.0.1:{free_port()}"
    web = subprocess.Popen(
        [command, "web"], cwd=tmp_path, env=OWN | {"BIND": where, "WEB_CONCURRENCY": "1"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=dies_with_parent,
    )  # fmt: skip
    try:
        until(lambda: _answers(f"http://{where}/healthz?live"), seconds=60, what="the web service")
        page = requests.get(f"http://{where}/admin/login/", timeout=20)
        assert page.ok and "Registry Sync" in page.text
        style = requests.get(f"http://{where}/static/registry_sync/desk.css", timeout=20)
        assert style.ok and style.headers["Content-Type"].startswith("text/css")
    finally:
        web.terminate()
        web.wait(30)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False


WHERE = "import registry_sync; print(registry_sync.__file__)"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_demo_runs_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    command = [str(installed / "registry-sync"), "demo", "--once"]
    home = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    said = run(command, cwd=tmp_path, env=home).stdout
    assert "2,591" in said and "Not as expected" not in said
    assert not list(tmp_path.iterdir())
