"""Who changed a record's entity in Benchling, asked while someone waits."""

from __future__ import annotations

from registry_sync.benchling.errors import Refused, Wait
from registry_sync.core.problems import SyncError
from registry_sync.models import AuthorOfChange, Lane, LedgerEntry
from registry_sync.sync import change_authors
from registry_sync.sync.clients import impatient_client


def who_changed(lane: Lane, external_id: str) -> AuthorOfChange:
    """Return the newest entries of the entity's audit log, or why they are not known."""
    rows = LedgerEntry.objects.filter(lane=lane, external_id=external_id)
    entry = rows.exclude(entity_id="").first()
    if entry is None:
        return AuthorOfChange(lane=lane, trouble="The record has no entity in Benchling.")
    client = impatient_client()
    client.entity_type = lane.entity_type
    try:
        return change_authors.fetch_authors(client, lane, entry.entity_id, None)
    except (Refused, SyncError, Wait) as error:
        return AuthorOfChange(lane=lane, entity_id=entry.entity_id, trouble=str(error))
