"""What an app may not see: `hidden` in the tenant's state, as where an admin withdraws access.

What is hidden is answered with 403 and `invalidId`, and left out of lists; so are the entities of
a hidden schema, registry or folder.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .errors import forbidden
from .state import Entity, TenantState

Json = dict[str, Any]


def visible(state: TenantState, things: dict[str, Json]) -> list[Json]:
    """Return the things of a list that the app has access to."""
    return [thing for id_, thing in things.items() if id_ not in state.hidden]


def hides(state: TenantState, entity: Entity) -> str:
    """Return the id of what keeps an entity out of the app's reach, "" if nothing does."""
    places = (entity.id, entity.schema_id, entity.registry_id, entity.folder_id)
    return next((place for place in places if place and place in state.hidden), "")


def check_rows(state: TenantState, rows: Iterable[Json]) -> None:
    """Raise ApiError, for the whole request, if a row names what the app has no access to."""
    for row in rows:
        for name in ("schemaId", "registryId", "folderId"):
            if row.get(name) and row[name] in state.hidden:
                raise forbidden(row[name])
        known = state.by_registry_id.get((row["registryId"], row["entityRegistryId"]))
        if known is not None:
            check_entity(state, state.entities[known])


def check_entity(state: TenantState, entity: Entity) -> None:
    """Raise ApiError if the app has no access to an entity."""
    if hides(state, entity):
        raise forbidden(entity.id)
