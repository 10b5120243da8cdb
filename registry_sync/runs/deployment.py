"""What this deployment works for: a tenant, an app in it, and the lanes that the app feeds."""

from __future__ import annotations

from registry_sync.models import Lane, SyncRun
from registry_sync.models.app_scope import app_key, tenant_host

__all__ = ["app_key", "current_lanes", "tenant_host"]


def current_lanes() -> list[Lane]:
    """Return the lanes that this deployment's app feeds, the one that ran last first.

    Today an app feeds one lane, so the list holds at most one: the lane of its latest run.
    """
    last = SyncRun.objects.of_app().filter(lane__isnull=False).select_related("lane").first()
    return [last.lane] if last is not None and last.lane is not None else []
