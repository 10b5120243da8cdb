"""A preview knows which structures are taken and which drawings are lost, as the run then does."""

from __future__ import annotations

from typing import Any

import pytest

from registry_sync.models import Refusal, SyncRun
from sandbox.tenant.entities import draw_by_hand
from tests.support.drafting import preview_all
from tests.support.entities import compounds, of_type, sequences
from tests.support.worlds import World

pytestmark = pytest.mark.once


def add(w: World, id_: str, smiles: str) -> None:
    w.registry.records.append({**compounds(smiles)[0], "id": id_, "name": id_})
    w.registry.edit(id_)


def counted(found: dict[str, Any]) -> tuple[int, ...]:
    return tuple(found[name] for name in ("new", "changed", "refused"))


def causes(found: dict[str, Any]) -> set[str]:
    return {cause["code"] for cause in found["causes"]}


def run_of(w: World) -> tuple[tuple[int, ...], set[str]]:
    run = w.sync(kind=SyncRun.Kind.FULL)
    codes = Refusal.objects.filter(run=run).values_list("code", flat=True)
    return (run.created, run.updated, run.failed), set(codes)


@pytest.mark.parametrize("size", [200, 2])
def test_a_preview_refuses_second_structures_from_the_first_refusal_on(world, desk, size):
    w = of_type(world, "molecule", compounds("CCN", "CCO"), unique_structures=True)
    w.sync()
    add(w, "C-3", "CCN.Cl")
    w.sync()  # the lane's first refusal
    w.registry.page_size = size
    add(w, "C-4", "OCC")  # that of C-2
    add(w, "C-5", "CCCC")
    add(w, "C-6", "C(CC)C")  # that of C-5, which is new too
    w.registry.edit("C-1", smiles="CCN.Br")  # its own, with another salt
    found = preview_all(desk, desk.start("live"))
    assert counted(found) == (1, 1, 3) and causes(found) == {"structure_taken"}
    assert run_of(w) == ((1, 1, 3), {"structure_taken"})


@pytest.mark.parametrize("size", [200, 2])
def test_a_preview_lets_a_structure_pass_that_another_record_gives_up(world, desk, size):
    w = of_type(world, "molecule", compounds("CCN", "CCO", "CCCC"))
    constraint = {"fieldDefinitionNames": [], "hasUniqueResidues": True}
    w.tenant.schemas[w.schema]["constraint"] = constraint
    w.sync()
    w.registry.page_size = size
    add(w, "C-4", "CCN")  # C-1 gives it up, C-4 gets it
    add(w, "C-5", "NCC")  # so C-5 does not
    add(w, "C-6", "CCCC")  # C-3 changes, and keeps it
    w.registry.edit("C-1", smiles="CCCN")
    w.registry.edit("C-3", name="Butane")
    found = preview_all(desk, desk.start("live"))
    assert counted(found) == (1, 2, 2) and causes(found) == {"structure_taken"}
    assert run_of(w) == ((1, 2, 2), {"structure_taken"})


def test_a_preview_holds_what_loses_drawings_unless_someone_allowed_it(world, desk):
    w = of_type(world, "dna_sequence", sequences("ACGTACGTACGT", "ACGTACGTACGTTT"))
    w.sync()
    tail = {"name": "tail", "type": "misc", "start": 8, "end": 12, "strand": 1}
    draw_by_hand(w.tenant, w.tenant.entity("S-1"), annotations=[tail])
    w.registry.edit("S-1", bases="ACGTAC")
    w.registry.edit("S-2", bases="ACGTAC")
    found = preview_all(desk, desk.start("live"))
    assert counted(found) == (0, 1, 1) and causes(found) == {"drawings_lost"}
    assert run_of(w) == ((0, 1, 1), {"drawings_lost"})
