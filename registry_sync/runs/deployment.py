"""What this deployment works for: a tenant, an app in it, and the lanes that the app feeds."""

from __future__ import annotations

from registry_sync.models import Lane
from registry_sync.models.app_scope import app_key, tenant_host

__all__ = ["app_key", "current_lanes", "tenant_host"]

TABLE = f'"{Lane._meta.db_table}"'
COLUMNS = ", ".join(f'{TABLE}."{field.column}"' for field in Lane._meta.concrete_fields)
"""Named with their table: SQLite takes the name of a column that is not there for a text."""
CURRENT = (
    f"SELECT {COLUMNS} FROM {TABLE} WHERE tenant = %(tenant)s AND app_id = %(app_id)s "
    "AND position IS NOT NULL ORDER BY position, id"
)
"""Each run and page asks it several times, and a queryset takes three times as long to build it."""


def current_lanes() -> list[Lane]:
    """Return the lanes that the app's configuration names, in its order.

    It is empty until a run, doctor or a webhook has read the configuration.
    """
    return list(Lane.objects.raw(CURRENT, app_key()))
