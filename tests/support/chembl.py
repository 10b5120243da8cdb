"""ChEMBL's approved drugs behind Datasette, as in the demo."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import registry

TOKEN = "registry-t0ken"


@pytest.fixture
def datasette(tmp_path: Path) -> Iterator[registry.RegistryServer]:
    path = tmp_path / "compounds.db"
    registry.build(registry.DATA, path)
    with registry.RegistryServer(path, token=TOKEN) as server:
        yield server


def compounds() -> dict[str, dict[str, str]]:
    with registry.DATA.open(newline="") as lines:
        return {row["molecule_chembl_id"]: row for row in csv.DictReader(lines)}
