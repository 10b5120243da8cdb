"""Registries that others wrote, each in a process of its own: Kinto, Django REST Framework, and
CouchDB's API by PouchDB."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, ClassVar

import requests

from sandbox.children import dies_with_parent, free_port
from tests.support import ROOT
from tools.json_server import FOLDER, install, node_and_npm

Json = dict[str, Any]
KINTO = """
[app:main]
use = egg:kinto
kinto.storage_backend = kinto.core.storage.memory
kinto.permission_backend = kinto.core.permission.memory
kinto.cache_backend = kinto.core.cache.memory
kinto.userid_hmac_secret = only-for-tests
kinto.bucket_create_principals = system.Everyone
kinto.paginate_by = 10
multiauth.policies = basicauth

[server:main]
use = egg:waitress#main
host = 127.0.0.1
port = {port}
"""


class Server:
    """One server with a list of compounds, whose records have an id, a name and a note."""

    list_path: ClassVar[str]
    record_path: ClassVar[str]
    ready_path: ClassVar[str] = "/"
    settings: ClassVar[Json]
    """The Connector Settings of a person who knows it."""
    fields: ClassVar[tuple[str, str, str]] = ("id", "name", "note")
    """Where a record of the list has its id, its name and its note."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = requests.Session()
        self._folder = tempfile.TemporaryDirectory(prefix="registry-")

    @property
    def list_url(self) -> str:
        return self.url + self.list_path

    def command(self, folder: Path) -> list[str]:
        raise NotImplementedError

    def __enter__(self) -> Any:
        with (Path(self._folder.name) / "output.txt").open("w") as output:
            self._process = subprocess.Popen(
                self.command(Path(self._folder.name)), cwd=ROOT, stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT, preexec_fn=dies_with_parent,
            )  # fmt: skip
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(requests.RequestException):
                if self.http.get(self.url + self.ready_path, timeout=5).ok:
                    self.furnish()
                    return self
            time.sleep(0.05)
        said = (Path(self._folder.name) / "output.txt").read_text()[-2000:]
        self.__exit__()
        raise RuntimeError(f"{type(self).__name__} did not start: {said}")

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self.http.close()
        self._folder.cleanup()

    # -- what its people do ------------------------------------------------------------------

    def furnish(self) -> None:
        """Make the list."""

    def add(self, external_id: str, name: str, note: str) -> None:
        raise NotImplementedError

    def edit(self, external_id: str, note: str) -> None:
        raise NotImplementedError

    def delete(self, external_id: str) -> None:
        self._send("DELETE", self.record_path.format(external_id))

    def _send(self, method: str, path: str, body: Json | None = None) -> Json:
        answer = self.http.request(method, self.url + path, json=body, timeout=60)
        answer.raise_for_status()
        return answer.json() if answer.content else {}


class Kinto(Server):
    """Names the next page in a header of its own; says what was deleted when asked for changes."""

    ready_path = "/v1/"
    record_path = "/v1/buckets/lab/collections/compounds/records/{}"
    list_path = "/v1/buckets/lab/collections/compounds/records"
    settings: ClassVar[Json] = {
        "endpoint": {
            "data_selector": "data",
            "params": {"_since": "{incremental.start_value}", "_sort": "last_modified"},
            "incremental": {"cursor_path": "last_modified", "datetime_format": "epoch_ms"},
        },
    }

    def command(self, folder: Path) -> list[str]:
        (folder / "kinto.ini").write_text(KINTO.format(port=self.port))
        kinto = Path(sys.executable).with_name("kinto")
        return [str(kinto), "start", "--ini", str(folder / "kinto.ini")]

    def furnish(self) -> None:
        self.http.auth = ("lab", "key")
        self._send("PUT", "/v1/buckets/lab")
        public = {"permissions": {"read": ["system.Everyone"]}}
        self._send("PUT", "/v1/buckets/lab/collections/compounds", public)

    def add(self, external_id: str, name: str, note: str) -> None:
        path = self.record_path.format(external_id)
        self._send("PUT", path, {"data": {"name": name, "note": note}})

    def edit(self, external_id: str, note: str) -> None:
        self._send("PATCH", self.record_path.format(external_id), {"data": {"note": note}})


class Drf(Server):
    """Pages by number, with the total and a link in the body."""

    ready_path = "/compounds/"
    record_path = "/compounds/{}/"
    list_path = "/compounds/"
    settings: ClassVar[Json] = {
        "endpoint": {
            "data_selector": "results",
            "params": {"modified_since": "{incremental.start_value}"},
            "incremental": {"cursor_path": "modified_at"},
        },
    }

    def command(self, folder: Path) -> list[str]:
        return [sys.executable, "-m", "tests.support.drf", str(self.port)]

    def add(self, external_id: str, name: str, note: str) -> None:
        self._send("POST", "/compounds/", {"id": external_id, "name": name, "note": note})

    def edit(self, external_id: str, note: str) -> None:
        self._send("PATCH", self.record_path.format(external_id), {"note": note})


class CouchDb(Server):
    """Gives its documents inside rows, of which `limit` and `skip` say how many and from where."""

    record_path = "/lab/{}"
    list_path = "/lab/_all_docs?include_docs=true&limit=10"
    fields = ("id", "doc.name", "doc.note")
    settings: ClassVar[Json] = {
        "endpoint": {
            "path": "lab/_all_docs",
            "params": {"include_docs": "true"},
            "data_selector": "rows",
            "paginator": {
                "type": "offset", "limit": 10, "limit_param": "limit", "offset_param": "skip",
                "total_path": "total_rows",
            },
        },
    }  # fmt: skip

    def command(self, folder: Path) -> list[str]:
        install()
        node, _ = node_and_npm()
        return [*node, str(FOLDER / "couchdb.js"), str(self.port), str(folder)]

    def furnish(self) -> None:
        self._send("PUT", "/lab")

    def add(self, external_id: str, name: str, note: str) -> None:
        self._send("PUT", self.record_path.format(external_id), {"name": name, "note": note})

    def edit(self, external_id: str, note: str) -> None:
        path = self.record_path.format(external_id)
        self._send("PUT", path, {**self._send("GET", path), "note": note})

    def delete(self, external_id: str) -> None:
        path = self.record_path.format(external_id)
        revision = self._send("GET", path)["_rev"]
        self._send("DELETE", f"{path}?rev={revision}")


SERVERS: tuple[type[Server], ...] = (Kinto, Drf, CouchDb)
