"""The versions of a mapping that were published: what, by whom and why, and the way back."""

from __future__ import annotations

from contextlib import suppress

from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils import timezone

from registry_sync import runs
from registry_sync.benchling.client import Client
from registry_sync.benchling.errors import Refused
from registry_sync.core.problems import SyncError
from registry_sync.core.types import Json
from registry_sync.drafts import draft as drafts
from registry_sync.drafts import preview, starting
from registry_sync.models import Canvas, MappingDraft, MappingVersion


@transaction.atomic
def keep_version(draft: MappingDraft, *, actor: str, reason: str) -> MappingVersion:
    """Keep what was published; and before the first time, what was there before."""
    number = versions_of_this_app().aggregate(last=Max("number"))["last"] or 0
    before = {
        "rows": _named(draft, starting.live_rows(draft)),
        "name_field": draft.base["config"]["name_field"],
    }
    before_connector = draft.base["config"]["connector_settings"] or {}
    whole = {
        "tenant": draft.tenant, "app_id": draft.app_id, "schema_id": draft.schema_id,
        "at": timezone.now(),
    }  # fmt: skip
    if not of_schema(draft.schema_id).exists() and before["rows"]:
        number += 1
        MappingVersion.objects.create(
            **whole, number=number, **before, connector=before_connector, actor=actor,
            reason="As found before the first publication from here.",
        )  # fmt: skip
    config = drafts.config_of(draft)
    MappingDraft.objects.filter(pk=draft.pk).update(
        state=MappingDraft.State.PUBLISHED, publishing={}, updated_by=actor,
        updated_at=timezone.now(),
    )  # fmt: skip
    Canvas.objects.outdate()  # from now on the next sync has something to change
    return MappingVersion.objects.create(
        **whole,
        number=number + 1,
        rows=_named(draft, draft.rows),
        name_field=config.name_field,
        connector=config.connector_settings or {},
        before={**before, "connector": before_connector},
        draft=draft,
        back_to=draft.back_to,
        actor=actor,
        reason=reason,
    )


def _named(draft: MappingDraft, rows: list[Json]) -> list[Json]:
    """Write the fields' names beside their ids, as they were then."""
    schema = drafts.draft_schema(draft)
    names = {field.id: field.name for field in schema.fields}
    return [{**row, "field": names.get(row["field_id"], row["field_id"])} for row in rows]


def of_schema(schema_id: str) -> QuerySet[MappingVersion]:
    """Return what was published for the lane of a schema, the newest first."""
    lane = next(
        (current for current in runs.current_lanes() if current.schema_id == schema_id), None
    )
    return (
        versions_of_this_app().filter(schema_id=schema_id)
        if lane is None
        else runs.versions_of(lane)
    )


def versions_of_this_app() -> QuerySet[MappingVersion]:
    """Return what was published for this app in this tenant, the newest first."""
    return MappingVersion.objects.of_app()


def roll_back(
    version: MappingVersion, client: Client, open_source: drafts.OpenSource, *, actor: str
) -> MappingDraft:
    """Create a draft that restores a version, and preview it on a sample.

    Nothing is written until it is published. A registry that cannot be read leaves it without a
    preview: what is broken may be the very thing that the roll-back restores.
    """
    draft = starting.back_to(version, client, open_source)
    draft.created_by = draft.updated_by = actor
    draft.save()
    if draft.sample:
        with suppress(SyncError, Refused):
            preview.on_sample(draft, client, open_source)
            draft.refresh_from_db()
    return draft
