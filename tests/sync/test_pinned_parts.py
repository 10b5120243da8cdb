"""Accepted structures, sequences and aliases: no drift, not written, and nothing of others lost."""

from __future__ import annotations

import pytest

from registry_sync.desk.drift import differences_of, open_drift
from registry_sync.ledger import pins
from registry_sync.models import Drift, Lane, Pin, SyncRun
from sandbox.tenant.entities import draw_by_hand
from sandbox.tenant.namespace import Namespace
from tests.support.entities import compounds, of_type, sequences
from tests.support.worlds import World

pytestmark = pytest.mark.once
FULL = SyncRun.Kind.FULL


def accept_all() -> set[str]:
    """Accept whatever differs; return the fields."""
    lane = Lane.objects.get()
    found = differences_of(lane, open_drift(lane)).values()
    made = pins.accept(lane, list(found), actor="mona", reason="The lab's are right")
    return {pin.field_id for pin in made}


def nothing_left(w: World) -> bool:
    """Return whether a full run writes nothing, and finds no drift."""
    before = w.written()
    w.sync(kind=FULL)
    return w.written() == before and not Drift.objects.filter(closed_at=None).exists()


def test_an_accepted_structure_and_aliases_stay_until_the_registrys_change(world):
    records = compounds("CCO", "CCN")
    records[0]["synonyms"] = ["Ethanol", "Spirit"]
    w = of_type(world, "molecule", records, rules={"aliases": ["synonyms[*]"]})
    w.sync()
    ours, other = w.tenant.entity("C-1"), w.tenant.entity("C-2")
    w.tenant.clock.advance(60)
    Namespace(w.tenant, []).alias(ours, ["Spirit", "Theirs"])
    structure = {"structureFormat": "smiles", "value": "CCCl.Br"}
    draw_by_hand(w.tenant, ours, chemicalStructure=structure)
    w.sync(kind=FULL)
    assert accept_all() == {"structure", "aliases"} and nothing_left(w)
    w.registry.edit("C-1", note="b", synonyms=["Spirit", "Ethanol"])  # in another order
    w.registry.edit("C-2", synonyms=["Ethanol"])
    assert w.sync().updated == 2 and not w.open_errors()
    assert (w.values()["C-1"]["Note"], ours.parts["canonicalizedSmiles"]) == ("b", "CCCl")
    assert (set(ours.aliases), other.aliases) == ({"Spirit", "Theirs"}, ["Ethanol"])
    assert nothing_left(w)
    w.registry.edit("C-1", smiles="CCF")
    assert w.sync().updated == 1 and ours.parts["canonicalizedSmiles"] == "CCF"
    assert Pin.objects.get(ended="changed").field_id == "structure" and nothing_left(w)


def test_an_accepted_sequence_stays_with_what_is_drawn_on_it(world):
    w = of_type(world, "dna_sequence", sequences("ACGTACGT", "CCCC"))
    w.sync()
    w.tenant.clock.advance(60)
    ours = w.tenant.entity("S-1")
    gene = {"name": "gene", "type": "misc", "start": 2, "end": 6, "strand": 1}
    draw_by_hand(w.tenant, ours, bases="ttttACGT", isCircular=True, annotations=[gene])
    w.sync(kind=FULL)
    assert accept_all() == {"sequence", "circular"} and nothing_left(w)
    w.registry.edit("S-1", note="b")
    assert w.sync().updated == 1 and w.values()["S-1"]["Note"] == "b"
    assert (ours.parts["bases"], ours.parts["isCircular"]) == ("ttttACGT", True)
    assert [drawn["name"] for drawn in ours.parts["annotations"]] == ["gene"] and nothing_left(w)
