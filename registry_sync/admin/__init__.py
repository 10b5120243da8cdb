"""The integration owner's desk: Django's admin, a module a page."""

from . import errors, lanes, record, records, runs, webhooks

__all__ = ["errors", "lanes", "record", "records", "runs", "webhooks"]
