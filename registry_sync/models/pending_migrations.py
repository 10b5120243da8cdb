"""Whether the database has every migration of this version."""

from __future__ import annotations

from django.db import connection


def missing() -> int:
    """Return how many migrations are not applied. Raise DatabaseError without a database."""
    return len(names())


def names() -> list[str]:
    """Return the migrations that are not applied. Raise DatabaseError without a database."""
    from django.db.migrations.executor import MigrationExecutor  # slow to import

    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]
