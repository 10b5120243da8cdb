"""The integration owner's desk: Django's admin, a module a page."""

from . import alerts, checkups, drafts, errors, lanes, publishing, record, records, runs, webhooks

__all__ = [
    "alerts",
    "checkups",
    "drafts",
    "errors",
    "lanes",
    "publishing",
    "record",
    "records",
    "runs",
    "webhooks",
]
