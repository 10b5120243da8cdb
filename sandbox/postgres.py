"""Debian's PostgreSQL for the tests: its own folder and port, and a user other than root.

`python -m sandbox.postgres COMMAND …` runs a command with its URL in the variable that `VARIABLE`
names, and in DATABASE_URL.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .children import dies_with_parent, free_port

DATABASE = "registry_sync"
VARIABLE = "REGISTRY_SYNC_TESTS_POSTGRES_URL"


class NoPostgres(RuntimeError):
    """No PostgreSQL server is installed; the message says what to do."""


class PostgresServer:
    """A temporary cluster: `PostgresServer().start().url`."""

    def __init__(self) -> None:
        self.bin = _binaries()
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="registry-sync-postgres-"))
        self.user = "postgres" if os.getuid() == 0 else None
        self.process: subprocess.Popen[bytes] | None = None
        self.url = f"postgres://test@127.0.0.1:{self.port}/{DATABASE}"

    def start(self) -> PostgresServer:
        """Create the cluster and wait until it answers."""
        if self.user:  # PostgreSQL refuses to run as root
            account = pwd.getpwnam(self.user)
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        data = self.folder / "data"
        self._run("initdb", "-D", str(data), "-U", "test", "--auth=trust", "-E", "UTF8", "-N")
        options = {"listen_addresses": "127.0.0.1", "port": self.port, "fsync": "off",
                   "unix_socket_directories": self.folder, "max_connections": 200}  # fmt: skip
        command = [str(self.bin / "postgres"), "-D", str(data)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        self.process = subprocess.Popen(
            command,
            user=self.user,
            extra_groups=[] if self.user else None,
            cwd=self.folder,
            stdout=(self.folder / "log").open("wb"),
            stderr=subprocess.STDOUT,
            preexec_fn=dies_with_parent,
        )
        deadline = time.monotonic() + 180
        while self._quiet("pg_isready", "-h", "127.0.0.1", "-p", str(self.port)):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError((self.folder / "log").read_text())
            time.sleep(0.1)
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "test", DATABASE)
        return self

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(120)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, name: str, *words: str) -> None:
        subprocess.run(
            [str(self.bin / name), *words],
            check=True,
            user=self.user,
            extra_groups=[] if self.user else None,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
        )

    def _quiet(self, name: str, *words: str) -> int:
        return subprocess.run(
            [str(self.bin / name), *words], stdout=subprocess.DEVNULL, cwd=self.folder, check=False
        ).returncode


def _binaries() -> Path:
    """Return the folder of the newest server's programs, from Debian's place or the PATH."""
    for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (path / "initdb").exists():
            return path
    found = shutil.which("initdb")
    if found is None:
        raise NoPostgres("PostgreSQL is not installed: apt-get install postgresql")
    return Path(found).resolve().parent


def main() -> int:
    """Run a command beside a server."""
    try:
        server = PostgresServer().start()
    except NoPostgres as error:
        print(f"\n*** NOT TESTED ON POSTGRESQL: {error} ***\n", file=sys.stderr)
        return 1 if os.environ.get("CI") else 0
    try:
        env = os.environ | {"DATABASE_URL": server.url, VARIABLE: server.url}
        return subprocess.run(sys.argv[1:], env=env, check=False).returncode
    finally:
        server.stop()


if __name__ == "__main__":
    sys.exit(main())
