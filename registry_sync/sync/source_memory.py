"""What a lane remembers of its registry's answers, for whoever reads them next."""

from __future__ import annotations

from registry_sync.benchling.app_config import AppConfig
from registry_sync.models import Lane
from registry_sync.source.answers.record_list import Memory
from registry_sync.source.connector import Connector

MOST_ASKED = 200
"""Ids of one answer that are looked up."""


def memory_of(config: AppConfig, connector: Connector) -> Memory:
    """Return what the lane of a configuration remembers; an empty memory if there is none."""
    lane = Lane.objects.of_app().filter(
        registry_id=config.registry_id,
        schema_id=config.schema_id,
        collection=connector.collection,
    )  # fmt: skip
    found = lane.first()
    if found is None:
        return Memory()
    kept, entries = found.source_state, found.ledger.exclude(entity_hash="")
    return Memory(
        records_at=kept.get("records_at", ""),
        beside=kept.get("beside", ()),
        keys=kept.get("record_keys", ()),
        holds_records=bool(kept.get("records_at")) or entries.exists(),
        knows=lambda ids: entries.filter(external_id__in=ids[:MOST_ASKED]).exists(),
    )
