"""Two more collections of the demo's registry: structures of drugs, and plasmids."""

from __future__ import annotations

import contextlib
import csv
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

from sandbox.registry import BASE_TIME, DATA, iso, registry_settings

PLASMIDS = DATA.with_name("ytk_plasmids.csv")
ATTRIBUTION = "Plasmids: Yeast ToolKit, as carried by moclo-ytk 0.4.0 (MIT)."
SINCE = 2015
"""The structures are those of drugs approved from this year on."""
TABLES = """
CREATE TABLE structures (
    id TEXT PRIMARY KEY, name TEXT, smiles TEXT, compound TEXT, modified_at TEXT NOT NULL
);
CREATE TABLE plasmids (
    id TEXT PRIMARY KEY, name TEXT, part TEXT, parent TEXT, bases TEXT, status TEXT,
    modified_at TEXT NOT NULL
);
CREATE INDEX structures_modified_at ON structures (modified_at, id);
CREATE INDEX plasmids_modified_at ON plasmids (modified_at, id);
"""


def build(database: Path) -> tuple[int, int]:
    """Add the two collections to the registry; return how many records each has."""
    structures, plasmids = list(_structures()), list(_plasmids())
    with contextlib.closing(sqlite3.connect(database)) as opened, opened:
        opened.executescript(TABLES)
        opened.executemany("INSERT INTO structures VALUES (?, ?, ?, ?, ?)", structures)
        opened.executemany("INSERT INTO plasmids VALUES (?, ?, ?, ?, ?, 'active', ?)", plasmids)
    return len(structures), len(plasmids)


def part_types() -> list[str]:
    """Return the part types of the plasmids, for the dropdown that they map to."""
    with PLASMIDS.open(newline="", encoding="utf-8") as lines:
        return sorted({row["part"] for row in csv.DictReader(lines)})


def _structures() -> Any:
    with DATA.open(newline="", encoding="utf-8") as lines:
        for second, row in enumerate(csv.DictReader(lines)):
            approved = row["first_approval"] and int(float(row["first_approval"])) >= SINCE
            if approved and row["smiles"] and row["pref_name"]:
                id_ = row["molecule_chembl_id"]
                at = iso(BASE_TIME + timedelta(seconds=second))
                yield f"MOL-{id_[6:]}", row["pref_name"], row["smiles"], id_, at


def _plasmids() -> Any:
    with PLASMIDS.open(newline="", encoding="utf-8") as lines:
        for second, row in enumerate(csv.DictReader(lines)):
            at = iso(BASE_TIME + timedelta(seconds=second))
            yield row["id"], row["name"], row["part"], row["parent"] or None, row["bases"], at


def plasmid_settings() -> dict[str, Any]:
    """Return the Connector Settings of the plasmids: those that are retired have left."""
    settings = registry_settings()
    settings["endpoint"]["deletes"] = {"mode": "flag", "path": "status", "values": ["retired"]}
    return settings
