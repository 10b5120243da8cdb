"""Records as they arrive from the source, and what is made of them."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

from registry_sync.benchling.entity_types import EntityType
from registry_sync.core.problems import Problem
from registry_sync.core.readable import in_message, readable
from registry_sync.core.secrets import shortened
from registry_sync.core.text import LONGEST_ID
from registry_sync.core.types import Json
from registry_sync.ledger.lookup import LedgerView
from registry_sync.ledger.record_outcome import Outcome, RecordOutcome, hash_record
from registry_sync.mapping.departures import Departure
from registry_sync.mapping.model import Entity
from registry_sync.models import Merge, Pin
from registry_sync.source.answers.marks import as_sent, fault_in, unmarked
from registry_sync.source.client import Source
from registry_sync.source.pages import Unread


class SourceRecord(NamedTuple):
    """One record as the registry gave it, or as it was kept (`retried`).

    A record without a usable id is known by its content, and carries the `problem`.
    """

    external_id: str
    raw: Json
    raw_hash: str
    modified_at: datetime | None
    retried: bool = False
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entity that is not in Benchling as it should be."""

    record: SourceRecord
    entity: Entity
    is_new: bool
    position: Json | None = None
    """The page it came from, read again if this process dies before it is in a batch."""
    identity: str = ""
    """The values of the connector's identity paths, by which a known id is the same thing."""
    is_part: bool = False
    """Some of its links follow later; its error stays open until then."""


def completed(entity: Entity, kind: type[EntityType], *, is_new: bool) -> Entity:
    """Return an entity with what a new one is given where its record says nothing."""
    if not is_new or kind.on_create.keys() <= entity.fields.keys():
        return entity
    return replace(entity, fields={**kind.on_create, **entity.fields})


def candidate_of(
    record: SourceRecord,
    entity: Entity,
    before: LedgerView | None,
    kind: type[EntityType],
    *,
    position: Json | None = None,
    identity: str = "",
) -> Candidate:
    """Return a record's entity as it must be sent; it is new unless the ledger has written it."""
    is_new = before is None or not before.entity_hash
    return Candidate(record, completed(entity, kind, is_new=is_new), is_new, position, identity)


@dataclass(slots=True)
class Compared:
    """What a page came to: what to send, what is settled, and what came again."""

    views: dict[str, LedgerView]
    candidates: list[Candidate] = field(default_factory=list)
    settled: list[RecordOutcome] = field(default_factory=list)
    same: dict[str, int] = field(default_factory=dict)
    """The ledger's rows, by external id, of records that are as the ledger has them."""
    repeated: int = 0
    coerced: int = 0
    came_again: list[tuple[SourceRecord, bool]] = field(default_factory=list)
    """Records that came on an earlier page of this reading, and whether they changed since."""
    later: list[SourceRecord] = field(default_factory=list)
    """Records whose earlier form is still on its way; they are looked at again after it."""
    pins: dict[str, list[Pin]] = field(default_factory=dict)
    """Accepted differences, by external id."""
    outdated: list[Pin] = field(default_factory=list)
    """Those of them whose value in the registry changed."""
    merges: dict[str, Merge] = field(default_factory=dict)
    """Merges of entities that are not over, by external id."""
    departures: dict[str, Departure] = field(default_factory=dict)
    """Entities in Benchling whose records show that they have left, by external id."""
    marked: list[str] = field(default_factory=list)
    """Entities in Benchling whose records say that they are deleted, but still have values."""


def source_records(
    records: Sequence[Json], source: Source, fingerprint: str, unread: Sequence[Unread] = ()
) -> list[SourceRecord]:
    """Return records with their external id, hash and time; `unread` ones came in part."""
    found: list[SourceRecord] = []
    identify, cursor_of = source.identify, source.cursor_of
    for raw in records:
        raw_hash = hash_record(raw, fingerprint)
        external_id, problem = identify(raw), None
        if external_id is None or not _is_usable(external_id):
            problem = _unusable_id(external_id, raw)
            external_id = f"(no usable id {raw_hash[:12]})"
        found.append(SourceRecord(external_id, raw, raw_hash, cursor_of(raw), False, problem))
    return found + _in_part(unread, source, fingerprint) if unread else found


