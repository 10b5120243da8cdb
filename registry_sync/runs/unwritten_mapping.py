"""What a published mapping has still to write: no lane is up to date before a run wrote it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q, QuerySet

from registry_sync.core.types import Json
from registry_sync.models import Lane, MappingVersion, SyncRun
from registry_sync.runs.queries import good_runs


@dataclass(frozen=True, slots=True)
class UnwrittenMapping:
    """A version of the mapping that no run has applied; `count` is None where it is not known."""

    version: MappingVersion
    count: int | None

    @property
    def records(self) -> str:
        """Return how many records the next run writes, as far as it is known."""
        if self.count is None:
            return "an unknown number of records"
        return "1 record" if self.count == 1 else f"{self.count:,} records"


def outstanding(lane: Lane | None, last: SyncRun | None = None) -> UnwrittenMapping | None:
    """Return what the newest published mapping has still to write, or None.

    The preview on all records says how many; if it is none, nothing is outstanding, nor if the
    version leads back to what the last good run applied. A lane that no run has completed yet is
    not up to date anyway. `last` is its last good run, if known.
    """
    if lane is None:
        return None
    last = last or good_runs(lane).first()
    version = versions_of(lane).select_related("draft").first() if last else None
    if last is None or version is None or version.at <= (last.started_at or last.created_at):
        return None
    if _is_applied(version, last):
        return None
    count = _previewed(version)
    return None if count == 0 else UnwrittenMapping(version, count)


def versions_of(lane: Lane) -> QuerySet[MappingVersion]:
    """Return the published mappings of a lane, the newest first.

    Those of which no schema is known are of the time when an app fed one lane: the first one's.
    """
    unknown = Q(schema_id="") if lane.position == 0 else Q(pk=None)
    return MappingVersion.objects.of_app().filter(Q(schema_id=lane.schema_id) | unknown)


def _is_applied(version: MappingVersion, last: SyncRun) -> bool:
    """Return whether a version is the mapping of the last good run, and none wrote another since.

    Its fingerprint is that of its preview.
    """
    preview = _preview(version)
    if preview is None or preview.get("fingerprint") != last.fingerprint or last.lane is None:
        return False
    later = last.lane.runs.filter(pk__gt=last.pk).exclude(kind__in=SyncRun.DRY)
    return not later.exclude(fingerprint__in=("", last.fingerprint)).exists()


def _previewed(version: MappingVersion) -> int | None:
    preview, draft = _preview(version), version.draft
    if preview is None or draft is None or draft.preview_scope != "all":
        return None
    return int(preview.get("changed", 0))


def _preview(version: MappingVersion) -> Json | None:
    """Return the preview of a version as it was published, if it had one."""
    draft = version.draft
    return draft.preview if draft and draft.preview_version == draft.version else None
