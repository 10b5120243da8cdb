"""The lanes of this deployment, which are read by a statement that is written by hand."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from registry_sync import runs
from registry_sync.models import Lane
from tests.support.factories import LaneFactory


def columns(lane: Lane) -> dict[str, Any]:
    return {field.attname: getattr(lane, field.attname) for field in Lane._meta.concrete_fields}


def test_they_are_in_order_and_have_every_column(db):
    told = {"position": 1, "scope": [["a", 1]], "source_state": {"records_at": "data"},
            "withdrawn_set_at": timezone.now(), "second_allow": True, "links_to": {"ts_1": "x"},
            "schema_snapshot": {"type": "molecule"}, "trial": None}  # fmt: skip
    second = LaneFactory(**told)
    first = LaneFactory(position=0)
    LaneFactory(position=None)
    LaneFactory(position=0, app_id="app_another")
    LaneFactory(position=0, tenant="another.benchling.com")
    ordered = [Lane.objects.get(pk=lane.pk) for lane in (first, second)]
    assert [columns(lane) for lane in runs.current_lanes()] == [columns(lane) for lane in ordered]
    assert not runs.current_lanes()[0].get_deferred_fields()


def test_a_database_that_lacks_a_column_is_an_error(db):
    """Deferred, the column would be missed by the next run alone, while the health is good."""
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER TABLE "{Lane._meta.db_table}" DROP COLUMN "second_release"')
    with pytest.raises(DatabaseError, match="second_release"), transaction.atomic():
        runs.current_lanes()
