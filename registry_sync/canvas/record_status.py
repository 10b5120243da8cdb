"""Where one record stands: in Benchling since when, refused and why, waiting for what, or nowhere.

Registry and Benchling are asked live, so that what is newer or archived there is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from registry_sync import runs
from registry_sync.benchling.client import Client
from registry_sync.canvas import text as words
from registry_sync.core.problems import SyncError
from registry_sync.core.text import name_key
from registry_sync.ledger.record_outcome import hash_record
from registry_sync.models import Adoption, EntityError, Lane, LedgerEntry, SyncRun
from registry_sync.reporting.session_messages import CAUSES
from registry_sync.source.client import Source
from registry_sync.sync.setup import Setup

NAMESAKES = 3
"""Refused records of one name that are told of at most, beside the one that was looked up."""


@dataclass(frozen=True, slots=True)
class RecordStatus:
    """What a scientist reads of one record; `entity_id` is Benchling's, where there is one.

    `raw` is the registry's record as it is now, where it gave one.
    """

    text: str
    external_id: str
    entity_id: str = ""
    raw: dict[str, Any] | None = None


def record_status(
    asked: str, lane: Lane, setup: Setup, source: Source, client: Client
) -> RecordStatus:
    """Say where the record with this id or name stands."""
    external_id = typed_external_id(asked, lane)
    entry = LedgerEntry.objects.filter(lane=lane, external_id=external_id).first()
    error = runs.open_errors(lane).filter(external_id=external_id).first()
    adoptions = _undecided(lane).filter(external_id=external_id)
    drifted = lane.drift.filter(external_id=external_id, closed_at=None).exclude(
        field_id="archived"
    )
    entity_id = entry.entity_id if entry else ""
    lines = [_here(entry)]
    if entity_id and _is_archived(entity_id, client):
        lines.append(words.record_archived())
    if error is not None:
        lines.append(words.record_refused(error, is_there=bool(lines[0])))
    lines += [words.record_adoption(row) for row in adoptions]
    lines += [words.record_drift(row) for row in drifted[:3]]
    there, raw = _there(external_id, entry, error, setup, source)
    lines += [there, *_namesakes(asked, external_id, lane)]
    text = "\n\n".join(line for line in lines if line)
    before = adoptions.first()
    return RecordStatus(text, external_id, entity_id or (before.entity_id if before else ""), raw)


def typed_external_id(asked: str, lane: Lane) -> str:
    """Give the external id of what was typed: an id, a registry id, or a name."""
    mine, key = LedgerEntry.objects.filter(lane=lane), name_key(asked)
    for question in ({"external_id": asked}, {"id_key": key}, {"name_key": key}):
        if (found := mine.filter(**question).first()) is not None:
            return found.external_id
    refused = runs.open_errors(lane)
    if refused.filter(external_id=asked).exists():
        return asked
    named = refused.filter(value=asked).first() or refused.filter(waits_key=key).first()
    return named.external_id if named else asked


def _namesakes(asked: str, external_id: str, lane: Lane) -> list[str]:
    """Tell of refused records that want the name which was looked up, beside the one told of."""
    errors = runs.open_errors(lane).filter(waits_key=name_key(asked))
    named = errors.filter(waits_for__in=["name", "benchling name"]).exclude(field="registry id")
    wanting = named.exclude(external_id=external_id)
    others = list(wanting.order_by("pk")[: NAMESAKES + 1])
    said = [words.record_namesake(error) for error in others[:NAMESAKES]]
    if len(others) > NAMESAKES:
        said.append(words.more_namesakes(wanting.count() - NAMESAKES))
    return said


def entities_concerned(lane: Lane | None) -> list[str]:
    """List the entities in Benchling that the first causes of open errors are about."""
    if lane is None:
        return []
    first: dict[str, str] = {}
    for code, external_id in (
        runs.open_errors(lane).order_by("pk").values_list("code", "external_id")[:500]
    ):
        first.setdefault(code, external_id)
    ids = list(first.values())
    ours = LedgerEntry.objects.filter(lane=lane, external_id__in=ids).exclude(entity_id="")
    theirs = _undecided(lane).filter(external_id__in=ids)
    found = [*ours.values_list("entity_id", flat=True), *theirs.values_list("entity_id", flat=True)]
    return list(dict.fromkeys(found))[:CAUSES]


def _here(entry: LedgerEntry | None) -> str:
    if entry is None or not entry.entity_hash:
        return ""
    run = SyncRun.objects.filter(pk=entry.written_run_id or 0).first()
    return words.record_here(entry, run)


def _undecided(lane: Lane) -> QuerySet[Adoption]:
    return lane.adoptions.filter(state__in=[Adoption.State.OPEN, Adoption.State.APPROVED])


def _is_archived(entity_id: str, client: Client) -> bool:
    return any(found.get("archiveRecord") for found in client.entities_by_id([entity_id]))


def _there(
    external_id: str,
    entry: LedgerEntry | None,
    error: EntityError | None,
    setup: Setup,
    source: Source,
) -> tuple[str, dict[str, Any] | None]:
    """Ask the registry itself: what to say of it, and the record."""
    if not source.gives_one:
        return words.only_lists(), None
    try:
        raw = source.fetch(external_id)
    except SyncError as error:
        return words.registry_silent(error), None
    if raw is None:
        return words.record_unknown(external_id), None
    if entry is None or not entry.entity_hash:
        return ("" if error is not None else words.record_only_there(external_id)), raw
    changed = source.cursor_of(raw)
    if changed is not None and entry.modified_at is not None:
        newer = changed > entry.modified_at
    else:
        newer = entry.raw_hash != hash_record(raw, setup.mapping.fingerprint)
    said = words.record_newer() if newer else words.record_same(refused=error is not None)
    return said, raw
