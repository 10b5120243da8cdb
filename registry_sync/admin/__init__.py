"""The integration owner's desk: Django's admin, a module a page."""

from . import alerts, drafts, errors, lanes, publishing, record, records, runs, webhooks

__all__ = [
    "alerts",
    "drafts",
    "errors",
    "lanes",
    "publishing",
    "record",
    "records",
    "runs",
    "webhooks",
]
