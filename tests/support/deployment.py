"""The service as an operator runs it: processes of its own, a database that outlives them."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from django.contrib.auth.hashers import PBKDF2PasswordHasher

from sandbox.children import free_port
from sandbox.redis import RedisServer
from tests.support.database import OPERATOR, create_database, migrated, on_postgres, shared
from tests.support.exchanges import EXCHANGES
from tests.support.registry import compound
from tests.support.starting import start_python
from tests.support.worlds import APP, CLIENT, DEFINITION, PRIVATE, SECRET, World, build

LEASE = 2
"""Seconds, where a process is killed: after those of the product a test would wait for minutes."""
SHIPPED_LEASE = 80
"""Seconds, where none is killed. A worker looks after others three times in a lease, by a fork that
asks the database: with a short one that is half of what it does."""
INSISTENT = {"webhook_attempts": 30, "longest_webhook_retry": 8.0}
"""A tenant that sends each webhook again for four minutes: a busy service answers too late, or 503
for ten seconds because it could not fetch the signing keys in two. It does so at least every
eight seconds, for `until` does not wait for a gap of minutes."""


class Deployment:
    """`manage.py` against a world, on SQLite or on the PostgreSQL that DATABASE_URL names."""

    def __init__(self, world: World, folder: Path, **env: str) -> None:
        self.world, self.folder = world, folder
        self.children: list[subprocess.Popen[bytes]] = []
        self.postgres = on_postgres()
        self.database = self._new_database()
        self.env = {
            **os.environ,
            **OPERATOR,
            "DATABASE_URL": self.database,
            "BENCHLING_URL": world.server.url,
            "BENCHLING_APP_ID": APP,
            "BENCHLING_CLIENT_ID": CLIENT,
            "BENCHLING_CLIENT_SECRET": SECRET,
            "BENCHLING_PRIVATE_KEY": PRIVATE,
            "REGISTRY_ALLOW_PRIVATE_NETWORKS": "1",
            "LEASE_SECONDS": str(LEASE),
            "BATCH_SIZE": "100",
            **env,
        }

    def _new_database(self) -> str:
        """Copy a database that was migrated once for all tests."""
        if not self.postgres:
            self.path = self.folder / "deployment.sqlite3"
            shutil.copy(migrated(), self.path)
            return f"sqlite:///{self.path}"
        return create_database(f"TEMPLATE {migrated()}")

    def use_empty_database(self) -> None:
        """Go on with a database that has nothing, not even tables."""
        if self.postgres:
            self.database = create_database()
        else:
            self.path = self.folder / "empty.sqlite3"
            self.database = f"sqlite:///{self.path}"
        self.env["DATABASE_URL"] = self.database

    # -- processes -------------------------------------------------------------------------

    def start(self, *words: str, log: str = "child") -> subprocess.Popen[bytes]:
        """Start `manage.py words` in a process group of its own; it ends with the tests."""
        return self.spawn("manage.py", *words, log=log)

    def spawn(self, *words: str, log: str) -> subprocess.Popen[bytes]:
        """Start `python words` in a process group of its own; it ends with the tests."""
        with (self.folder / f"{log}.log").open("ab") as out:
            child = start_python(*words, env=self.env, often=True, stdout=out, stderr=out)
        self.children.append(child)
        return child

    def run(self, *words: str, timeout: float = 300) -> tuple[int, str]:
        """Run `manage.py words`; its exit status and what it said."""
        log = uuid.uuid4().hex
        child = self.start(*words, log=log)
        status = child.wait(timeout)
        return status, self.log(log)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(encoding="utf-8")

    def serve_admin(self) -> str:
        """Start the web service alone, and give its address."""
        url = f"http://127.0.0.1:{free_port()}"
        self.start(
            "runserver", "--noreload", "--skip-checks", url.removeprefix("http://"), log="web"
        )
        until(lambda: _answers(url), seconds=30, what="the web service")
        return url

    def serve_with_gunicorn(self) -> str:
        """Start the web service as the README does, and give its address."""
        address = f"127.0.0.1:{free_port()}"
        self.env["BIND"] = address
        words = ("-m", "gunicorn", "-c", "integration/gunicorn.conf.py", "integration.wsgi")
        self.spawn(*words, log="web")
        url = f"http://{address}{self.env.get('SCRIPT_NAME', '')}"
        until(lambda: _answers(url), seconds=30, what="gunicorn")
        return url

    def sync(self, *words: str) -> tuple[int, str]:
        """Sync until no dead run's lease is in the way."""
        deadline = time.monotonic() + 300
        while True:
            status, said = self.run("sync_registry", *words)
            if status != 75 or time.monotonic() > deadline:
                return status, said
            time.sleep(0.3)

    def stop(self) -> None:
        for child in self.children:
            if child.poll() is None:
                kill(child)

    # -- the database ----------------------------------------------------------------------

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement past the service; return the rows."""
        if self.postgres:
            import psycopg

            with psycopg.connect(self.database) as connection:
                return list(connection.execute(statement.encode()).fetchall())
        with sqlite3.connect(self.path, timeout=20) as database:
            return list(database.execute(statement).fetchall())

    def add_superuser(self, name: str) -> None:
        """Add someone who may do everything, with the password `demo`: a row, and no process."""
        hasher = PBKDF2PasswordHasher()
        hashed = shared("demo-password", lambda _: hasher.encode("demo", "salt" * 8))
        self.rows(
            "INSERT INTO auth_user (username, password, first_name, last_name, email, "
            "is_superuser, is_staff, is_active, date_joined) VALUES "
            f"('{name}', '{hashed}', '', '', '', true, true, true, CURRENT_TIMESTAMP) RETURNING id"
        )

    def statuses(self) -> list[str]:
        return [row[0] for row in self.rows("SELECT status FROM registry_sync_syncrun ORDER BY id")]


def kill(child: subprocess.Popen[bytes]) -> None:
    """End a process and all it started, with no chance to say a word."""
    os.killpg(child.pid, signal.SIGKILL)
    child.wait(120)


def until(question: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Wait for something to become true: for two minutes at least, whatever the machine does."""
    longest = max(2 * seconds, 120.0)
    deadline, pause = time.monotonic() + longest, 0.005
    while not question():
        assert time.monotonic() < deadline, f"not within {longest:.0f} s: {what}"
        time.sleep(pause)
        pause = min(2 * pause, 0.05)


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/healthz", timeout=2).ok
    except requests.RequestException:
        return False


