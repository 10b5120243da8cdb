"""Rows that are written without model instances are as the models would write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import DataError, connection, transaction

from registry_sync.ledger.bulk_rows import times_as_stored, write_rows
from registry_sync.models import LedgerEntry
from tests.support.factories import LaneFactory

COLUMNS = ("lane_id", "external_id", "entity_registry_id", "entity_id", "id_key", "name",
           "name_key", "fields", "raw_hash", "entity_hash", "modified_at", "identity",
           "written_run_id", "seen_run_id", "seen_reading", "outcome", "gone_run_id")  # fmt: skip
AT = datetime(2026, 1, 31, 12, 0, 0, 250, tzinfo=UTC)


def row(lane, external_id, **other):
    values = dict.fromkeys(COLUMNS, "") | {
        "lane_id": lane.pk, "external_id": external_id, "fields": '{"a": [1.5, "ü"]}',
        "modified_at": times_as_stored()(AT), "written_run_id": None, "seen_run_id": 7,
        "seen_reading": 1, "gone_run_id": None, "name": "a\tb\\n\n'\"%s",
    }  # fmt: skip
    return tuple((values | other).values())


def test_rows_keep_their_order_and_values(db):
    lane = LaneFactory()
    ids = [f"C-{n}" for n in (3, 1, 2)]
    write_rows(LedgerEntry, COLUMNS, [row(lane, id_) for id_ in ids])
    rows = list(LedgerEntry.objects.order_by("pk"))
    assert [entry.external_id for entry in rows] == ids
    assert (rows[0].modified_at, rows[0].fields) == (AT, {"a": [1.5, "ü"]})
    assert (rows[0].name, rows[0].written_run_id) == ("a\tb\\n\n'\"%s", None)


def test_a_row_that_is_there_is_updated_in_the_columns_named(db):
    lane, key = LaneFactory(), ("lane_id", "external_id")
    write_rows(LedgerEntry, COLUMNS, [row(lane, "C-1", outcome="created")])
    again = [row(lane, "C-1", outcome="updated", name="no"), row(lane, "C-2")]
    write_rows(LedgerEntry, COLUMNS, again, unique=key, update=("outcome",))
    first = LedgerEntry.objects.get(external_id="C-1")
    assert first.outcome == "updated" and first.name.startswith("a") and first.modified_at == AT
    assert LedgerEntry.objects.count() == 2


@pytest.mark.postgres
def test_a_text_that_is_too_long_is_refused_and_not_cut(db):
    assert connection.vendor == "postgresql"
    with pytest.raises(DataError), transaction.atomic():
        write_rows(LedgerEntry, COLUMNS, [row(LaneFactory(), "C" * 256)])
