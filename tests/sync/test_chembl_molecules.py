"""ChEMBL's approved drugs as molecules: Benchling holds the largest fragment of each, and no
later run writes or reports anything.

The rule is judged by InChIKeys, apart from the service's and the sandbox's code.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from rdkit import Chem, rdBase

from registry_sync.models import Drift, SyncRun
from tests.support.chembl import compounds
from tests.support.entities import of_type
from tests.support.environment import FULL

Kind, Status = SyncRun.Kind, SyncRun.Status
SAMPLE = 120
NAME = "{pref_name} [{molecule_chembl_id}]"


def records() -> list[dict[str, str]]:
    every = sorted(compounds().values(), key=lambda row: row["molecule_chembl_id"])
    step = 1 if FULL else len(every) // SAMPLE
    return every[::step]


def fragments(smiles: str) -> list[Chem.Mol]:
    """Return the fragments with the most heavy atoms: usually one."""
    found = Chem.GetMolFrags(Chem.MolFromSmiles(smiles), asMols=True)
    most = max(part.GetNumHeavyAtoms() for part in found)
    return [part for part in found if part.GetNumHeavyAtoms() == most]


def keys(parts: Iterable[Chem.Mol]) -> set[str]:
    with rdBase.BlockLogs():
        return {Chem.MolToInchiKey(part) for part in parts}


@pytest.mark.once
def test_benchling_holds_the_largest_fragment_and_nothing_changes_again(world):
    rows = records()
    w = of_type(
        world, "molecule", [*rows], page_size=1000, fields=[{"name": "Kind", "type": "text"}],
        rows=[("Kind", "molecule_type")], contract="after",
        config={"External ID Field": "molecule_chembl_id", "External Name Field": NAME,
                "Connector Settings": {}},
    )  # fmt: skip
    run = w.sync()
    assert (run.status, run.created, run.failed) == (Status.SUCCEEDED, len(rows), 0)
    held = {
        e.entity_registry_id: e.parts["canonicalizedSmiles"] for e in w.tenant.entities.values()
    }
    largest = {row["molecule_chembl_id"]: fragments(row["smiles"]) for row in rows}
    several = {id_ for id_, parts in largest.items() if len(keys(parts)) > 1}

    assert len(several) < 0.02 * len(rows)
    other = {
        id_: held[id_]
        for id_, parts in largest.items()
        if id_ not in several and keys([Chem.MolFromSmiles(held[id_])]) != keys(parts)
    }
    assert not other
    for _ in range(2):
        assert w.sync(kind=Kind.FULL).status == Status.SUCCEEDED
    assert w.written() == len(rows) and not Drift.objects.exists()
