"""Entities of every type over the API: upserts, updates, lists, archives, and their tasks."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from . import tasks
from .access import check_entity, check_rows, hides
from .create import Create
from .entities import edit_by_hand
from .entity_query import KNOWN, is_of, matching, split
from .entity_types import TYPES, EntityType
from .errors import ApiError, Refusal, forbidden, not_found
from .handlers import Handlers, Table, body_of, check_parameters, id_of
from .limits import RATE_ERROR, Limits
from .rendering import rendered
from .state import Entity, TenantState
from .update import Update
from .upsert import Upsert
from .writing import Writing, check_lock

Json = dict[str, Any]


class Entities(Handlers):
    """The handlers of all entity types, and of what is common to them."""

    def table(self) -> Table:
        of_types = (OfType(self.state, self.limits, kind).table() for kind in TYPES.values())
        return [
            ("GET", "/tasks/{id}", self.task),
            ("GET", "/registries/{id}/registered-entities:bulk-get", self.registered),
            *(operation for table in of_types for operation in table),
        ]

    async def task(self, request: Request) -> Response:
        self.app_of(request)
        tasks.settle(self.state)
        found = self.state.tasks.get(id_of(request))
        if found is None:
            raise not_found(id_of(request))
        if found["status"] != "RUNNING" and "answer" in found:  # once: it is large
            return Response(found.pop("answer"), media_type="application/json")
        return JSONResponse(tasks.shown(self.state, found, address(request)))

    async def registered(self, request: Request) -> Response:
        self.app_of(request)
        tasks.settle(self.state)
        registry = id_of(request)
        if registry not in self.state.registries:
            raise not_found(registry)
        if registry in self.state.hidden:
            raise forbidden(registry)
        asked = split(request.query_params["entityRegistryIds"])
        found = [
            {
                **rendered(self.state, e, address(request)),
                "entityType": self.state.schemas[e.schema_id]["type"],
            }
            for e in self.state.registered(registry, asked)
            if not hides(self.state, e)
        ]
        return JSONResponse({"entities": found})


class OfType(Handlers):
    """The handlers of one entity type."""

    def __init__(self, state: TenantState, limits: Limits, kind: EntityType) -> None:
        super().__init__(state, limits)
        self.kind = kind

    def table(self) -> Table:
        path = f"/{self.kind.path}"
        if not self.kind.writes:
            return [("GET", path, self.entities), ("GET", path + "/{id}", self.entity)]
        bulk_get = [("GET", f"{path}:bulk-get", self.several)] if self.kind.bulk_get else []
        return [
            ("POST", f"{path}:bulk-upsert", self.bulk_upsert),
            ("POST", f"{path}:bulk-update", self.bulk_update),
            ("PATCH", path + "/{id}:upsert", self.upsert_one),
            ("GET", path, self.entities),
            ("POST", path, self.create),
            *bulk_get,
            ("GET", path + "/{id}", self.entity),
            ("PATCH", path + "/{id}", self.update),
            ("POST", f"{path}:archive", self.archive),
            ("POST", f"{path}:unarchive", self.unarchive),
        ]

    # -- writing -------------------------------------------------------------------------------

    async def bulk_upsert(self, request: Request) -> Response:
        app_id, rows = await self._rows(request)
        if len({row["registryId"] for row in rows}) > 1:
            raise ApiError(400, "All entities must be of one registry.")
        check_rows(self.state, rows)
        return self._started(request, Upsert(self.state, app_id, self.kind.name), rows)

    async def bulk_update(self, request: Request) -> Response:
        app_id, rows = await self._rows(request)
        if not all(row.get("id") for row in rows):
            raise ApiError(400, "Each row needs an id.")
        for row in rows:
            if row["id"] in self.state.entities:
                check_entity(self.state, self.state.entities[row["id"]])
        return self._started(request, Update(self.state, app_id, self.kind.name), rows)

    async def _rows(self, request: Request) -> tuple[str, list[Json]]:
        app_id, label = self.app_of(request), self.kind.label
        check_parameters(request)
        rows = (await body_of(request)).get(self.kind.key)
        if not rows:
            raise ApiError(400, f"At least one of {label} is needed.")
        if len(rows) > self.kind.most:
            raise ApiError(400, f"No more than {self.kind.most} {label} are allowed.")
        return app_id, rows

    def _started(self, request: Request, work: Writing, rows: list[Json]) -> Response:
        if not self.limits.take_objects(len(rows)):
            return JSONResponse(RATE_ERROR, 429)
        id_ = tasks.start(self.state, work, rows)
        if self.state.switches.works_ahead:  # once this answer has gone
            later = asyncio.get_running_loop().call_later
            later(0.01, tasks.work_ahead, self.state, id_, address(request))
        return JSONResponse({"taskId": id_}, 202)

    async def upsert_one(self, request: Request) -> Response:
        app_id = self.app_of(request)
        tasks.settle(self.state)
        self.state.counters["single_upserts"] += 1
        body, id_ = await body_of(request), id_of(request)
        if body.get("entityRegistryId", id_) != id_:
            raise ApiError(400, "The entityRegistryId is another one than the path's.")
        row = {**body, "entityRegistryId": id_}
        check_rows(self.state, [row])
        return self._written(request, Upsert(self.state, app_id, self.kind.name), row)

    async def create(self, request: Request) -> Response:
        row = await body_of(request)
        for name in ("schemaId", "registryId", "folderId"):
            if row.get(name) in self.state.hidden:
                raise forbidden(row[name])
        return self._written(request, Create(self.state, self.app_of(request), self.kind.name), row)

    async def update(self, request: Request) -> Response:
        """Change an entity by its Benchling id."""
        entity = self._entity(request)
        row = {**await body_of(request), "id": entity.id}
        work = Update(self.state, self.app_of(request), self.kind.name)
        return self._written(request, work, row)

    def _written(self, request: Request, work: Writing, row: Json) -> Response:
        """Write one row at once, and answer with its entity."""
        try:
            check_lock(self.state, work.registry_of(row))
        except Refusal as refusal:
            raise ApiError(400, str(refusal)) from refusal
        if not self.limits.take_objects(1):
            return JSONResponse(RATE_ERROR, 429)
        if not work.run([row]):
            raise ApiError(400, work.errors[0])
        entity = work.touched[0]
        return self._answer(request, entity, 201 if entity.id in work.created else 200)

    async def archive(self, request: Request) -> Response:
        return await self._archive(request, archived=True)

    async def unarchive(self, request: Request) -> Response:
        return await self._archive(request, archived=False)

    async def _archive(self, request: Request, *, archived: bool) -> Response:
        app_id, body = self.app_of(request), await body_of(request)
        ids = body[self.kind.ids]
        if archived and body["reason"] not in self.state.switches.archive_reasons:
            raise ApiError(400, f"The archive reason '{body['reason']}' is not accepted.")
        for id_ in ids:
            if id_ not in self.state.entities or not self._is_ours(self.state.entities[id_]):
                raise not_found(id_)
            check_entity(self.state, self.state.entities[id_])
        for entity in (self.state.entities[id_] for id_ in ids):
            edit_by_hand(self.state, entity, user=app_id, archived=body.get("reason"))
        return JSONResponse({self.kind.ids: ids, "batchIds": []})

    # -- reading -------------------------------------------------------------------------------

    async def entity(self, request: Request) -> Response:
        check_parameters(request)
        return self._answer(request, self._entity(request))

    async def several(self, request: Request) -> Response:
        """Answer with the entities that a request names by id, archived or not."""
        self.app_of(request)
        check_parameters(request, self.kind.ids)
        tasks.settle(self.state)
        found = [self._known(id_) for id_ in split(request.query_params[self.kind.ids])]
        shown = [rendered(self.state, entity, address(request)) for entity in found]
        return JSONResponse({self.kind.key: shown})

    async def entities(self, request: Request) -> Response:
        self.app_of(request)
        check_parameters(request, *KNOWN)
        tasks.settle(self.state)
        found = matching(self.state, request.query_params, self.kind)
        found = [e for e in found if not hides(self.state, e)]
        page, token = self.page(request, found)
        return JSONResponse(
            {
                self.kind.key: [rendered(self.state, e, address(request)) for e in page],
                "nextToken": token,
            },
            headers={"Result-Count": str(len(found))},
        )

    def _entity(self, request: Request) -> Entity:
        self.app_of(request)
        tasks.settle(self.state)
        return self._known(id_of(request))

    def _known(self, id_: str) -> Entity:
        entity = self.state.entities.get(id_)
        if entity is None or not self._is_ours(entity):
            raise not_found(id_)
        check_entity(self.state, entity)
        return entity

    def _is_ours(self, entity: Entity) -> bool:
        return is_of(self.state, entity, self.kind)

    def _answer(self, request: Request, entity: Entity, status: int = 200) -> Response:
        return JSONResponse(rendered(self.state, entity, address(request)), status)


def address(request: Request) -> str:
    """Return the tenant's own address, as a request named it."""
    return str(request.base_url).rstrip("/")
