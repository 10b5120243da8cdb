"""The integration owner's desk: Django's admin, a module a page."""

from . import alerts, checkups, errors, lanes, records, runs, webhooks

__all__ = ["alerts", "checkups", "errors", "lanes", "records", "runs", "webhooks"]
