"""Wake a worker for a draft's preview, also for one that was left behind."""

from __future__ import annotations

from django.conf import settings
from django.db.models import Q, QuerySet

from registry_sync import runs
from registry_sync.core.dotted_paths import RUN_PREVIEW
from registry_sync.models import MappingDraft
from registry_sync.runs.queue import push_slice

State = MappingDraft.Preview
AT_WORK = (State.QUEUED, State.RUNNING)


def enqueue_preview(draft: MappingDraft) -> bool:
    """Wake a worker for a slice of a draft's preview; Return False if none could be notified."""
    if not settings.REDIS_URL:
        return False
    job_id = f"preview-{draft.pk}-{draft.version}-{draft.preview_done}"
    return push_slice(RUN_PREVIEW, draft.pk, job_id, f"preview={draft.pk}", keep=600)


def stranded_previews() -> QuerySet[MappingDraft]:
    """Return previews without a worker: enqueued long ago, or their worker died."""
    now = runs.database_now()
    old = Q(preview_heartbeat__isnull=True) | Q(preview_heartbeat__lt=now - runs.lease_time())
    return MappingDraft.objects.of_app().filter(old, preview_state__in=AT_WORK)


def release_stranded(draft: MappingDraft) -> bool:
    """Take a stranded preview from its holder, so that it can be enqueued again."""
    claimable = stranded_previews().filter(pk=draft.pk)
    return bool(claimable.update(preview_state=State.QUEUED, preview_heartbeat=runs.database_now()))
