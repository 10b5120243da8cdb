"""A candidate as it lies in a batch row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from registry_sync.core.packed_json import pack as pack_json
from registry_sync.core.packed_json import unpack
from registry_sync.core.problems import Problem
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
        **({"part": True} if candidate.is_part else {}),
    }


class Pending(NamedTuple):
    """A candidate that waits for its batch, packed."""

    external_id: str
    registry_id: str
    is_new: bool
    links: frozenset[str]
    position: Json | None
    text: str

    @property
    def item(self) -> Json:
        """Return it as a batch's item."""
        return dict(unpack(self.text))


class Ended(NamedTuple):
    """How an item of a batch ended: written, with Benchling's id for it, or refused."""

    external_id: str
    entity_id: str = ""
    problem: Problem | None = None
    canonical: str = ""


def outcomes_of(batch: Batch, ended: Sequence[Ended]) -> list[RecordOutcome]:
    """Return the outcomes of items of a batch."""
    found = []
    for item, end in zip(batch.items(end.external_id for end in ended), ended, strict=True):
        if end.problem is None:
            outcome = written_outcome(item)
            values: dict[str, Any] = {
                "entity": entity_of_item(item), "entity_id": end.entity_id,
                "canonical": end.canonical,
            }  # fmt: skip
        else:
            outcome, values = Outcome.FAILED, {"problems": (end.problem,)}
        found.append(outcome_of_item(item, outcome, **values))
    return found


def written_outcome(item: Json) -> LedgerEntry.Outcome:
    """Return the outcome of an item that was written; the error of a part stays open."""
    if item.get("part"):
        return Outcome.FAILED
    return Outcome.CREATED if item["new"] else Outcome.UPDATED


def pack_candidate(candidate: Candidate) -> Pending:
    """Pack a candidate: as JSON, it takes a fifth of the memory."""
    entity = candidate.entity
    return Pending(
        entity.external_id,
        entity.registry_id,
        candidate.is_new,
        entity.links,
        candidate.position,
        pack_json(item_of(candidate)),
    )


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
