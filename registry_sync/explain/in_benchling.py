"""What Benchling has of one record at this moment, held against what this app last wrote."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.dateparse import parse_datetime

from registry_sync import runs
from registry_sync.benchling import config_items as items
from registry_sync.benchling.client import Client
from registry_sync.benchling.errors import Refused, Wait
from registry_sync.benchling.schema import EntitySchema, parse_schema
from registry_sync.benchling.sync_items import FOLDER
from registry_sync.benchling.syncs import path_of
from registry_sync.core.problems import SyncError
from registry_sync.core.types import Json
from registry_sync.mapping.codec import canonical_fields
from registry_sync.mapping.model import UNKNOWN
from registry_sync.mapping.values import holds_value
from registry_sync.models import Drift, Lane, LedgerEntry, SyncRun
from registry_sync.sync.clients import hasty_client
from registry_sync.sync.rebuild import link_targets
from registry_sync.sync.setup import read_items

PATIENCE = 5.0
"""Seconds that opening a page waits for Benchling; half of it for each answer."""
RESTORES = "The next full run writes the registry's values back."
REPORTS = "A full run reports it, and leaves it as it is: that is the lane's drift policy."


@dataclass(slots=True)
class TenantState:
    """What a record page says at its top, and where Benchling's values differ from ours.

    `pill` and `word` are the record's state in one word. `theirs` has Benchling's values by field
    id, also for `name` and `registry id`, where they are others than ours. `trouble` says why
    Benchling could not be asked; then `theirs` is what the last check for drift found.
    """

    pill: str = "good"
    word: str = "in Benchling"
    banners: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    theirs: dict[str, Any] = field(default_factory=dict)
    modified_at: datetime | None = None
    trouble: str = ""
    known_since: datetime | None = None

    @property
    def is_gone(self) -> bool:
        """Return whether nothing can be written to it: it is archived, or cannot be found."""
        return "archived" in self.word or "not found" in self.word


def read_state(lane: Lane, external_id: str, client: Client | None = None) -> TenantState | None:
    """Return what Benchling has of a record; None where it was never written there.

    Without a `client` it gives up after PATIENCE seconds.
    """
    entry = LedgerEntry.objects.filter(lane=lane, external_id=external_id).first()
    if entry is None or not entry.entity_hash or not _is_current(lane):
        return None
    try:
        return _compared(lane, entry, client or hasty_client(PATIENCE))
    except (Refused, SyncError, Wait) as error:
        return _as_last_known(entry, error)


# -- asking -----------------------------------------------------------------------------------


def _is_current(lane: Lane) -> bool:
    """Return whether a lane is of the tenant and app that are set: no other one can be asked."""
    return (lane.tenant, lane.app_id) == (runs.tenant_host(), settings.BENCHLING_APP_ID)


def _compared(lane: Lane, entry: LedgerEntry, client: Client) -> TenantState:
    client.entity_type = lane.entity_type
    found = client.entities_by_id([entry.entity_id]) if entry.entity_id else []
    if not entry.entity_id:
        found = client.entities_with_ids([entry.entity_registry_id], registry_id=lane.registry_id)
    if not found:
        return TenantState("bad", "not found in Benchling", [
            f"Benchling has no entity {entry.entity_id or entry.entity_registry_id}, or the app "
            "can no longer see it. A Benchling admin checks whether it was moved to a project that "
            "the app has no access to. The values below are what this app last wrote."
        ])  # fmt: skip
    raw = found[0]
    schema = parse_schema(client.entity_schema(lane.schema_id), {})
    state = TenantState(modified_at=parse_datetime(str(raw.get("modifiedAt") or "")))
    targets = link_targets([raw], [f for f in schema.fields if f.id in entry.fields], client)
    state.theirs = dict(_differing(entry, raw, schema, targets))
    _judge(state, lane, entry, raw)
    _note_folder(state, client, raw, lane)
    return state


def written_values(entry: LedgerEntry) -> Iterator[tuple[str, Any]]:
    """Yield what was last written to an entity: field id (or `registry id`, `name`) and value."""
    yield "registry id", entry.entity_registry_id
    yield "name", entry.name
    yield from entry.fields.items()


def _differing(
    entry: LedgerEntry, raw: Json, schema: EntitySchema, targets: dict[str, str]
) -> Iterator[tuple[str, Any]]:
    current = canonical_fields(raw, schema, targets)
    names = {definition.id: definition.name for definition in schema.fields}
    current |= {"registry id": raw.get("entityRegistryId") or None, "name": raw.get("name")}
    for key, written in written_values(entry):
        if (
            key in current
            and not holds_value(key, written, current[key])
            and (current[key] or written)
        ):
            value = current[key]
            if value == UNKNOWN:  # what is shown there, where it cannot be read back
                value = (raw["fields"].get(names.get(key, "")) or {}).get("displayValue") or "?"
            yield key, value


def _judge(state: TenantState, lane: Lane, entry: LedgerEntry, raw: Json) -> None:
    """Say what is not as this app left it, the gravest first."""
    archived = raw.get("archiveRecord")
    schema = raw.get("schema") or {}
    if archived:
        state.pill, state.word = "warning", "archived in Benchling"
        why = f" ({archived['reason']})" if archived.get("reason") else ""
        state.banners.append(
            f"Archived in Benchling{why}. Nothing is written to it. A Benchling admin can "
            "unarchive it."
        )
    if schema.get("id") != lane.schema_id:
        state.pill, state.word = "warning", state.word if archived else "changed in Benchling"
        state.banners.append(
            f"It has another schema in Benchling now: {schema.get('name') or 'none'}."
        )
    if not raw.get("entityRegistryId"):
        state.pill, state.word = "warning", "unregistered in Benchling"
        state.banners.append(
            f"Unregistered in Benchling: it no longer has the registry id "
            f"{entry.entity_registry_id}. A Benchling admin can register it again."
        )
    if state.theirs and not (archived or "registered" in state.word):
        state.pill, state.word = "warning", "changed in Benchling"
    others = [key for key in state.theirs if key != "registry id" or raw.get("entityRegistryId")]
    if others:
        policy = RESTORES if lane.drift_policy == Lane.DriftPolicy.RESTORE else REPORTS
        count = "1 value differs" if len(others) == 1 else f"{len(others)} values differ"
        state.banners.append(
            f"{count} in Benchling from what this app last wrote; the rows below show both. "
            + ("" if archived else policy)
        )


def _note_folder(state: TenantState, client: Client, raw: Json, lane: Lane) -> None:
    """Say that an entity was moved, which is its users' own business and no difference."""
    stored = items.by_path(read_items(client))
    folder = items.value_of(stored, path_of(lane.element, FOLDER)) or items.value_of(
        stored, (FOLDER,)
    )
    folder_id = raw.get("folderId")
    if folder and folder_id and folder_id != folder:
        name = client.folder(folder_id).get("name") or folder_id
        state.notes.append(
            f"It is in the folder “{name}” now, not in Synced Entity Location. That is left as it "
            "is."
        )


def _as_last_known(entry: LedgerEntry, error: Exception) -> TenantState:
    """Return what the last check for drift found, and since when it is known."""
    trouble = error.with_remedy if isinstance(error, SyncError) else str(error)
    state = TenantState("quiet", "in Benchling when last checked", trouble=trouble)
    run = SyncRun.objects.filter(pk=entry.written_run_id or 0).first()
    written, looked = run.finished_at if run else None, entry.lane.looked_at
    state.known_since = max(filter(None, [written, looked]), default=None)
    rows = Drift.objects.filter(
        lane=entry.lane, external_id=entry.external_id, closed_at__isnull=True
    )
    for row in rows:
        if row.field_id == "archived":
            state.word = "archived in Benchling when last checked"
        else:
            state.theirs[row.field_id] = row.theirs
    if state.theirs and "archived" not in state.word:
        state.word = "changed in Benchling when last checked"
    return state
