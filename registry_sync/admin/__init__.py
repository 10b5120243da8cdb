"""The integration owner's desk: Django's admin, a module a page."""

from . import drafts, errors, lanes, publishing, record, records, runs, webhooks

__all__ = [
    "drafts",
    "errors",
    "lanes",
    "publishing",
    "record",
    "records",
    "runs",
    "webhooks",
]
