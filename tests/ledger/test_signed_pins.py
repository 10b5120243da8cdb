"""Accepted differences stand in the signed CSV, and are verified with it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from registry_sync.models import Pin
from tests.support.commands import command, exported
from tests.support.factories import LaneFactory, PinFactory
from tests.support.worlds import PRIVATE

pytestmark = pytest.mark.once


@pytest.fixture
def pin(db, settings) -> Pin:
    settings.BENCHLING_PRIVATE_KEY = PRIVATE
    return PinFactory(
        lane=LaneFactory(), external_id="C-1", entity_id="bfi_1", field_id="tsf_1", field="Mass",
        theirs=5.5, source=5.4, actor="Olivia", reason="Measured again",
        created_at=timezone.now() - timedelta(hours=1),
    )  # fmt: skip


def test_an_accepted_difference_and_its_end_are_rows_that_are_verified(pin, tmp_path):
    path = tmp_path / "all.csv"
    (row,) = exported(path)
    assert (row["kind"], row["external_id"], row["field"]) == ("accepted", "C-1", "Mass")
    assert (row["before"], row["after"], row["actor"]) == ("5.4", "5.5", "Olivia")
    assert row["reason"] == "Measured again"
    status, said = command("--verify", str(path), name="audit")
    assert status == 0 and "1 are there as they were signed" in said

    Pin.objects.update(
        closed_at=timezone.now(), closed_by="Max", closed_reason="No more", ended="taken back"
    )
    later = tmp_path / "later.csv"
    begun, ended = exported(later)
    assert begun == row, "what was accepted stays as it was signed"
    assert (ended["kind"], ended["actor"]) == ("acceptance ended", "Max")
    assert ended["reason"] == "taken back. No more"
    assert command("--verify", str(later), name="audit")[0] == 0

    Pin.objects.update(reason="Someone wanted it")
    status, said = command("--verify", str(path), name="audit")
    assert status == 1 and "(C-1) has been changed since" in said
    Pin.objects.all().delete()
    status, said = command("--verify", str(later), name="audit")
    assert status == 1 and "2 are missing" in said
