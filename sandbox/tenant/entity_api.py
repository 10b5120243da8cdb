"""Custom entities over the API: upserts, tasks, lists, archives."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from . import tasks
from .access import check_entity, check_rows, hides
from .entities import rename
from .entity_query import KNOWN, is_custom, matching, split
from .errors import ApiError, Refusal, forbidden, not_found
from .handlers import Handlers, Table, check_parameters, id_of
from .limits import RATE_ERROR
from .rendering import rendered
from .state import Entity
from .upsert import Upsert, check_lock

Json = dict[str, Any]
MOST_ROWS = 2500


class Entities(Handlers):
    """The handlers of custom entities and of the tasks that write them."""

    def table(self) -> Table:
        return [
            ("POST", "/custom-entities:bulk-upsert", self.bulk_upsert),
            ("PATCH", "/custom-entities/{id}:upsert", self.upsert_one),
            ("GET", "/custom-entities", self.entities),
            ("GET", "/custom-entities/{id}", self.entity),
            ("PATCH", "/custom-entities/{id}", self.update),
            ("POST", "/custom-entities:archive", self.archive),
            ("POST", "/custom-entities:unarchive", self.unarchive),
            ("GET", "/tasks/{id}", self.task),
            ("GET", "/registries/{id}/registered-entities:bulk-get", self.registered),
        ]

    # -- writing -------------------------------------------------------------------------------

    async def bulk_upsert(self, request: Request) -> Response:
        app_id = self.app_of(request)
        rows = (await request.json())["customEntities"]
        if not rows:
            raise ApiError(400, "At least one custom entity is needed.")
        if len(rows) > MOST_ROWS:
            raise ApiError(400, f"No more than {MOST_ROWS} custom entities are allowed.")
        if len({row["registryId"] for row in rows}) > 1:
            raise ApiError(400, "All entities must be of one registry.")
        check_rows(self.state, rows)
        if not self.limits.take_objects(len(rows)):
            return JSONResponse(RATE_ERROR, 429)
        return JSONResponse({"taskId": tasks.start(self.state, app_id, rows)}, 202)

    async def task(self, request: Request) -> Response:
        self.app_of(request)
        tasks.settle(self.state)
        found = self.state.tasks.get(id_of(request))
        if found is None:
            raise not_found(id_of(request))
        return JSONResponse(tasks.shown(self.state, found, _address(request)))

    async def upsert_one(self, request: Request) -> Response:
        app_id = self.app_of(request)
        tasks.settle(self.state)
        self.state.counters["single_upserts"] += 1
        row = {**await request.json(), "entityRegistryId": id_of(request)}
        check_rows(self.state, [row])
        self._check_free(row["registryId"])
        if not self.limits.take_objects(1):
            return JSONResponse(RATE_ERROR, 429)
        upsert = Upsert(self.state, app_id)
        if not upsert.run([row]):
            raise ApiError(400, upsert.errors[0])
        entity = upsert.touched[0]
        return self._answer(request, entity, 201 if entity.id in upsert.created else 200)

    async def update(self, request: Request) -> Response:
        """Change an entity by its Benchling id: of its many parts, name and registry id."""
        entity = self._entity(request)
        self._check_free(entity.registry_id)
        if not self.limits.take_objects(1):
            return JSONResponse(RATE_ERROR, 429)
        try:
            rename(self.state, entity, await request.json())
        except Refusal as refusal:
            raise ApiError(400, str(refusal)) from refusal
        return self._answer(request, entity)

    def _check_free(self, registry_id: str) -> None:
        try:
            check_lock(self.state, registry_id)
        except Refusal as refusal:
            raise ApiError(400, str(refusal)) from refusal

    async def archive(self, request: Request) -> Response:
        return await self._archive(request, archived=True)

    async def unarchive(self, request: Request) -> Response:
        return await self._archive(request, archived=False)

    async def _archive(self, request: Request, *, archived: bool) -> Response:
        self.app_of(request)
        body = await request.json()
        for id_ in body["customEntityIds"]:
            if id_ not in self.state.entities:
                raise not_found(id_)
            check_entity(self.state, self.state.entities[id_])
        for id_ in body["customEntityIds"]:
            self.state.keep_version(self.state.entities[id_])
            self.state.entities[id_].archived = body["reason"] if archived else None
            self.state.entities[id_].modified_at = self.state.clock.stamp()
        return JSONResponse({"customEntityIds": body["customEntityIds"], "batchIds": []})

    # -- reading -------------------------------------------------------------------------------

    async def entity(self, request: Request) -> Response:
        check_parameters(request)
        return self._answer(request, self._entity(request))

    async def entities(self, request: Request) -> Response:
        self.app_of(request)
        check_parameters(request, *KNOWN)
        tasks.settle(self.state)
        found = [e for e in matching(self.state, request.query_params) if not hides(self.state, e)]
        page, token = self.page(request, found)
        return JSONResponse(
            {
                "customEntities": [rendered(self.state, e, _address(request)) for e in page],
                "nextToken": token,
            },
            headers={"Result-Count": str(len(found))},
        )

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
                **rendered(self.state, e, _address(request)),
                "entityType": self.state.schemas[e.schema_id]["type"],
            }
            for e in self.state.listed()
            if e.registry_id == registry
            and e.entity_registry_id in asked
            and not hides(self.state, e)
        ]
        return JSONResponse({"entities": found})

    def _entity(self, request: Request) -> Entity:
        self.app_of(request)
        tasks.settle(self.state)
        entity = self.state.entities.get(id_of(request))
        if entity is None or not is_custom(self.state, entity):
            raise not_found(id_of(request))
        check_entity(self.state, entity)
        return entity

    def _answer(self, request: Request, entity: Entity, status: int = 200) -> Response:
        return JSONResponse(rendered(self.state, entity, _address(request)), status)


def _address(request: Request) -> str:
    return str(request.base_url).rstrip("/")
