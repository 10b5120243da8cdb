"""Which of several lanes have the record that someone typed into a canvas, and what they say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings

from registry_sync import runs
from registry_sync.benchling.client import Client
from registry_sync.canvas import record_text
from registry_sync.canvas.record_status import RecordStatus, record_status, typed_external_id
from registry_sync.core.problems import SyncError
from registry_sync.models import Lane, LedgerEntry
from registry_sync.source.client import Source
from registry_sync.sync.clients import plain_source
from registry_sync.sync.setup import Setup, configure


@dataclass(frozen=True, slots=True)
class Found:
    """What a lane says of the record."""

    lane: Lane
    status: RecordStatus


def find_record(asked: str, lanes: Sequence[Lane], client: Client) -> list[Found]:
    """Return what the lanes say that know a record; the only lane always says something.

    Where no lane knows it yet, the registries are asked. Raise Refused, SyncError or Wait when
    Benchling cannot be queried.
    """
    known = [lane for lane in lanes if knows(lane, asked)] or list(lanes)
    if len(known) == 1:
        return [Found(known[0], _status(asked, known[0], client))]
    found = [Found(lane, _status_or_fault(asked, lane, client)) for lane in known]
    there = [one for one in found if one.status.raw is not None or knows(one.lane, asked)]
    return there or [one for one in found if not _is_unknown(one.status)]


def _is_unknown(status: RecordStatus) -> bool:
    """Return whether the registry was asked, and has no such record."""
    return status.text == record_text.unknown(status.external_id)


def lanes_with(asked: str, lanes: Sequence[Lane], client: Client) -> list[Lane]:
    """Return the lanes that have a record, or whose registry has it."""
    if len(lanes) == 1:
        return list(lanes)
    known = [lane for lane in lanes if knows(lane, asked)]
    return known or [one.lane for one in find_record(asked, lanes, client)]


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
    with asking(lane, client) as (setup, source):
        return record_status(asked, lane, setup, source, client)


def _status_or_fault(asked: str, lane: Lane, client: Client) -> RecordStatus:
    """Return what a lane says; one whose configuration is faulty stops no other."""
    try:
        return _status(asked, lane, client)
    except SyncError as error:
        if error.transient:
            raise
        return RecordStatus(record_text.unreachable(error), asked)
