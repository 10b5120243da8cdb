"""Containers, which hold entities. https://benchling.com/api/reference (listContainers)"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .entity_query import any_of
from .errors import not_found
from .handlers import Handlers, Table, check_parameters, id_of
from .rendering import person, rendered
from .state import Entity, TenantState

Json = dict[str, Any]
NOTHING = {"value": None, "units": None}


def store_by_hand(state: TenantState, entity: Entity, name: str) -> str:
    """Put an entity into a new container, as a scientist does, and return the container's id."""
    id_, now = state.new_id("con"), state.clock.stamp()
    state.containers[id_] = {
        "id": id_, "name": name, "barcode": id_.upper(), "archived": None, "holds": [entity.id],
        "creator": "ent_person", "createdAt": now, "modifiedAt": now,
    }  # fmt: skip
    return id_


class Containers(Handlers):
    """The handlers of containers; people fill them."""

    def table(self) -> Table:
        return [
            ("GET", "/containers", self.containers),
            ("GET", "/containers/{id}", self.container),
        ]

    async def containers(self, request: Request) -> Response:
        query = request.query_params
        check_parameters(request, "storageContentsId", "storageContentsIds", "archiveReason")
        self.app_of(request)
        wanted = set(any_of(query, "storageContentsIds")) if "storageContentsIds" in query else None
        if "storageContentsId" in query:
            wanted = {query["storageContentsId"]}
        reason = query.get("archiveReason", "NOT_ARCHIVED")
        found = [
            container for container in self.state.containers.values()
            if (wanted is None or self._holds(container, wanted)) and _is(container, reason)
        ]  # fmt: skip
        url = str(request.base_url).rstrip("/")
        return self.listed(request, "containers", [self._shown(each, url) for each in found])

    async def container(self, request: Request) -> Response:
        self.app_of(request)
        check_parameters(request)
        found = self.state.containers.get(id_of(request))
        if found is None:
            raise not_found(id_of(request))
        return JSONResponse(self._shown(found, str(request.base_url).rstrip("/")))

    def _holds(self, container: Json, wanted: set[str]) -> bool:
        held = [self.state.entities[id_] for id_ in container["holds"]]
        return any(entity.id in wanted or entity.schema_id in wanted for entity in held)

    def _shown(self, container: Json, url: str) -> Json:
        """Return a container as the API does."""
        held = [self.state.entities[id_] for id_ in container["holds"]]
        kept = ("id", "name", "barcode", "createdAt", "modifiedAt")
        return {
            **{key: container[key] for key in kept},
            "archiveRecord": {"reason": container["archived"]} if container["archived"] else None,
            "contents": [
                {
                    "batch": None,
                    "concentration": NOTHING,
                    "entity": {
                        **rendered(self.state, entity, url),
                        "entityType": self.state.schemas[entity.schema_id]["type"],
                    },
                }
                for entity in held
            ],
            "creator": person(self.state, container["creator"]),
            "fields": {}, "parentStorageId": None, "parentStorageSchema": None, "projectId": None,
            "quantity": NOTHING, "restrictedSampleParties": [], "sampleOwners": [],
            "restrictionStatus": "NOT_APPLICABLE", "schema": None,
            "webURL": f"{url}/sandbox/f/{container['id']}",
        }  # fmt: skip


def _is(container: Json, reason: str) -> bool:
    """Return whether a container is archived as a filter says."""
    held = container["archived"]
    return {
        "NOT_ARCHIVED": held is None, "ANY_ARCHIVED": held is not None,
        "ANY_ARCHIVED_OR_NOT_ARCHIVED": True,
    }.get(reason, held == reason)  # fmt: skip
