"""Write many rows of a table in one statement, from values that need no model instance.

Model instances of eight changes and a ledger entry a record cost more than all the rest of a sync.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson
from django.db import connection
from django.db.models import CharField, Model, TextField


def write_rows(
    model: type[Model],
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    unique: Sequence[str] = (),
    update: Sequence[str] = (),
) -> None:
    """Insert rows in their order; where `unique` columns are there already, update the others.

    Values are as the database takes them: JSON as text, times as `times_as_stored` gives them.
    """
    statement = _statement(connection.vendor, model, *map(tuple, (columns, unique, update)))
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # one parameter: psycopg adapts no single value
            cursor.execute(statement, [orjson.dumps(rows).decode()])
        else:
            cursor.executemany(statement, rows)


def times_as_stored() -> Callable[[datetime | None], Any]:
    """Return a function that gives a time as `write_rows` takes it: text, in UTC.

    It is as Django's own, without a look at the connection for each value.
    """
    if connection.vendor == "postgresql":
        return lambda at: None if at is None else at.isoformat()
    return lambda at: None if at is None else str(at.astimezone(UTC).replace(tzinfo=None))


@lru_cache(maxsize=16)
def _statement(
    vendor: str,
    model: type[Model],
    columns: tuple[str, ...],
    unique: tuple[str, ...],
    update: tuple[str, ...],
) -> str:
    quoted = {name: f'"{name}"' for name in columns}
    end = ""
    if unique:
        changed = ", ".join(f"{quoted[name]} = EXCLUDED.{quoted[name]}" for name in update)
        end = f" ON CONFLICT ({', '.join(unique)}) DO UPDATE SET {changed}"
    table = f'INSERT INTO "{model._meta.db_table}" ({", ".join(quoted.values())})'
    if vendor != "postgresql":
        return f"{table} VALUES ({', '.join(['%s'] * len(columns))}){end}"
    picked = ", ".join(_picked(model, name, place) for place, name in enumerate(columns))
    rows = "jsonb_array_elements(%s::jsonb) WITH ORDINALITY AS given (value, place)"
    return f"{table} SELECT {picked} FROM {rows} ORDER BY place{end}"


def _picked(model: type[Model], column: str, place: int) -> str:
    """Return a value of a row by its place. A cast to varchar would cut it without a word."""
    field = next(f for f in model._meta.concrete_fields if f.column == column)
    type_ = field.rel_db_type(connection) if field.is_relation else field.db_type(connection)
    plain = isinstance(field, (CharField, TextField))
    return f"value->>{place}" if plain else f"(value->>{place})::{type_}"
