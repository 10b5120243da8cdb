"""A tenant whose app leaves a result for each run."""

from __future__ import annotations

from typing import Any

from registry_sync.reporting.history_row import TYPES
from sandbox.tenant.results import add_project, add_result_schema
from tests.support.worlds import World

Json = dict[str, Any]


def keep_history(w: World, *, without: tuple[str, ...] = (), project: bool = True) -> str:
    """Choose a result schema and a project in the app's configuration; return the schema's id."""
    fields = [{"system_name": n, "type": t} for n, t in TYPES.items() if n not in without]
    schema = add_result_schema(w.tenant, "Registry Sync runs", fields)
    w.configure(**{"Sync History Schema": schema})
    if project:
        w.configure(**{"Sync History Project": add_project(w.tenant, "Operations")})
    return schema


def rows(w: World) -> list[Json]:
    """Return the values of each result, in the order of creation."""
    return [
        {name: item["value"] for name, item in row["fields"].items()}
        for row in w.tenant.results.values()
    ]
