"""Records of the registry in drafts of a mapping that were published or discarded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from registry_sync.core.types import Json
from registry_sync.jobs.pruning.kind import Pruned
from registry_sync.models import MappingDraft, PreviewNote

State = MappingDraft.State


class Samples(Pruned):
    """Samples, and what previews showed of single records. The drafts and their counts stay."""

    name, setting = "samples", "KEEP_RAW_RECORDS_DAYS"

    def rows(self, before: datetime) -> QuerySet[MappingDraft]:
        ended = MappingDraft.objects.of_app().filter(
            state__in=(State.PUBLISHED, State.DISCARDED), updated_at__lt=before
        )  # fmt: skip
        return ended.filter(~Q(sample=[]) | Q(preview__rows__0__isnull=False)).order_by("pk")

    def parts(self, pks: Sequence[int]) -> list[QuerySet[Any]]:
        return [PreviewNote.objects.filter(draft__in=pks)]

    def delete(self, pks: Sequence[int], before: datetime) -> int:
        drafts = self.rows(before).filter(pk__in=pks).only("pk", "preview")
        for draft in (found := list(drafts)):
            MappingDraft.objects.filter(pk=draft.pk).update(
                sample=[], suggestions=[], preview=_without_records(draft.preview)
            )  # fmt: skip
        return len(found)


def _without_records(preview: Json) -> Json:
    """Return a preview's counts, which later runs are compared with."""
    if not preview:
        return {}
    fields = [{**field, "examples": []} for field in preview.get("fields", ())]
    return {**preview, "fields": fields, "rows": []}
