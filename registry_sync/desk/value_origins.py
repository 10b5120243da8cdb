"""Why a record's fields have their values: the path, rule, run and person behind each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from registry_sync.desk.record_history import Story
from registry_sync.ledger import audit
from registry_sync.models import Change, SyncRun


@dataclass(frozen=True, slots=True)
class Origin:
    """Why a field has its value: the path and rule of the mapping that a run used.

    `source` is the record's own value in a list. The list is empty if the value is a constant, a
    default or a temporary name. None: no run wrote it; `made` is the run that created the entity.
    """

    field_id: str
    field: str
    value: Any
    path: str
    source: list[Any] | None
    rule: Any
    run: SyncRun | None
    at: datetime | None
    who: str
    made: SyncRun | None = None


def origins(story: Story) -> list[Origin]:
    """Return the origin of each value in the ledger."""
    entry = story.entry
    if entry is None or not entry.entity_hash:
        return []
    last: dict[str, Change] = {}
    for change in story.changes:  # the newest first
        last.setdefault(change.field_id, change)
    values = {"registry id": entry.entity_registry_id, "name": entry.name, **entry.fields}
    return [_origin(story, key, value, last.get(key)) for key, value in values.items()]


def _origin(story: Story, field_id: str, value: Any, change: Change | None) -> Origin:
    if change is not None:
        origin = audit.value_origin(change, change.run)
        return Origin(
            field_id, change.field, value, origin.path, origin.source, origin.rule, change.run,
            change.at, change.actor,
        )  # fmt: skip
    # Never written: the entity was created without it, or taken over as it was.
    maker = next((creation.run for creation in story.changes if creation.created), None)
    made = maker if value in (None, "", []) else None
    mapping = story.written.mapping if story.written else {}
    named = mapping.get("field_names", {}).get(field_id, field_id)
    path, rule = audit.fed_by(mapping, field_id)
    return Origin(field_id, named, value, path, None, rule, None, None, "", made)