class Service:
    """Web and workers of a deployment, as systemd would start them.

    `shipped`: the web service is gunicorn as the README starts it, which takes longer to start.
    """

    def __init__(self, d: Deployment, *, shipped: bool = False) -> None:
        self.d = d
        self.interactive = d.start("rqworker", "interactive", log="interactive")
        self.worker = d.start("rqworker", "sync", log="sync")
        self.url = d.serve_with_gunicorn() if shipped else d.serve_admin()
        d.world.tenant.apps[APP]["webhook_url"] = f"{self.url}/benchling/webhooks"

    def keep_running(self) -> None:
        """Start a worker again that has ended, as systemd would."""
        if self.interactive.poll() is not None:
            self.interactive = self.d.start("rqworker", "interactive", log="interactive")
        if self.worker.poll() is not None:
            self.worker = self.d.start("rqworker", "sync", log="sync")


def serve(
    deploy: Callable[..., Deployment],
    redis: Any,
    count: int,
    *,
    shipped: bool = False,
    lease: int = SHIPPED_LEASE,
    **options: Any,
) -> Service:
    """Start web and workers that receive the webhooks of a tenant that insists."""
    env = {"REDIS_URL": redis.url, "BENCHLING_APP_DEFINITION_ID": DEFINITION,
           "LEASE_SECONDS": str(lease)}  # fmt: skip
    d = deploy(count, env=env, **{**INSISTENT, **options})
    d.env["BENCHLING_JWKS_URL"] = f"{d.world.server.url}/sandbox/jwks"
    return Service(d, shipped=shipped)


Make = Callable[..., Deployment]


@pytest.fixture
def deploy(request: pytest.FixtureRequest, settings: Any, tmp_path: Path) -> Iterator[Make]:
    """Give `make(records, **options)`: a world, and the service in processes beside it."""
    made: list[tuple[World, Deployment]] = []

    def make(count: int, *, env: dict[str, str] | None = None, **switches: Any) -> Deployment:
        records = [compound(n) for n in range(count)]
        options = {"page_size": 250, "contract": "after", "rate_limit": 1000, **switches}
        world = build(settings, records, **options)
        deployment = Deployment(world, tmp_path, **(env or {}))
        made.append((world, deployment))
        return deployment

    yield make
    for world, deployment in made:
        deployment.stop()
        violations = world.server.settled_violations()
        checked = world.tenant.counters["exchanges_checked"]
        request.config.stash.setdefault(EXCHANGES, []).append(checked)
        world.server.stop()
        world.registry.stop()
        assert not violations, violations[:3]


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """A Redis of the test's own, for it is emptied and stopped."""
    server = RedisServer().start()
    yield server
    server.stop()
