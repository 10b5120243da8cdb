"""What a run would do to one record: the preview of a mapping, for this record alone."""

from __future__ import annotations

from dataclasses import dataclass, field

from registry_sync.benchling.client import Client
from registry_sync.core.types import Json
from registry_sync.drafts.impact import Forecast
from registry_sync.drafts.preview_counts import empty
from registry_sync.drafts.preview_notes import Kind, Notes
from registry_sync.drafts.preview_rivals import Rivals
from registry_sync.drafts.tenant_view import TenantView
from registry_sync.models import Lane, LedgerEntry
from registry_sync.sync.records import SourceRecord
from registry_sync.sync.setup import Setup


@dataclass(slots=True)
class Outlook:
    """`sort` is new, changed, unchanged or refused; `problem` says why it is refused.

    `changes` has the name of each field that would change, and its value before and after.
    """

    sort: str
    problem: Json | None = None
    changes: list[tuple[str, str, str]] = field(default_factory=list)


def outlook(lane: Lane, record: SourceRecord, setup: Setup, client: Client) -> Outlook:
    """Return what a run would do to a record now. Ask Benchling, and write nothing."""
    found, notes = empty(setup.mapping), Notes(None)
    rivals = Rivals(notes, TenantView(client, setup, lane), lane)
    Forecast(found, setup.mapping, lane, rivals).add([record])
    if waiting := notes.added(Kind.WAIT):
        return Outlook("refused", waiting[0].data["problem"])
    if found["refused"]:
        return Outlook("refused", found["causes"][0])
    sort = next(sort for sort in ("new", "changed", "unchanged") if found[sort])
    changes = [
        (each["name"], before, after)
        for each in found["fields"]
        for _, before, after in each["examples"]
    ]
    if found["renamed"]:
        entry = LedgerEntry.objects.filter(lane=lane, external_id=record.external_id).first()
        before = entry.name if entry else ""
        changes.insert(0, ("name", before, found["rows"][0]["name"]))
    return Outlook(sort, changes=changes)
