"""The status of one record: synced, refused, waiting for something, or unknown.

The registry and Benchling are queried live, so that newer and archived versions are reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from registry_sync import runs
from registry_sync.benchling.client import Client
from registry_sync.canvas import record_text, text
from registry_sync.canvas.record_values import value_lines
from registry_sync.core.problems import SyncError
from registry_sync.core.text import name_key, storable
from registry_sync.ledger.record_outcome import hash_record
from registry_sync.mapping.departures import has_left
from registry_sync.models import Adoption, EntityError, Lane, LedgerEntry, SyncRun
from registry_sync.reporting.session_messages import CAUSES
from registry_sync.source.client import Source
from registry_sync.sync.setup import Setup

NAMESAKES = 3
"""Most refused records of the same name that are listed beside the one looked up."""


@dataclass(frozen=True, slots=True)
class RecordStatus:
    """What a scientist reads about one record.

    `entity_id` is Benchling's id, "" where there is no entity. `raw` is the registry's record as
    it is now, None where it could not be read. `pending`: that record is not in Benchling as it is
    now, and the next sync tries it. `settled`: it is in Benchling, and nothing is known to wait.
    """

    text: str
    external_id: str
    entity_id: str = ""
    raw: dict[str, Any] | None = None
    pending: bool = False
    settled: bool = False


def record_status(
    typed: str, lane: Lane, setup: Setup, source: Source, client: Client
) -> RecordStatus:
    """Return the status of the record with this id or name.

    Raise Refused, SyncError or Wait when Benchling cannot be queried.
    """
    external_id = typed_external_id(typed, lane)
    entry = LedgerEntry.objects.filter(lane=lane, external_id=external_id).first()
    error = runs.open_errors(lane).filter(external_id=external_id).first()
    adoptions = _undecided(lane).filter(external_id=external_id)
    drifted = lane.drift.filter(external_id=external_id, closed_at=None).exclude(
        field_id="archived"
    )
    entity_id = entry.entity_id if entry else ""
    in_benchling = _here(entry)
    lines = ["\n".join([in_benchling, *(value_lines(entry) if entry else [])]).strip()]
    if entity_id and _is_archived(entity_id, client, lane):
        lines.append(record_text.archived())
    in_registry, raw = _there(external_id, entry, error, setup, source)
    changed = error is not None and _has_changed(error, raw)
    if error is not None:
        is_there = bool(lines[0])
        sentence = record_text.not_in_benchling(error, is_there=is_there, changed=changed)
        lines.append(sentence)
    lines += [record_text.adoption(row) for row in adoptions]
    lines += [record_text.drift(row) for row in drifted[:3]]
    lines += [in_registry, *_namesakes(typed, external_id, lane)]
    if not entity_id and (before := adoptions.first()) is not None:
        entity_id = before.entity_id
    pending = changed or in_registry in (record_text.newer(), record_text.not_synced(external_id))
    sentence = "\n\n".join(filter(None, lines))
    settled = bool(in_benchling) and error is None and not pending
    return RecordStatus(sentence, external_id, entity_id, raw, pending, settled)


def _has_changed(error: EntityError, raw: dict[str, Any] | None) -> bool:
    """Return whether the registry's record is another than the one that was refused."""
    return None not in (raw, error.raw) and storable(raw) != error.raw


def typed_external_id(typed: str, lane: Lane) -> str:
    """Return the external id of what was typed: an external id, a registry id or a name."""
    entries, key = LedgerEntry.objects.filter(lane=lane), name_key(typed)
    for question in ({"external_id": typed}, {"id_key": key}, {"name_key": key}):
        if (found := entries.filter(**question).first()) is not None:
            return found.external_id
    refused = runs.open_errors(lane)
    if refused.filter(external_id=typed).exists():
        return typed
    named = refused.filter(value=typed).first() or refused.filter(waits_key=key).first()
    return named.external_id if named else typed


def knows(lane: Lane, typed: str) -> bool:
    """Return whether a record with this id or name was read in a lane."""
    external_id = typed_external_id(typed, lane)
    rows = LedgerEntry.objects.filter(lane=lane, external_id=external_id)
    return rows.exists() or runs.open_errors(lane).filter(external_id=external_id).exists()


def _namesakes(typed: str, external_id: str, lane: Lane) -> list[str]:
    """Return sentences on other refused records with the name that was looked up."""
    errors = runs.open_errors(lane).filter(waits_key=name_key(typed))
    named = errors.filter(waits_for__in=["name", "benchling name"]).exclude(field="registry id")
    others_refused = named.exclude(external_id=external_id)
    others = list(others_refused.order_by("pk")[: NAMESAKES + 1])
    sentences = [record_text.namesake(error) for error in others[:NAMESAKES]]
    if len(others) > NAMESAKES:
        sentences.append(record_text.more_namesakes(others_refused.count() - NAMESAKES))
    return sentences


def entities_concerned(lane: Lane | None) -> list[str]:
    """Return the Benchling ids of entities that the first causes of open errors are about."""
    if lane is None:
        return []
    first: dict[str, str] = {}
    for code, external_id in (
        runs.open_errors(lane).order_by("pk").values_list("code", "external_id")[:500]
    ):
        first.setdefault(code, external_id)
    ids = list(first.values())
    synced = LedgerEntry.objects.filter(lane=lane, external_id__in=ids).exclude(entity_id="")
    undecided = _undecided(lane).filter(external_id__in=ids)
    found = [
        *synced.values_list("entity_id", flat=True),
        *undecided.values_list("entity_id", flat=True),
    ]
    return list(dict.fromkeys(found))[:CAUSES]


def _here(entry: LedgerEntry | None) -> str:
    if entry is None or not entry.entity_hash:
        return ""
    run = SyncRun.objects.filter(pk=entry.written_run_id or 0).first()
    return record_text.synced(entry, run)


def _undecided(lane: Lane) -> QuerySet[Adoption]:
    return lane.adoptions.filter(state__in=[Adoption.State.OPEN, Adoption.State.APPROVED])


def _is_archived(entity_id: str, client: Client, lane: Lane) -> bool:
    client.entity_type = lane.entity_type
    return any(found.get("archiveRecord") for found in client.entities_by_id([entity_id]))


def _there(
    external_id: str,
    entry: LedgerEntry | None,
    error: EntityError | None,
    setup: Setup,
    source: Source,
) -> tuple[str, dict[str, Any] | None]:
    """Read the record from the registry. Return what to say about it, and the record."""
    if not source.gives_one:
        return text.only_lists(), None
    try:
        raw = source.fetch(external_id)
    except SyncError as error:
        return record_text.unreachable(error), None
    if raw is None:
        return record_text.unknown(external_id), None
    if has_left(raw, setup.mapping):
        return record_text.record_withdrawn(), raw
    if entry is None or not entry.entity_hash:
        return ("" if error is not None else record_text.not_synced(external_id)), raw
    changed = source.cursor_of(raw)
    if changed is not None and entry.modified_at is not None:
        newer = changed > entry.modified_at
    else:
        newer = entry.raw_hash != hash_record(raw, setup.mapping.fingerprint)
    if newer and error is not None and _has_changed(error, raw):
        return "", raw  # said with the error
    sentence = (
        record_text.newer() if newer else record_text.record_unchanged(refused=error is not None)
    )
    return sentence, raw
