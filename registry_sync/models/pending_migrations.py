"""Whether the database is the one this version works with."""

from __future__ import annotations

from django.db import connection


def missing() -> int:
    """Count the migrations that are not applied. Raises DatabaseError where it gives no answer."""
    from django.db.migrations.executor import MigrationExecutor  # no command needs it to start

    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
