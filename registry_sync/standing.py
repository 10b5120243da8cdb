"""Where one record stands: in Benchling since when, refused and why, waiting for what, or nowhere.

The registry is asked live, so that what is newer there than here is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import runs, words
from .configure import Setup
from .ledger import hash_record
from .mapping import name_key
from .models import Adoption, Drift, EntityError, Lane, LedgerEntry, SyncRun
from .problems import SyncError
from .source import Source


@dataclass(frozen=True, slots=True)
class Standing:
    """What a scientist reads of one record; `entity_id` is Benchling's, where there is one.

    `raw` is the registry's record as it is now, where it gave one.
    """

    text: str
    external_id: str
    entity_id: str = ""
    raw: dict[str, Any] | None = None


def standing_of(asked: str, lane: Lane, setup: Setup, source: Source) -> Standing:
    """Say where the record with this id or name stands."""
    entry = _entry(lane, asked)
    external_id = entry.external_id if entry else asked
    error = runs.open_errors(lane).filter(external_id=external_id).first()
    lines = [_here(entry, error)]
    lines += [_adoption(row) for row in _adoptions(lane, external_id)]
    lines += [_drift(row) for row in _drifted(lane, external_id)]
    there, raw = _there(external_id, entry, setup, source)
    text = " ".join(line for line in [*lines, there] if line)
    return Standing(text, external_id, entry.entity_id if entry else "", raw)


def external_id_of(asked: str, lane: Lane) -> str:
    """Give the external id of what was typed: an id, a registry id, or a name."""
    entry = _entry(lane, asked)
    if entry is not None:
        return entry.external_id
    named = runs.open_errors(lane).filter(value=asked).first()
    return named.external_id if named else asked


def _entry(lane: Lane, asked: str) -> LedgerEntry | None:
    mine = LedgerEntry.objects.filter(lane=lane)
    key = name_key(asked)
    for question in ({"external_id": asked}, {"id_key": key}, {"name_key": key}):
        if (found := mine.filter(**question).first()) is not None:
            return found
    return None


def _here(entry: LedgerEntry | None, error: EntityError | None) -> str:
    if error is not None:
        waits = "" if error.kind == EntityError.Kind.TRANSIENT else f" {error.remedy}"
        return f"**{error.external_id} is not up to date in Benchling.** {error.message}{waits}"
    if entry is None or not entry.entity_hash:
        return ""
    run = SyncRun.objects.filter(pk=entry.written_run_id or 0).first()
    if run is None:
        return f"**{entry.external_id}** is in Benchling as “{entry.name}”."
    when = words.moment(run.finished_at or run.started_at)
    return f"**{entry.external_id}** is in Benchling as “{entry.name}”, last written {when}."


def _adoptions(lane: Lane, external_id: str) -> list[Adoption]:
    undecided = [Adoption.State.OPEN, Adoption.State.APPROVED]
    return list(lane.adoptions.filter(external_id=external_id, state__in=undecided))


def _adoption(row: Adoption) -> str:
    whose = f"{row.entity_registry_id or row.entity_id} (“{row.name}”)"
    if row.state == Adoption.State.APPROVED:
        return f"The next sync takes {whose} over."
    return f"{whose} was in Benchling before: your integration owner decides what becomes of it."


def _drifted(lane: Lane, external_id: str) -> list[Drift]:
    return list(lane.drift.filter(external_id=external_id, closed_at=None)[:3])


def _drift(row: Drift) -> str:
    if row.field_id == "archived":
        return "It was archived in Benchling."
    return f"Its {row.field} was changed in Benchling {words.moment(row.modified_at)}."


def _there(
    external_id: str, entry: LedgerEntry | None, setup: Setup, source: Source
) -> tuple[str, dict[str, Any] | None]:
    """Ask the registry itself: what to say of it, and the record."""
    try:
        raw = source.fetch_all([external_id]).get(external_id)
    except SyncError as error:
        return f"The registry could not be asked: {error.message}", None
    if raw is None:
        return f"The registry has no record “{external_id}”, or its key may not see it.", None
    if entry is None:
        return f"**{external_id}** is in the registry and not in Benchling yet.", raw
    if entry.raw_hash != hash_record(raw, setup.mapping.fingerprint):
        return "The registry has a newer version, which the next sync brings.", raw
    return "The registry has nothing newer.", raw
