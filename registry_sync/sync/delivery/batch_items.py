"""A candidate as it lies in a batch row."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from registry_sync.core.types import Json
from registry_sync.ledger.record_outcome import Outcome, RecordOutcome
from registry_sync.mapping.model import Entity
from registry_sync.models import Batch, LedgerEntry
from registry_sync.sync.records import Candidate

LONGEST_TASK = timedelta(hours=6)
"""After this a task counts as one that Benchling never ends."""


def never_ends(batch: Batch) -> bool:
    """Return whether a batch's task began too long ago to wait for it."""
    return batch.sent_at is not None and timezone.now() - batch.sent_at > LONGEST_TASK


def item_of(candidate: Candidate) -> Json:
    """Write a candidate down so that another process could go on with it."""
    entity, record = candidate.entity, candidate.record
    return {
        "external_id": entity.external_id,
        "registry_id": entity.registry_id,
        "name": entity.name,
        "fields": entity.fields,
        "sources": entity.sources,
        "raw": record.raw,
        "raw_hash": record.raw_hash,
        "modified_at": record.modified_at.isoformat() if record.modified_at else None,
        "new": candidate.is_new,
        "retried": record.retried,
        "identity": candidate.identity,
    }


def entity_of_item(item: Json) -> Entity:
    """Read back the entity that a batch's item writes down."""
    return Entity(
        external_id=item["external_id"],
        registry_id=item["registry_id"],
        name=item["name"],
        fields=item["fields"],
        sources=item.get("sources", {}),
    )


def outcome_of_item(item: Json, outcome: LedgerEntry.Outcome, **more: Any) -> RecordOutcome:
    """Return the outcome of a batch's item."""
    return RecordOutcome(
        external_id=item["external_id"],
        raw_hash=item["raw_hash"],
        outcome=outcome,
        raw=item["raw"] if outcome == Outcome.FAILED else None,
        modified_at=_time(item["modified_at"]),
        retried=item["retried"],
        identity=item["identity"] if outcome != Outcome.FAILED else "",
        **more,
    )


def _time(text: str | None) -> datetime | None:
    return parse_datetime(text) if text else None
