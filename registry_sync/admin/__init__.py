"""The integration owner's desk: Django's admin, a module a page."""

from . import alerts, errors, lanes, records, runs, webhooks

__all__ = ["alerts", "errors", "lanes", "records", "runs", "webhooks"]
