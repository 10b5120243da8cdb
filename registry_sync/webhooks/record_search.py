"""Which of several lanes have the record that someone typed into a canvas, and what they say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from django.conf import settings

from registry_sync import runs
from registry_sync.benchling.client import Client
from registry_sync.canvas import record_text
from registry_sync.canvas import text as words
from registry_sync.canvas.markdown import escaped
from registry_sync.canvas.record_status import RecordStatus, record_status, typed_external_id
from registry_sync.canvas.similar_records import MOST, Similar, similar_records
from registry_sync.core.problems import SyncError
from registry_sync.models import Lane, LedgerEntry
from registry_sync.records.explanation import short_sentences
from registry_sync.records.steps import explain
from registry_sync.source.client import Source
from registry_sync.sync.clients import plain_source
from registry_sync.sync.setup import Setup, configure


@dataclass(frozen=True, slots=True)
class Found:
    """What a lane says of the record."""

    lane: Lane
    status: RecordStatus


@dataclass(frozen=True, slots=True)
class Meant:
    """The records that what was typed means: lanes and external ids, or a list to choose from."""

    records: list[tuple[Lane, str]]
    several: str = ""


def find_record(asked: str, lanes: Sequence[Lane], client: Client) -> list[Found]:
    """Return what the lanes say that know a record; the only lane always says something.

    Where no lane knows it yet, the registries are asked, then Benchling for a name or an alias of
    which it is a part. Raise Refused, SyncError or Wait when Benchling cannot be queried.
    """
    found = _exactly(asked, lanes, client)
    if any(_is_there(one, asked) for one in found):
        return found
    similar = similar_records(asked, lanes, client)
    if len(similar) == 1:
        return _exactly(similar[0].external_id, [similar[0].lane], client)
    if similar:
        return [Found(lane, RecordStatus(text, "")) for lane, text in _choices(asked, similar)]
    return found


def _exactly(asked: str, lanes: Sequence[Lane], client: Client) -> list[Found]:
    known = [lane for lane in lanes if knows(lane, asked)] or list(lanes)
    if len(known) == 1:
        return [Found(known[0], _status(asked, known[0], client))]
    found = [Found(lane, _status_or_fault(asked, lane, client)) for lane in known]
    there = [one for one in found if _is_there(one, asked)]
    return there or [one for one in found if not _is_unknown(one.status)]


def _is_there(found: Found, asked: str) -> bool:
    return found.status.raw is not None or knows(found.lane, asked)


def _choices(asked: str, similar: Sequence[Similar]) -> Iterator[tuple[Lane, str]]:
    """Yield for each lane the records to choose from."""
    for lane in dict.fromkeys(one.lane for one in similar):
        mine = [(one.external_id, one.name) for one in similar if one.lane == lane]
        yield lane, record_text.several(asked, mine[:MOST], more=len(similar) > MOST)


def _is_unknown(status: RecordStatus) -> bool:
    """Return whether the registry was asked, and has no such record."""
    return status.text == record_text.unknown(status.external_id)


def meant_records(asked: str, lanes: Sequence[Lane], client: Client) -> Meant:
    """Return the records of the lanes that have one like what was typed.

    A record of the only lane need not be known. Raise Refused, SyncError or Wait.
    """
    known = [lane for lane in lanes if knows(lane, asked)]
    if known or not lanes:
        return Meant([(lane, typed_external_id(asked, lane)) for lane in known])
    found = find_record(asked, lanes, client)
    if found and not any(one.status.external_id for one in found):
        names = runs.LaneNames()
        texts = (words.of_lane(names.beside(one.lane), one.status.text) for one in found)
        return Meant([], "\n\n".join(texts))
    return Meant([(one.lane, one.status.external_id) for one in found])


def knows(lane: Lane, asked: str) -> bool:
    """Return whether a record with this id or name was read in a lane."""
    external_id = typed_external_id(asked, lane)
    rows = LedgerEntry.objects.filter(lane=lane, external_id=external_id)
    return rows.exists() or runs.open_errors(lane).filter(external_id=external_id).exists()


def gives_one(lane: Lane | None, client: Client) -> bool:
    """Return whether a lane's registry gives single records. Raise SyncError."""
    with asking(lane, client) as (_, source):
        return source.gives_one


@contextmanager
def asking(lane: Lane | None, client: Client) -> Iterator[tuple[Setup, Source]]:
    """Open a lane's registry for one question."""
    element = lane.element if lane is not None else ""
    setup = configure(client, private_key=settings.BENCHLING_PRIVATE_KEY, element=element)
    source = plain_source(setup)
    try:
        yield setup, source
    finally:
        source.close()


def _status(asked: str, lane: Lane, client: Client) -> RecordStatus:
    """Return a record's status, with what the next sync would do of a record that waits for it."""
    with asking(lane, client) as (setup, source):
        status = record_status(asked, lane, setup, source, client)
    if not status.pending:
        return status
    steps = short_sentences(explain(lane, status.external_id))
    lines = [status.text, "", *(f"- {escaped(line)}" for line in steps)]
    return replace(status, text="\n".join(lines))


def _status_or_fault(asked: str, lane: Lane, client: Client) -> RecordStatus:
    """Return what a lane says; one whose configuration is faulty stops no other."""
    try:
        return _status(asked, lane, client)
    except SyncError as error:
        if error.transient:
            raise
        return RecordStatus(record_text.unreachable(error), asked)
