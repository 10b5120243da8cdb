"""Run json-server, an independent REST server, with the Node of the test packages."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import requests

from sandbox.children import dies_with_parent, free_port
from tools.json_server import install, node_and_npm


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
        deadline = time.monotonic() + 180
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
        requests.patch(url, json=values, timeout=60).raise_for_status()
