"""Commands that take a record's id: which of several lanes is meant."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from registry_sync.models import Adoption, Allowance, Lane
from tests.support.factories import AdoptionFactory, EntityErrorFactory, LaneFactory

pytestmark = pytest.mark.once


@pytest.fixture
def two(db) -> list[Lane]:
    """Two lanes, each with a record C-1 that was refused and that matches an entity."""
    lanes = [
        LaneFactory(schema_id=f"ts_{n}", schema_name=name, position=n)
        for n, name in enumerate(["Compounds", "Lots"])
    ]
    for lane in lanes:
        EntityErrorFactory(lane=lane, external_id="C-1")
        AdoptionFactory(lane=lane, external_id="C-1", entity_id=f"bfi_{lane.pk}")
    AdoptionFactory(lane=lanes[1], external_id="L-1", entity_id="bfi_l1")
    return lanes


def test_an_id_of_two_lanes_is_asked_for(two, capsys):
    for command in (["allow", "identity"], ["adopt"]):
        with pytest.raises(CommandError, match="Name one with --lane") as asked:
            call_command(*command, "--id", "C-1", "--reason", "Right")
        assert asked.value.returncode == 64
    assert not Allowance.objects.exists() and not Adoption.objects.filter(state="approved")
    call_command("allow", "identity", "--id", "C-1", "--lane", "Lots", "--reason", "Right")
    call_command("adopt", "--id", "C-1", "--lane", "ts_0", "--reason", "Right")
    assert Allowance.objects.get().lane == two[1]
    assert Adoption.objects.get(state="approved").lane == two[0]
    assert "The next run of Lots allows it once" in capsys.readouterr().out


def test_an_id_of_one_lane_needs_no_name_and_an_unknown_name_is_wrong_usage(two):
    call_command("adopt", "--id", "L-1", "--reason", "Right")
    assert Adoption.objects.get(state="approved").lane == two[1]
    with pytest.raises(CommandError, match="There is no lane ") as asked:
        call_command("adopt", "--id", "C-1", "--lane", "Sites", "--reason", "Right")
    assert asked.value.returncode == 64


def test_the_list_of_adoptions_names_the_lane(two, capsys):
    call_command("adopt")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Compounds: C-1") and lines[1].startswith("Lots: C-1")
    call_command("adopt", "--lane", "Compounds")
    assert "1 need a decision" in capsys.readouterr().out
