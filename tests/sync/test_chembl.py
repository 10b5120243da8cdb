"""The main job on real input: the approved drugs of ChEMBL, from Datasette into a tenant."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from registry_sync.models import SyncRun
from sandbox import registry
from tests.support import ROOT
from tests.support.chembl import TOKEN, compounds
from tests.support.jsonserver import JsonServer
from tests.support.worlds import CLIENT, SECRET, World

pytestmark = pytest.mark.once  # the registry is real; the database has its own tests

COMPOUNDS, REFUSED = 2628, 37
ROWS = [("SMILES", "smiles"), ("Kind", "molecule_type"), ("Approval", "first_approval")]

Status = SyncRun.Status


@pytest.fixture
def chembl(world: Callable[..., World], datasette: registry.RegistryServer) -> World:
    """A tenant with the app configured for the Datasette of the demo."""
    w = world([], contract="after")
    for kind in set(registry.MOLECULE_TYPES) - {"Small molecule", "Protein"}:
        w.tenant.add_option(w.kinds, kind)
    w.configure(
        **{
            "API URL": datasette.list_url,
            "API Key": TOKEN,
            "Connector Settings": registry.registry_settings(),
            "Field Configurations": ROWS,
        }
    )
    return w


def test_real_compounds_arrive_again_and_again_and_honestly(
    chembl: World, datasette: registry.RegistryServer
) -> None:
    w, rows = chembl, compounds()
    first = w.sync()
    assert first.status == Status.COMPLETED_WITH_WARNINGS
    assert (first.read, first.created, first.failed) == (COMPOUNDS, COMPOUNDS - REFUSED, REFUSED)
    values = w.values()
    assert len(values) == w.written() == COMPOUNDS - REFUSED
    for external_id, found in values.items():
        row = rows[external_id]
        year = int(float(row["first_approval"])) if row["first_approval"] else None
        assert found["name"] == row["pref_name"] and found["Approval"] == year
        assert found["SMILES"] == (row["smiles"] or None)
    errors = w.open_errors()
    assert set(errors) == set(rows) - set(values)
    for external_id, error in errors.items():
        holder = error.message.split("is already used by ")[1].split(",")[0]
        assert (
            external_id in error.message
            and rows[holder]["pref_name"] == (rows[external_id]["pref_name"])
        )
    session = w.session()
    assert session["status"] == "COMPLETED_WITH_WARNINGS"

    again = w.sync(kind=SyncRun.Kind.FULL)
    assert (again.unchanged, again.failed) == (COMPOUNDS - REFUSED, REFUSED)
    assert w.written() == COMPOUNDS - REFUSED and set(w.open_errors()) == set(errors)

    registry.edit(datasette.db_path, "CHEMBL25", first_approval=1899)
    registry.edit(datasette.db_path, "CHEMBL3", name="NICOTINE (edited)")
    registry.edit(datasette.db_path, "CHEMBL113", molecule_type="Unknown")
    third = w.sync()
    assert third.updated == 3 and w.written() == COMPOUNDS - REFUSED + 3
    values = w.values()
    assert values["CHEMBL25"]["Approval"] == 1899
    assert values["CHEMBL3"]["name"] == "NICOTINE (edited)"
    assert values["CHEMBL113"]["Kind"] == "Unknown"


def test_the_twin_arrives_once_the_holder_gives_its_name_up(
    chembl: World, datasette: registry.RegistryServer
) -> None:
    w, rows = chembl, compounds()
    w.sync()
    twin, error = next(iter(w.open_errors().items()))
    holder = error.message.split("is already used by ")[1].split(",")[0]
    registry.edit(datasette.db_path, holder, name="ANOTHER NAME")
    run = w.sync()
    assert (run.updated, run.created) == (1, 1)
    assert w.values()[twin]["name"] == rows[twin]["pref_name"]
    assert twin not in w.open_errors() and len(w.open_errors()) == REFUSED - 1


def test_a_template_brings_all_of_them(chembl: World) -> None:
    chembl.configure(**{"External Name Field": "{name} [{id}]"})
    run = chembl.sync()
    assert run.status == Status.SUCCEEDED and run.created == COMPOUNDS
    assert chembl.values()["CHEMBL25"]["name"] == "ASPIRIN [CHEMBL25]"


@pytest.mark.process
def test_the_plain_script_loses_all_of_them(
    chembl: World, datasette: registry.RegistryServer
) -> None:
    w = chembl
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.plain_script", "--tenant", w.server.url,
         "--client-id", CLIENT, "--client-secret", SECRET,
         "--url", f"{datasette.list_url}?_shape=objects&_size=1000",
         "--key", TOKEN, "--selector", "rows", "--link-at", "next_url", "--schema", w.schema,
         "--registry", w.benchling_registry, "--folder", w.folder, "--dropdown", w.kinds,
         "--map", *(f"{field}={path}" for field, path in ROWS)],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 1 and "TaskFailureException" in done.stderr, done.stderr
    assert w.values() == {}


@pytest.mark.process
def test_json_server_is_a_registry_by_configuration_alone(world: Callable[..., World]) -> None:
    def material(n: int, **more: Any) -> dict[str, Any]:
        return {"id": n, "title": f"Material {n}", "supplier": {"code": f"S{n % 7}"},
                "updated": f"2026-01-{n % 28 + 1:02d}T00:00:00Z", **more}  # fmt: skip

    with JsonServer(materials=[material(n) for n in range(1, 251)]) as server:
        w = world([], fields=[{"name": "Supplier", "type": "text"}], rows=[("Supplier", "x")])
        w.configure(
            **{
                "API URL": f"{server.url}/materials",
                "API Key": "unused",
                "External Name Field": "title",
                "Field Configurations": [("Supplier", "supplier.code")],
                "Connector Settings": {
                    "client": {"auth": "none"},
                    "endpoint": {
                        "params": {"_sort": "id", "updated_gte": "{incremental.start_value}"},
                        "paginator": {
                            "type": "page_number", "page_param": "_page",
                            "page_size_param": "_limit", "limit": 100,
                        },
                        "incremental": {"cursor_path": "updated"},
                    },
                },
            }
        )  # fmt: skip
        run = w.sync()
        assert run.status == Status.SUCCEEDED and run.created == len(w.values()) == 250
        assert w.values()["7"] == {"name": "Material 7", "Supplier": "S0"}
        server.edit("materials", 9, supplier={"code": "S9"}, updated="2026-02-01T00:00:00Z")
        run = w.sync()
        assert run.kind == SyncRun.Kind.INCREMENTAL and run.updated == 1
        assert w.values()["9"]["Supplier"] == "S9"
