"""Where an app's configuration wants the history of its runs: a result schema and a project.

A fault here never stops a run, so it is no fault of the configuration.
https://docs.benchling.com/docs/app-configuration
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from registry_sync.core.types import Json

SCHEMA, PROJECT = "Sync History Schema", "Sync History Project"


@dataclass(frozen=True, slots=True)
class HistoryTarget:
    """The result schema that takes one row for each run, and the project of the rows, or ""."""

    schema_id: str
    project_id: str = ""


def history_target(items: Mapping[tuple[str, ...], Json]) -> HistoryTarget | None:
    """Return the target that configuration items (by path) name; None without a schema."""
    schema_id = _chosen(items.get((SCHEMA,)))
    return HistoryTarget(schema_id, _chosen(items.get((PROJECT,)))) if schema_id else None


def target_of_items(items: Iterable[Json]) -> HistoryTarget | None:
    """Return the target that raw configuration items name; None without a schema."""
    return history_target({tuple(item.get("path") or ()): item for item in items})


def _chosen(item: Json | None) -> str:
    """Return the id in an item, also of what the app has no access to: Benchling will say so."""
    linked = (item or {}).get("linkedResource") or {}
    return str((item or {}).get("value") or linked.get("inaccessibleId") or "")