def stray_records(strays: Sequence[Any], fingerprint: str) -> list[SourceRecord]:
    """Return the items of a list that are no records: each is refused."""
    found = []
    for item in strays:
        raw_hash = hash_record(item, fingerprint)
        problem = Problem(
            kind="source",
            code="not_a_record",
            message=f"The registry's list of records contains {_shown(item)}, which is not "
            "a record.",
            remedy="The registry's owner removes it from the list; the other records are read.",
            value=shortened(unmarked(item) if isinstance(item, str) else readable(item), 200),
        )
        external_id = f"(not a record {raw_hash[:12]})"
        found.append(SourceRecord(external_id, {"item": item}, raw_hash, None, problem=problem))
    return found


def _shown(item: Any) -> str:
    if isinstance(item, str):
        return f"“{shortened(unmarked(item), 120)}”"
    return shortened(unmarked(json.dumps(item, ensure_ascii=False)), 120)


def _in_part(unread: Sequence[Unread], source: Source, fingerprint: str) -> list[SourceRecord]:
    """Return records whose detail could not be read: refused, and read again by each run."""
    found = source_records([one.record for one in unread], source, fingerprint)
    return [
        record
        if record.problem is not None and not one.failed
        # Without a hash: what is read whole next time is never the same as this.
        else record._replace(raw_hash="", problem=_no_detail(record.external_id, one))
        for record, one in zip(found, unread, strict=True)
    ]


def record_outcome(
    record: SourceRecord,
    outcome: Outcome,
    *,
    problems: tuple[Problem, ...] = (),
    identity: str = "",
    how: str = "",
) -> RecordOutcome:
    """Return the outcome of a record that is not on its way; `how` it left, if it did."""
    return RecordOutcome(
        external_id=record.external_id,
        raw_hash=record.raw_hash,
        outcome=outcome,
        raw=record.raw if problems else None,
        problems=problems,
        modified_at=record.modified_at,
        retried=record.retried,
        identity=identity,
        gone=bool(how),
        how=how,
    )


def _is_usable(external_id: str) -> bool:
    return len(external_id) <= LONGEST_ID and external_id.isprintable()


def _unusable_id(external_id: str | None, raw: Json) -> Problem:
    if external_id is None:
        return Problem(
            kind="source",
            code="no_id",
            message="A record of the registry has no id, so nothing can be kept up to date by it: "
            f"{in_message(raw, 120)}",
            remedy="The registry's owner gives the record an id, or the integration owner corrects "
            "External ID Field in the app's configuration.",
            field="External ID Field",
        )
    owner = "The registry's owner corrects the record's id."
    why = fault_in(external_id) or unprintable_in(external_id)
    if not why:
        why = f"has {len(external_id)} characters ({LONGEST_ID} at most)"
        owner = "The integration owner checks External ID Field in the app's configuration."
    return Problem(
        kind="source",
        code="unusable_id",
        message=f"The id {as_sent(external_id, 60)} cannot be a registry id: it {why}.",
        remedy=owner,
        field="External ID Field",
        value=shortened(unmarked(external_id), 200),
    )


def unprintable_in(text: str) -> str:
    """Return which character of a text cannot be seen, as a part of a sentence; "" if none."""
    sign = next((sign for sign in text if not sign.isprintable()), "")
    named = f"U+{ord(sign):04X} {unicodedata.name(sign, '')}".strip() if sign else ""
    return f"contains a character that cannot be printed ({named})" if sign else ""


def _no_detail(external_id: str, unread: Unread) -> Problem:
    why = unread.why
    if unread.failed:
        return Problem(
            kind="source",
            code="record_in_part",
            message=f"{external_id} could not be read in full; nothing was written for it. "
            + why.message,
            remedy=f"The registry's owner checks why the service fails for {external_id}; the next "
            "run reads it again.",
        )
    return Problem(
        kind="transient" if why.transient else "source",
        code="no_detail",
        message=f"{external_id} could not be read in full; nothing was written for it. "
        + why.message,
        remedy=f"The registry's owner checks the detail of {external_id} and whether API Key may "
        "read it; each run tries again.",
        waits_for=("detail", ""),
    )
