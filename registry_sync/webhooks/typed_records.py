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
from registry_sync.canvas.record_status import (
    RecordStatus,
    knows,
    record_status,
    typed_external_id,
)
from registry_sync.canvas.similar_records import MOST, Similar, similar_records
from registry_sync.core.problems import SyncError
from registry_sync.explain.explanation import short_sentences
from registry_sync.explain.steps import explain
from registry_sync.models import Lane, SyncRun
from registry_sync.source.client import Source
from registry_sync.sync.clients import plain_source
from registry_sync.sync.setup import Setup, configure, connector_of, read_config, read_items


@dataclass(frozen=True, slots=True)
class Found:
    """What a lane says of the record."""

    lane: Lane
    status: RecordStatus


@dataclass(frozen=True, slots=True)
class Meant:
    """The records that what was typed means: lanes and external ids, or a list to choose from.

    `is_known` unless no lane has read such a record, and no registry gives it.
    """

    records: list[tuple[Lane, str]]
    several: str = ""
    is_known: bool = True


def find_record(
    typed: str, lanes: Sequence[Lane], client: Client, *, foresees: bool = True
) -> list[Found]:
    """Return what the lanes say that know a record; the only lane always says something.

    Where no lane knows it yet, the registries are asked, then Benchling for a name or an alias of
    which it is a part. With `foresees`, they say what the next sync would do as well. Raise
    Refused, SyncError or Wait when Benchling cannot be queried.
    """
    found = _exactly(typed, lanes, client, foresees=foresees)
    if any(_is_there(match, typed) for match in found):
        return found
    similar = similar_records(typed, lanes, client)
    if len(similar) == 1:
        match = similar[0]
        return _exactly(match.external_id, [match.lane], client, foresees=foresees)
    if similar:
        return [Found(lane, RecordStatus(text, "")) for lane, text in _choices(typed, similar)]
    return found


def _exactly(typed: str, lanes: Sequence[Lane], client: Client, *, foresees: bool) -> list[Found]:
    candidates = [lane for lane in lanes if knows(lane, typed)] or list(lanes)
    if len(candidates) == 1:
        return [Found(candidates[0], _status(typed, candidates[0], client, foresees=foresees))]
    found = [
        Found(lane, _status_or_fault(typed, lane, client, foresees=foresees)) for lane in candidates
    ]
    known_here = [match for match in found if _is_there(match, typed)]
    return known_here or [match for match in found if not _is_unknown(match.status)]


def _is_there(found: Found, typed: str) -> bool:
    return found.status.raw is not None or knows(found.lane, typed)


def _choices(typed: str, similar: Sequence[Similar]) -> Iterator[tuple[Lane, str]]:
    """Yield for each lane the records to choose from."""
    for lane in dict.fromkeys(match.lane for match in similar):
        of_lane = [(match.external_id, match.name) for match in similar if match.lane == lane]
        yield lane, record_text.several(typed, of_lane[:MOST], more=len(similar) > MOST)


def _is_unknown(status: RecordStatus) -> bool:
    """Return whether the registry was asked, and has no such record."""
    return status.text == record_text.unknown(status.external_id)


def meant_records(typed: str, lanes: Sequence[Lane], client: Client) -> Meant:
    """Return the records of the lanes that have one like what was typed.

    A record of the only lane need not be known. Raise Refused, SyncError or Wait.
    """
    lanes_with_record = [lane for lane in lanes if knows(lane, typed)]
    if lanes_with_record or not lanes:
        return Meant([(lane, typed_external_id(typed, lane)) for lane in lanes_with_record])
    found = find_record(typed, lanes, client, foresees=False)
    if found and not any(match.status.external_id for match in found):
        names = runs.LaneNames()
        texts = (words.of_lane(names.label(match.lane), match.status.text) for match in found)
        return Meant([], "\n\n".join(texts))
    is_found = any(_is_there(match, match.status.external_id) for match in found)
    return Meant([(match.lane, match.status.external_id) for match in found], is_known=is_found)


def reading_runs(lanes: Sequence[Lane]) -> dict[int, SyncRun]:
    """Return the syncs of all records that are under way, by the lanes' primary keys."""
    found = {lane.pk: runs.active(lane) for lane in lanes}
    return {key: run for key, run in found.items() if run is not None and runs.is_whole(run)}


def to_await(typed: str, lanes: Sequence[Lane], found: Sequence[Found]) -> dict[Lane, str]:
    """Return the records of which a sync that is reading may say more than a look-up, by lane."""
    if not found:
        return dict.fromkeys(lanes, typed)
    status = {match.lane: match.status for match in found}
    return {
        lane: found_status.external_id
        for lane, found_status in status.items()
        if found_status.external_id and not found_status.settled
    }


def is_unread(found: Found) -> bool:
    """Return whether no run has read a record, and its registry does not give it either."""
    only_lists = found.status.text == words.only_lists()
    return _is_unknown(found.status) or (
        only_lists and not knows(found.lane, found.status.external_id)
    )


def gives_one(lane: Lane | None, client: Client) -> bool:
    """Return whether a lane's registry gives single records. Raise SyncError."""
    element = lane.element if lane is not None else ""
    key = settings.BENCHLING_PRIVATE_KEY
    config = read_config(read_items(client), private_key=key, element=element)
    return connector_of(config).detail is not None


@contextmanager
def asking(lane: Lane, client: Client) -> Iterator[tuple[Setup, Source]]:
    """Open a lane's registry for one question."""
    key = settings.BENCHLING_PRIVATE_KEY
    setup = configure(client, private_key=key, element=lane.element, writes=False)
    source = plain_source(setup)
    try:
        yield setup, source
    finally:
        source.close()


def _status(typed: str, lane: Lane, client: Client, *, foresees: bool) -> RecordStatus:
    """Return a record's status, with what the next sync would do of a record that waits for it."""
    with asking(lane, client) as (setup, source):
        status = record_status(typed, lane, setup, source, client)
    if not (status.pending and foresees):
        return status
    steps = short_sentences(explain(lane, status.external_id))
    lines = [status.text, "", *(f"- {escaped(line)}" for line in steps)]
    return replace(status, text="\n".join(lines))


def _status_or_fault(typed: str, lane: Lane, client: Client, *, foresees: bool) -> RecordStatus:
    """Return what a lane says; one whose configuration is faulty stops no other."""
    try:
        return _status(typed, lane, client, foresees=foresees)
    except SyncError as error:
        if error.transient:
            raise
        return RecordStatus(record_text.unreachable(error), typed)
