"""Whether the database has every migration of this version."""

from __future__ import annotations

from django.db import connection


def missing() -> int:
    """Return how many migrations are not applied. Raise DatabaseError without a database."""
    from django.db.migrations.executor import (
        MigrationExecutor,
    )  # slow to import

    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
