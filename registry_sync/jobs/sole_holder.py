"""At most one process of a kind works at a time, on however many hosts over one database."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from pathlib import Path
from typing import IO

from django.db import DatabaseError, connection


class SoleHolder:
    """A lock that its process keeps until it releases it or ends, however it ends; others wait.

    PostgreSQL keeps it for the session of a connection, so the connection must not pass a pooler
    that changes sessions (PgBouncer's transaction mode). SQLite is used on one host: there it is a
    lock on a file beside the database.
    https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
    """

    def __init__(self, name: str) -> None:
        self.digest = hashlib.sha256(f"registry-sync {name}".encode()).digest()
        self.trouble = ""
        """Why the database did not answer the last question; "" if it did."""
        self._file: IO[bytes] | None = None
        self._session: int | None = None

    def holds(self) -> bool:
        """Take the lock or confirm it; return whether this process has it."""
        return self._on_postgres() if connection.vendor == "postgresql" else self._on_file()

    def release(self) -> None:
        """Give the lock back, if this process has it."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._session is not None:
            self._session = None
            try:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_advisory_unlock(%s)", [self._key()])
            except DatabaseError:
                connection.close()  # which gives it back, too

    def _key(self) -> int:
        return int.from_bytes(self.digest[:8], "big", signed=True)

    def _on_postgres(self) -> bool:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                (session,) = cursor.fetchone()
                if session == self._session:
                    return True
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [self._key()])
                (is_locked,) = cursor.fetchone()
        except DatabaseError as error:
            connection.close()  # the next question opens another
            self._session, self.trouble = None, " ".join(str(error).split())
            return False
        self._session, self.trouble = session if is_locked else None, ""
        return bool(is_locked)

    def _on_file(self) -> bool:
        if self._file is not None:
            return True
        database = Path(str(connection.settings_dict["NAME"]))
        if "mode=memory" in database.name:  # it is this process's own, and has no folder
            database = Path(tempfile.gettempdir()) / f"registry-sync-{os.getpid()}"
        file = database.with_name(f"{database.name}.{self.digest.hex()[:12]}.lock").open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        self._file = file
        return True
