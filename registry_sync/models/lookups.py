"""`column__among=values`: membership in a list of any length, sent as one parameter.

`__in` sends each value as its own parameter. For the thousand ids of a page that costs more than
the query itself, and SQLite would need several queries.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, Lookup
from django.db.models.sql.compiler import SQLCompiler

Sql = tuple[str, Any]


def among_sql(vendor: str, values: Iterable[Any]) -> tuple[str, Any]:
    """Return the condition that follows a column, and its parameter."""
    if vendor == "postgresql":
        return "= ANY(%s)", list(values)
    return "IN (SELECT value FROM json_each(%s))", json.dumps(list(values))


@Field.register_lookup
class Among(Lookup):
    """Membership in a list of texts or integers; the field does not prepare the values."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        raise NotImplementedError(f"`among` is not available for {connection.vendor}.")

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        return self._membership(compiler, connection)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        return self._membership(compiler, connection)

    def _membership(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        column, params = self.process_lhs(compiler, connection)
        among, values = among_sql(connection.vendor, self.rhs)
        return f"{column} {among}", [*params, values]
