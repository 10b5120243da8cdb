"""The clock that leases are counted on: the database's, because hosts' clocks differ."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone


def now_in_query() -> Any:
    """Return the database's time for use in a query: an expression, or a datetime in UTC.

    SQLite has no clock of its own: it runs on this host.
    """
    return Now() if connection.vendor == "postgresql" else timezone.now()


def database_now() -> datetime:
    """Return the database's time, in UTC."""
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: datetime = cursor.fetchone()[0]
    return found
