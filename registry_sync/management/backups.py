"""A backup: one file with the database, and the names of the settings beside it; no secret.

SQLite is copied by its own backup function while runs go on. PostgreSQL's own programs write and
read its part, so they must be installed. https://www.postgresql.org/docs/current/app-pgdump.html
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import tempfile
import zipfile
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from django.db import OperationalError, connection
from django.db.migrations.loader import MigrationLoader

from registry_sync import __version__, runs
from registry_sync.core.text import number_of

ABOUT, DATABASE = "about.json", "database"
SESSIONS = "django_session"
"""Its rows sign their bearers in, so they stay where they are."""


class BackupError(Exception):
    """A backup cannot be made or restored; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class About:
    """What a backup is of."""

    version: str
    at: str
    tenant: str
    app_id: str
    database: str
    migrations: list[str]
    settings: list[str]
    """Names of the variables that were set."""


def make(path: Path, settings: Collection[str]) -> About:
    """Write a backup into a new file; none is left where that fails. Raise BackupError."""
    about = About(
        __version__,
        datetime.now(UTC).isoformat(timespec="seconds"),
        database=connection.vendor,
        migrations=sorted(".".join(key) for key in MigrationLoader(connection).applied_migrations),
        settings=sorted(settings),
        **runs.app_key(),
    )
    if not about.migrations:
        raise BackupError(
            "The database has no tables, so there is nothing to back up. The operator must check "
            "DATABASE_URL."
        )
    with _new(path) as file, _scratch(path) as folder:
        dumped = Path(folder) / DATABASE
        _dump_postgresql(dumped) if connection.vendor == "postgresql" else _copy_sqlite(dumped)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(ABOUT, json.dumps(asdict(about), indent=1))
            archive.write(dumped, DATABASE)
    return about


@contextmanager
def _new(path: Path) -> Iterator[IO[bytes]]:
    """Open a new file of this user alone, which is removed if the block fails."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
    except BaseException:
        path.unlink()
        raise


def restore_backup(path: Path) -> About:
    """Read a backup into the empty database of the settings. Raise BackupError."""
    try:
        with zipfile.ZipFile(path) as archive, _scratch(path) as folder:
            about = About(**json.loads(archive.read(ABOUT)))
            _refuse_what_does_not_fit(about)
            dumped = Path(archive.extract(DATABASE, folder))
            if connection.vendor == "postgresql":
                _load_postgresql(dumped)
            else:
                _load_sqlite(dumped)
    except (zipfile.BadZipFile, KeyError, TypeError, json.JSONDecodeError) as error:
        raise BackupError(f"{path} is not a backup of Registry Sync.") from error
    return about


def _scratch(path: Path) -> tempfile.TemporaryDirectory[str]:
    """Return a folder on the disk of the backup: /tmp may be too small, or in memory.

    A backup that is restored may lie where nothing can be written.
    """
    try:
        return tempfile.TemporaryDirectory(prefix=".registry-sync-", dir=path.absolute().parent)
    except OSError:
        return tempfile.TemporaryDirectory(prefix="registry-sync-")


def _refuse_what_does_not_fit(about: About) -> None:
    if about.database != connection.vendor:
        raise BackupError(
            f"The backup is of {about.database}, and DATABASE_URL names a {connection.vendor} "
            "database. Restore it into one of its own kind."
        )
    own_migrations = {".".join(key) for key in MigrationLoader(None).disk_migrations}
    if unknown := [name for name in about.migrations if name not in own_migrations]:
        raise BackupError(
            f"The backup was made by version {about.version}, which has migrations that this "
            f"version ({__version__}) lacks: {', '.join(unknown[:3])}. Install that version."
        )
    if tables := connection.introspection.table_names():
        raise BackupError(
            f"The database is not empty ({number_of(len(tables), 'table')}). Name an empty one in "
            "DATABASE_URL: a restore never overwrites."
        )


@contextmanager
def _told_by_sqlite() -> Iterator[None]:
    """Raise what SQLite says in a block as Django would: commands say what to do about it."""
    try:
        yield
    except sqlite3.Error as error:
        raise OperationalError(str(error)) from error


def _copy_sqlite(to: Path) -> None:
    connection.ensure_connection()
    with _told_by_sqlite(), closing(sqlite3.connect(to)) as copy:
        connection.connection.backup(copy, pages=1000)
        with copy:
            copy.execute(f"DELETE FROM {SESSIONS}")
        copy.execute("VACUUM")


def _load_sqlite(dumped: Path) -> None:
    connection.ensure_connection()
    with _told_by_sqlite(), closing(sqlite3.connect(dumped)) as source:
        source.backup(connection.connection)


def _dump_postgresql(to: Path) -> None:
    _run("pg_dump", "--format=custom", "--no-owner", "--no-privileges",
         f"--exclude-table-data={SESSIONS}", "--file", str(to))  # fmt: skip


def _load_postgresql(dumped: Path) -> None:
    name = str(connection.settings_dict["NAME"])
    _run("pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction",
         "--dbname", name, str(dumped))  # fmt: skip


def _run(program: str, *words: str) -> None:
    """Run one of PostgreSQL's programs; the password is in no argument that `ps` shows."""
    env = os.environ | _connection_variables()
    try:
        done = subprocess.run([program, *words], env=env, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise BackupError(
            f"{program} is not installed. The operator installs PostgreSQL's client programs, of "
            "the server's version or newer."
        ) from error
    if done.returncode:
        raise BackupError(f"{program} failed: {done.stderr.strip()[-500:]}")


def _connection_variables() -> dict[str, str]:
    """Return libpq's variables for this connection, with what DATABASE_URL says of TLS.

    https://www.postgresql.org/docs/current/libpq-envars.html
    """
    from psycopg.pq import Conninfo

    params = {**connection.get_connection_params(), "application_name": "registry-sync-backup"}
    names = {
        option.keyword.decode(): option.envvar.decode()
        for option in Conninfo.get_defaults()
        if option.envvar
    }
    return {
        names[key]: str(value)
        for key, value in params.items()
        if key in names and value not in (None, "")
    }
