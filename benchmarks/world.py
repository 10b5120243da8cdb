"""A tenant, a registry and their client, each in its own process, and the resources they used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.children import dies_with_parent
from sandbox.postgres import PostgresServer

from .registry import KINDS
from .used import Measured, Used, used_by

Json = dict[str, Any]
ROOT = Path(__file__).resolve().parent.parent
TENANT: dict[str, Any] = {
    "latency": 0.08,
    "task_base": 0.15,
    "task_per_entity": 0.002,
    "works_ahead": True,
    "contract": "after",
}
"""80 ms a request, a task of 150 ms + 2 ms an entity; Benchling's 300 requests in 30 s hold."""
HOURS_AGO = 7200.0
NUMBERS = count(1)
PEERS = str(ROOT / ".venv-bench" / "bin" / "python")
FIELDS = {
    "SMILES": ("long_text", "smiles"),
    "Kind": ("dropdown", "kind"),
    "Approval": ("integer", "approval"),
    "Weight": ("float", "weight"),
    "Batch": ("text", "batch"),
    "Supplier": ("text", "supplier"),
}


class World:
    """One tenant and one registry of `count` records; a fresh one for each contender.

    `checkout` is the folder of the service's code that is measured. With `server`, the service has
    a database there; otherwise it has an SQLite file. `granular`: the tenant takes four
    registrations at a time, and the service sends as many. `tenant` changes how it behaves.
    """

    def __init__(
        self,
        count: int,
        *,
        checkout: Path = ROOT,
        server: PostgresServer | None = None,
        granular: bool = False,
        tenant: Json | None = None,
    ) -> None:
        self.behavior = TENANT | {"granular_locking": granular} | (tenant or {})
        self.count, self.checkout, self.server, self.granular = count, checkout, server, granular
        self.folder = tempfile.TemporaryDirectory(prefix="registry-sync-bench-")
        self.children: list[subprocess.Popen[str]] = []
        self.tenant = self.registry = self.database = ""

    def __enter__(self) -> Self:
        self.tenant = self._serve("sandbox.tenant", "--settings", json.dumps(self.behavior))
        self.registry = self._serve("benchmarks.registry", "--count", str(self.count))
        # What is written was written hours ago: a full run looks at what changed since the last.
        self._move_clock(-HOURS_AGO)
        self._furnish()
        self.database = self._make_database()
        self.manage("migrate", "--verbosity", "0")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for child in self.children:
            child.kill()
            child.wait()
        self.folder.cleanup()

    def _serve(self, module: str, *words: str) -> str:
        child = subprocess.Popen(
            [sys.executable, "-m", module, *words],
            cwd=ROOT, text=True, stdout=subprocess.PIPE, preexec_fn=dies_with_parent,
        )  # fmt: skip
        self.children.append(child)
        assert child.stdout is not None
        return str(json.loads(child.stdout.readline())["url"])

    def _furnish(self) -> None:
        key = rsa.generate_private_key(65537, 2048)
        self.private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        made = self._provision(
            ("add_registry", ["Research"], {}),
            ("add_folder", ["Compounds"], {}),
            ("add_dropdown", ["Kinds", KINDS], {}),
            ("install_app", ["app_b", "appdef_b", "client", "secret", public.decode()], {}),
        )
        self.benchling_registry, self.benchling_folder, self.kinds = made[:3]
        definitions = [
            {"name": name, "type": type_} | ({"dropdownId": self.kinds} if name == "Kind" else {})
            for name, (type_, _) in FIELDS.items()
        ]
        (self.schema,) = self._provision(
            ("add_schema", ["Compound", self.benchling_registry],
             {"fields": definitions, "prefix": "CMP"}),
        )  # fmt: skip
        self._provision(("configure", ["app_b", self._configuration()], {}))

    def _configuration(self) -> Json:
        return {
            "API URL": self.registry,
            "API Key": "key",
            "Schema to Sync": self.schema,
            "Registry": self.benchling_registry,
            "Synced Entity Location": self.benchling_folder,
            "Field Configurations": [[name, path] for name, (_, path) in FIELDS.items()],
            "Connector Settings": {
                "endpoint": {
                    "params": {"since": "{incremental.start_value}"},
                    "incremental": {"cursor_path": "modified_at", "lag": 0},
                }
            },
        }

    def _provision(self, *calls: tuple[str, list[Any], Json]) -> list[Any]:
        answer = requests.post(f"{self.tenant}/sandbox/provision", json=calls, timeout=30)
        answer.raise_for_status()
        return list(answer.json()["results"])

    def counters(self) -> Json:
        """Return the tenant's counters once every exchange has been checked."""
        answer = requests.get(f"{self.tenant}/sandbox/counters", timeout=600)
        answer.raise_for_status()
        return dict(answer.json())

    def edit(self, count: int) -> None:
        requests.get(f"{self.registry[: -len('/compounds')]}/edit?count={count}", timeout=30)

    def look_at_everything(self) -> None:
        """Make the next full run read all of the tenant's entities."""
        code = "from registry_sync.models import Lane; Lane.objects.update(looked_at=None)"
        if self.manage("shell", "--verbosity", "0", "-c", code).status:
            raise RuntimeError("the time of the lane's last check could not be reset")

    def _move_clock(self, seconds: float) -> None:
        answer = requests.post(f"{self.tenant}/sandbox/clock", json={"advance": seconds}, timeout=9)
        answer.raise_for_status()

    # -- the contenders --------------------------------------------------------------------

    def ours(self, *words: str) -> Measured:
        """Run `manage.py sync_registry` as cron does."""
        return self._measured(["manage.py", "sync_registry", *words], self.environment())

    def manage(self, *words: str) -> Used:
        """Run another command of the service, and return what it used."""
        return self._run(["manage.py", *words], self.environment(), folder=self.checkout)

    def profile(self, page: Path, *words: str) -> Used:
        """Run a command of the service under a profiler, which writes a page."""
        profiler = ["-m", "pyinstrument", "--renderer", "html", "--outfile", str(page)]
        return self._run([*profiler, "manage.py", *words], self.environment(), folder=self.checkout)

    def plain(self) -> Measured:
        """Run the plain script."""
        return self._measured(["-m", "benchmarks.plain_script", *self._script()], dict(os.environ))

    def dlt(self) -> Measured:
        """Run the pipeline of dlt, in the environment of the others."""
        words = ["-m", "benchmarks.dlt_script", *self._script(), "--state", self.folder.name]
        return self._measured(words, dict(os.environ), python=PEERS)

    def bare_read(self) -> Measured:
        """Read and parse the registry's pages, and do nothing else."""
        words = ["-m", "benchmarks.bare", "--url", self.registry, "--key", "key"]
        return self._measured([*words, "--count", str(self.count)], dict(os.environ))

    def bare_start(self) -> Measured:
        """Set Django up and import the SDK, and do nothing else."""
        env = self.environment() | {"DJANGO_SETTINGS_MODULE": "integration.settings"}
        return self._measured(["-m", "benchmarks.bare"], env)

    def _script(self) -> list[str]:
        mapping = [f"{name}={path}" for name, (_, path) in FIELDS.items()]
        return ["--tenant", self.tenant, "--client-id", "client", "--client-secret", "secret",
                "--url", self.registry, "--key", "key", "--schema", self.schema,
                "--registry", self.benchling_registry, "--folder", self.benchling_folder,
                "--dropdown", self.kinds, "--map", *mapping]  # fmt: skip

    def environment(self) -> dict[str, str]:
        """Return the service's environment variables."""
        return {
            **os.environ,
            "DATABASE_URL": self.database,
            "SECRET_KEY": "only-for-benchmarks",
            "DEBUG": "0",
            "ALLOWED_HOSTS": "localhost",
            "BENCHLING_URL": self.tenant,
            "BENCHLING_CLIENT_ID": "client",
            "BENCHLING_CLIENT_SECRET": "secret",
            "BENCHLING_APP_ID": "app_b",
            "BENCHLING_PRIVATE_KEY": self.private,
            "REGISTRY_ALLOW_PRIVATE_NETWORKS": "1",
            "LOG_LEVEL": "WARNING",
            "IN_FLIGHT": "4" if self.granular else "1",
        }

    def _make_database(self) -> str:
        """Create and migrate the service's database, and return its address."""
        if self.server is None:
            return f"sqlite:///{Path(self.folder.name) / 'registry_sync.sqlite3'}"
        name = f"bench_{next(NUMBERS)}"
        with psycopg.connect(self.server.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.server.url.rpartition("/")[0] + f"/{name}"

    def _measured(
        self, words: Sequence[str], env: dict[str, str], *, python: str = sys.executable
    ) -> Measured:
        folder = self.checkout if words[0] == "manage.py" else ROOT
        before = self.counters()
        used = self._run(words, env, folder=folder, python=python)
        after = self.counters()
        sessions = sum(
            n - before["endpoints"].get(name, 0)
            for name, n in after["endpoints"].items()
            if "app-sessions" in name
        )
        if after["contract_violations"]:
            raise RuntimeError(f"outside the contract: {after['violations'][:3]}")
        return Measured(
            used,
            after["objects_written"] - before["objects_written"],
            after["requests"] - before["requests"],
            sessions,
            sum(_upserts(after)) - sum(_upserts(before)),
            after["own_seconds"] - before["own_seconds"],
        )

    def _run(
        self,
        words: Sequence[str],
        env: dict[str, str],
        *,
        folder: Path,
        python: str = sys.executable,
    ) -> Used:
        env.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed service is compiled, and a peer too
        began = time.monotonic()
        child = subprocess.Popen([python, *words], cwd=folder, env=env, preexec_fn=dies_with_parent)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        return used_by(time.monotonic() - began, usage, child.returncode)


def _upserts(counters: Json) -> list[int]:
    return [n for name, n in counters["endpoints"].items() if name.endswith(":bulk-upsert")]
