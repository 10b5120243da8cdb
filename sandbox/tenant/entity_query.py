"""Filters of lists of entities. https://benchling.com/api/reference (listCustomEntities)"""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, datetime

from starlette.datastructures import QueryParams

from .entity_types import EntityType
from .errors import ApiError
from .namespace import key_of, names_of
from .state import Entity, TenantState

MOST_VALUES = 100
"""Values that one `anyOf` filter takes."""
ORDERS = {"createdAt": "created_at", "modifiedAt": "modified_at", "name": "name"}
Check = Callable[[Entity], bool]
KNOWN = ("sort", "archiveReason", "schemaId", "registryId", "folderId", "name", "names.anyOf",
         "names.anyOf.caseSensitive", "nameIncludes", "entityRegistryIds.anyOf", "ids",
         "creatorIds", "authorIds.anyOf", "createdAt", "modifiedAt")  # fmt: skip


def split(text: str) -> list[str]:
    """Read a comma-separated list in which a value with a comma is in quotes."""
    try:
        return next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        raise ApiError(400, "A list of values cannot be read.") from error


def any_of(query: QueryParams, name: str) -> list[str]:
    """Return the values of a filter. Raise ApiError for more than it takes."""
    values = split(query[name])
    if len(values) > MOST_VALUES:
        raise ApiError(400, f"No more than {MOST_VALUES} values are allowed in {name}.")
    return values


def compares(value: str, op: str, edge: str) -> bool:
    """Compare a stored time with one of a request. Raise ApiError for one that is no time."""
    try:
        limit = datetime.fromisoformat(edge)
    except ValueError as error:
        raise ApiError(400, f"Invalid time: {edge[:50]}") from error
    limit = limit if limit.tzinfo else limit.replace(tzinfo=UTC)
    held = datetime.fromisoformat(value)
    return {"lt": held < limit, "lte": held <= limit, "gt": held > limit, "gte": held >= limit}[op]


def matching(state: TenantState, query: QueryParams, kind: EntityType) -> list[Entity]:
    """Return the entities of a type that match a query, in its order."""
    checks = [*_archived(query), *_places(query), *_values(query), *_times(query)]
    if "ids" in query:
        _check_ids(state, set(any_of(query, "ids")), kind)
    found = [
        e for e in _candidates(state, query)
        if all(check(e) for check in checks) and is_of(state, e, kind)
    ]  # fmt: skip
    order, _, way = query.get("sort", "modifiedAt:desc").partition(":")
    if (order, way) != ("createdAt", "asc"):  # entities are kept in the order of creation
        found.sort(key=lambda e: getattr(e, ORDERS[order]), reverse=way == "desc")
    return found


def _candidates(state: TenantState, query: QueryParams) -> list[Entity]:
    """Return all that can match, in the order of creation: few where ids or names are asked for."""
    if "ids" in query:
        return state.listed(set(any_of(query, "ids")))
    registry_id = query.get("registryId", "null")
    if registry_id != "null" and "entityRegistryIds.anyOf" in query:
        return state.registered(registry_id, any_of(query, "entityRegistryIds.anyOf"))
    if registry_id != "null" and "names.anyOf" in query and not state.switches.list_lag:
        keys = {key_of(name) for name in any_of(query, "names.anyOf")}
        holders = (state.taken.get((registry_id, key), ()) for key in keys)
        return state.listed({id_ for ids in holders for id_ in ids})
    return state.listed()


def is_of(state: TenantState, entity: Entity, kind: EntityType) -> bool:
    """Return whether an entity is of a type."""
    return bool(state.schemas[entity.schema_id]["type"] == kind.name)


def _check_ids(state: TenantState, ids: set[str], kind: EntityType) -> None:
    """Refuse, by name, ids that are not of the type, as the contract says of `ids`."""
    held = state.entities
    if invalid := sorted(i for i in ids if i not in held or not is_of(state, held[i], kind)):
        raise ApiError(400, f"Invalid ids: {', '.join(invalid)}", invalidIds=invalid)


def _archived(query: QueryParams) -> list[Check]:
    reason = query.get("archiveReason", "NOT_ARCHIVED")
    if reason == "ANY_ARCHIVED_OR_NOT_ARCHIVED":
        return []
    if reason == "NOT_ARCHIVED":
        return [lambda e: not e.archived]
    return [lambda e: bool(e.archived) and reason in ("ANY_ARCHIVED", e.archived)]


def _places(query: QueryParams) -> list[Check]:
    checks: list[Check] = []
    if "schemaId" in query:
        checks.append(lambda e: e.schema_id == query["schemaId"])
    if "registryId" in query:  # "null": what is not registered
        checks.append(lambda e: (e.registry_id or "null") == query["registryId"])
    if "folderId" in query:
        checks.append(lambda e: e.folder_id == query["folderId"])
    return checks


def _values(query: QueryParams) -> list[Check]:
    checks: list[Check] = []
    wanted = {name: set(any_of(query, name)) for name in KNOWN if name in query and "Ids" in name}
    if "entityRegistryIds.anyOf" in wanted:
        checks.append(lambda e: e.entity_registry_id in wanted["entityRegistryIds.anyOf"])
    if "creatorIds" in wanted:
        checks.append(lambda e: e.creator in wanted["creatorIds"])
    if "authorIds.anyOf" in wanted:
        checks.append(lambda e: not wanted["authorIds.anyOf"].isdisjoint(e.authors))
    named = [query["name"]] if "name" in query else []
    named = any_of(query, "names.anyOf") if "names.anyOf" in query else named
    if "name" in query or "names.anyOf" in query:
        keys = {key_of(name) for name in named}
        checks.append(lambda e: not keys.isdisjoint(names_of(e)))
    if "names.anyOf.caseSensitive" in query:
        exact = set(any_of(query, "names.anyOf.caseSensitive"))
        checks.append(lambda e: not exact.isdisjoint((e.name, e.entity_registry_id, *e.aliases)))
    if "nameIncludes" in query:
        part = key_of(query["nameIncludes"])
        checks.append(lambda e: any(part in name for name in names_of(e)))
    return checks


def _times(query: QueryParams) -> list[Check]:
    checks: list[Check] = []
    for name in ("createdAt", "modifiedAt"):
        for part in query[name].split(" AND ") if name in query else ():
            op, _, edge = part.strip().partition(" ")
            if op not in ("<", ">"):
                raise ApiError(400, f"{name} takes '> time' and '< time'.")
            word = {"<": "lt", ">": "gt"}[op]
            compares("2000-01-01T00:00:00+00:00", word, edge)  # refused even if nothing matches
            checks.append(lambda e, a=ORDERS[name], w=word, t=edge: compares(getattr(e, a), w, t))
    return checks
