"""What a lane has learned from its registry's answers, such as where the records are."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from registry_sync.benchling.app_config import AppConfig
from registry_sync.models import Lane
from registry_sync.runs.lease import Lease, renew
from registry_sync.source.answers.record_list import Memory
from registry_sync.source.connector import Connector

MOST_ASKED = 200
"""Ids of one answer that are looked up."""


def learn_source_facts(lane: Lane, lease: Lease, **facts: Any) -> None:
    """Keep facts about the registry's answers in the lane; those of other names stay.

    A fact is JSON, and None removes it. It is no part of the fingerprint. Nothing is written
    where the lane knows it already. Raise LeaseLost.
    """
    state = {**lane.source_state, **facts}
    state = {name: value for name, value in state.items() if value is not None}
    if state == lane.source_state:
        return
    lane.source_state = state
    with transaction.atomic():
        renew(lease)
        lane.save(update_fields=["source_state"])


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
