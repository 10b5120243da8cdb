"""The integration owner's desk: Django's admin, a module a page."""

from registry_sync.admin import (
    alerts,
    checkups,
    drafts,
    errors,
    lanes,
    merges,
    overrides,
    pins,
    plans,
    proposals,
    reconciliations,
    runs,
    substances,
    webhooks,
    withdrawals,
)
from registry_sync.admin import changes as records
from registry_sync.admin import draft_publishing as publishing
from registry_sync.admin import record_page as record

__all__ = [
    "alerts",
    "checkups",
    "drafts",
    "errors",
    "lanes",
    "merges",
    "overrides",
    "pins",
    "plans",
    "proposals",
    "publishing",
    "reconciliations",
    "record",
    "records",
    "runs",
    "substances",
    "webhooks",
    "withdrawals",
]
