"""A database that is migrated once; the suite's workers and its deployments copy it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from django.core.management.color import no_style
from django.db import DEFAULT_DB_ALIAS, connections

from tests.support import ROOT

OPERATOR = {
    "DJANGO_SETTINGS_MODULE": "integration.settings",  # not the tests', which undo what is set here
    "DEBUG": "1",
    "SECRET_KEY": "only-for-tests",
}
KEPT = ROOT / ".pytest_cache" / "migrated"
"""SQLite files of earlier passes, named for the code that made them."""


def on_postgres() -> bool:
    """Return whether this pass is on PostgreSQL."""
    return os.environ.get("DATABASE_URL", "").startswith("postgres")


@cache
def migrated() -> str:
    """Migrate one database for all workers, who copy it; return its path or its name."""
    return shared("migrated", _migrated_database if on_postgres() else _migrated_file)


def begin_migrating() -> Callable[[], object]:
    """Migrate in a process beside the workers that start; return how to wait for its end."""
    if not on_postgres() and _kept().exists():
        return int
    words = [sys.executable, "-c", f"from {__name__} import migrated; migrated()"]
    return subprocess.Popen(words, cwd=ROOT).wait


def shared(name: str, make: Callable[[Path], str]) -> str:
    """Return what `make(folder)` returned, which one of all workers calls once."""
    folder = Path(os.environ["SHARED_BY_TESTS"])
    done = folder / name
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            done.write_text(make(folder))
    return done.read_text()


def create_database(how: str = "") -> str:
    """Create a database on the suite's PostgreSQL; return its URL."""
    import psycopg

    server = os.environ["DATABASE_URL"]
    name = f"d_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} {how}")
    return f"{server.rsplit('/', 1)[0]}/{name}"


def copy_into(alias: str) -> None:
    """Fill a worker's own database in memory; on PostgreSQL it was created as a copy."""
    if on_postgres():
        return
    connection: Any = connections[alias]
    connection.ensure_connection()
    with sqlite3.connect(migrated()) as source:
        source.backup(connection.connection)
    source.close()


LASTING = {"django_content_type", "auth_permission"}
"""Tables of what `migrate` makes for each model: to make it again after each test takes longest."""


SMALL = 2_000_000
"""Bytes of all tables below which rows are deleted; deleted rows stay in the files for a while."""


def empty(_: object = None) -> None:
    """Empty every table but these, as `manage.py flush` does; it looks for them each time."""
    connection: Any = connections[DEFAULT_DB_ALIAS]
    if on_postgres() and not _is_small(connection):
        statements = connection.ops.sql_flush(no_style(), _tables())
    else:
        statements = [f"DELETE FROM {connection.ops.quote_name(name)}" for name in _tables()]
        if on_postgres():
            # To truncate is to make a hundred files anew: 50 ms of CPU, where this takes 3.
            # As with TRUNCATE, no trigger of a row is asked; each test's connection may set that.
            statements = ["; ".join(("SET LOCAL session_replication_role = replica", *statements))]
    connection.ops.execute_sql_flush(statements)


@cache
def _tables() -> list[str]:
    names = connections[DEFAULT_DB_ALIAS].introspection.django_table_names()
    return [name for name in names if name not in LASTING]


def _is_small(connection: Any) -> bool:
    """Return whether few rows were left, of this test and of those that only deleted theirs."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(pg_relation_size(oid)) FROM pg_class "
            "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        return int(cursor.fetchone()[0]) < SMALL


def _migrated_file(folder: Path) -> str:
    kept, path = _kept(), folder / "migrated.sqlite3"
    if not kept.exists():
        _migrate(f"sqlite:///{path}")
        with sqlite3.connect(path) as database:  # one file, with nothing beside it
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
        shutil.rmtree(KEPT, ignore_errors=True)
        KEPT.mkdir(parents=True)
        shutil.copy(path, folder / "kept")
        os.replace(shutil.move(folder / "kept", KEPT / f"{os.getpid()}"), kept)
    else:
        shutil.copy(kept, path)
    return str(path)


def _kept() -> Path:
    return KEPT / f"{_digest_of_code()}.sqlite3"


def _digest_of_code() -> str:
    """Return a digest of whatever migrations may read: the code, and the packages' versions."""
    digest = hashlib.sha256(sys.version.encode())
    code = sorted(
        p for room in ("registry_sync", "integration") for p in (ROOT / room).rglob("*.py")
    )
    for path in (*code, ROOT / "requirements-dev.lock"):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:20]


def _migrated_database(_: Path) -> str:
    url = create_database()
    _migrate(url)
    return url.rsplit("/", 1)[1]


def _migrate(database: str) -> None:
    env = {**os.environ, **OPERATOR, "DATABASE_URL": database}
    words = [sys.executable, "manage.py", "migrate", "--skip-checks", "--verbosity", "0"]
    subprocess.run(words, cwd=ROOT, env=env, check=True, timeout=230)
