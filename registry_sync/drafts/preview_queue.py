"""Wake a worker for a draft's preview."""

from __future__ import annotations

from django.conf import settings

from registry_sync.core.dotted_paths import RUN_PREVIEW
from registry_sync.models import MappingDraft
from registry_sync.runs.queue import push_slice


def enqueue_preview(draft: MappingDraft) -> bool:
    """Wake a worker for a slice of a draft's preview; Return False if none could be notified."""
    if not settings.REDIS_URL:
        return False
    job_id = f"preview-{draft.pk}-{draft.version}-{draft.preview_done}"
    return push_slice(RUN_PREVIEW, draft.pk, job_id, f"preview={draft.pk}", keep=600)
