"""The tenant's API, `/api/v2`: each handler turns a request into an answer of the contract."""

from __future__ import annotations

import base64
import csv
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import canvases, tasks
from .entities import Refusal, Upsert, key_of, rename, rendered
from .limits import RATE_ERROR
from .state import Entity, TenantState

Json = dict[str, Any]
LISTS = ("names.anyOf", "entityRegistryIds.anyOf", "ids", "creatorIds")
CLOSED = "Session has been closed and cannot be updated"


class ApiError(Exception):
    """An error answer with Benchling's envelope."""

    def __init__(self, status: int, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        kind = "authentication_error" if status == 401 else "invalid_request_error"
        self.body = {"error": {"type": kind, "message": message, "userMessage": message, **more}}


class Api:
    """The handlers, over one tenant's state."""

    def __init__(self, state: TenantState) -> None:
        self.state = state

    def routes(self) -> list[Route]:
        table: list[tuple[str, str, Callable[[Request], Awaitable[Response]]]] = [
            ("POST", "/token", self.token),
            ("GET", "/registries", self.registries),
            ("GET", "/registries/{id}/registered-entities:bulk-get", self.registered),
            ("GET", "/entity-schemas", self.schemas),
            ("GET", "/entity-schemas/{id}", self.schema),
            ("GET", "/dropdowns", self.dropdowns),
            ("GET", "/dropdowns/{id}", self.dropdown),
            ("GET", "/folders", self.folders),
            ("GET", "/folders/{id}", self.folder),
            ("GET", "/app-configuration-items", self.config_items),
            ("POST", "/app-configuration-items", self.create_config_item),
            ("PATCH", "/app-configuration-items/{id}", self.update_config_item),
            ("POST", "/app-sessions", self.create_session),
            ("GET", "/app-sessions", self.list_sessions),
            ("GET", "/app-sessions/{id}", self.get_session),
            ("PATCH", "/app-sessions/{id}", self.update_session),
            ("POST", "/app-canvases", self.create_canvas),
            ("GET", "/app-canvases", self.list_canvases),
            ("GET", "/app-canvases/{id}", self.get_canvas),
            ("PATCH", "/app-canvases/{id}", self.update_canvas),
            ("GET", "/users/{id}", self.user),
            ("POST", "/custom-entities:bulk-upsert", self.bulk_upsert),
            ("PATCH", "/custom-entities/{id}:upsert", self.upsert_one),
            ("GET", "/custom-entities", self.list_entities),
            ("GET", "/custom-entities/{id}", self.get_entity),
            ("PATCH", "/custom-entities/{id}", self.update_entity),
            ("POST", "/custom-entities:archive", self.archive),
            ("POST", "/custom-entities:unarchive", self.unarchive),
            ("GET", "/tasks/{id}", self.task),
        ]
        return [
            Route("/api/v2" + path, handler, methods=[method]) for method, path, handler in table
        ]

    # -- who asks ---------------------------------------------------------------------------

    async def token(self, request: Request) -> Response:
        form = await request.form()
        given = request.headers.get("authorization", "")
        client_id = client_secret = ""
        if given.startswith("Basic "):
            client_id, _, client_secret = base64.b64decode(given[6:]).decode().partition(":")
        if form.get("grant_type") != "client_credentials":
            return JSONResponse({"error": "unsupported_grant_type"}, 400)
        for app in self.state.apps.values():
            if (app["client_id"], app["client_secret"]) == (client_id, client_secret):
                token = self.state.new_token(app["id"])
                return JSONResponse(
                    {"access_token": token, "token_type": "Bearer", "expires_in": 900}
                )
        return JSONResponse({"error": "invalid_client"}, 401)

    def app_of(self, request: Request) -> str:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        app_id, expires = self.state.tokens.get(token, ("", 0.0))
        if scheme != "Bearer" or not app_id or expires < self.state.clock.now():
            raise ApiError(401, "Invalid or expired access token.")
        return app_id

    # -- the registry's furniture ---------------------------------------------------------------

    async def registries(self, request: Request) -> Response:
        self.app_of(request)
        return JSONResponse({"registries": self._visible(self.state.registries)})

    async def schemas(self, request: Request) -> Response:
        return self._listed(request, "entitySchemas", self._visible(self.state.schemas))

    async def schema(self, request: Request) -> Response:
        return self._one(request, self.state.schemas)

    async def dropdowns(self, request: Request) -> Response:
        summaries = [{"id": d["id"], "name": d["name"]} for d in self.state.dropdowns.values()]
        return self._listed(request, "dropdowns", summaries)

    async def dropdown(self, request: Request) -> Response:
        return self._one(request, self.state.dropdowns)

    async def folders(self, request: Request) -> Response:
        return self._listed(request, "folders", self._visible(self.state.folders))

    async def folder(self, request: Request) -> Response:
        return self._one(request, self.state.folders)

    def _visible(self, things: dict[str, Json]) -> list[Json]:
        return [thing for id_, thing in things.items() if id_ not in self.state.hidden]

    def _one(self, request: Request, things: dict[str, Json]) -> Response:
        self.app_of(request)
        id_ = request.path_params["id"]
        if id_ not in things or id_ in self.state.hidden:
            raise ApiError(404, f"Item not found: {id_}", invalidId=id_)
        return JSONResponse(things[id_])

    def _listed(self, request: Request, key: str, items: Sequence[Any]) -> Response:
        self.app_of(request)
        size = min(100, int(request.query_params.get("pageSize", 50)))
        start = int(request.query_params.get("nextToken") or 0)
        more = start + size < len(items)
        return JSONResponse(
            {
                key: list(items[start : start + size]),
                "nextToken": str(start + size) if more else "",
            },
            headers={"Result-Count": str(len(items))},
        )

    async def config_items(self, request: Request) -> Response:
        app_id = request.query_params.get("appId")
        items = [
            self._config_item(i) for i in self.state.config.values() if i["app"]["id"] == app_id
        ]
        return self._listed(request, "appConfigurationItems", items)

    async def create_config_item(self, request: Request) -> Response:
        app_id, body = self.app_of(request), await request.json()
        if body["appId"] != app_id:
            raise ApiError(403, "An app may write its own configuration only.")
        self._check_may_configure()
        path = list(body["path"])
        if self.state.switches.app_config == "no_rows" and len(path) > 1:
            raise ApiError(400, "Array elements can only be created by users.")
        taken = [i for i in self.state.config.values() if i["app"]["id"] == app_id]
        if any(item["path"] == path for item in taken):
            raise ApiError(400, f"There is an item at {path} already.")
        if len(path) > 2 and not any(item["path"] == path[:2] for item in taken):
            self.state._item(app_id, path[:2], "array_element", None)
        self.state._item(app_id, path, body["type"], body["value"])
        return JSONResponse(self._config_item(list(self.state.config.values())[-1]), 201)

    async def update_config_item(self, request: Request) -> Response:
        app_id, body = self.app_of(request), await request.json()
        item = self.state.config.get(request.path_params["id"])
        if item is None or item["app"]["id"] != app_id:
            raise ApiError(404, "Item not found.", invalidId=request.path_params["id"])
        self._check_may_configure()
        if body["type"] != item["type"]:
            raise ApiError(400, f"The item is of type {item['type']}.")
        item["value"], item["modifiedAt"] = body["value"], self.state.clock.stamp()
        return JSONResponse(self._config_item(item))

    def _check_may_configure(self) -> None:
        if self.state.switches.app_config == "read_only":
            raise ApiError(403, "The app is not allowed to change its configuration.")

    def _config_item(self, item: Json) -> Json:
        linked: Json | None = None
        value = item["value"]
        if value is not None and item["type"] in ("entity_schema", "registry", "folder", "field"):
            if value in self.state.hidden:
                linked = {"resourceType": "inaccessible_resource", "inaccessibleId": value,
                          "type": item["type"]}  # fmt: skip
            else:
                linked = {"id": value, "name": self._name_of(value)}
        shown = {**item, "apiURL": f"https://sandbox/api/v2/app-configuration-items/{item['id']}"}
        if item["type"] in ("entity_schema", "registry", "folder", "field"):
            shown["linkedResource"] = linked
        if item["type"] == "entity_schema":
            schema = self.state.schemas.get(value or "")
            shown["subtype"] = schema["type"] if schema else None
        return shown

    def _name_of(self, id_: str) -> str:
        for things in (self.state.schemas, self.state.registries, self.state.folders):
            if id_ in things:
                return str(things[id_]["name"])
        for schema in self.state.schemas.values():
            for definition in schema["fieldDefinitions"]:
                if definition["id"] == id_:
                    return str(definition["name"])
        return id_

    # -- App Status ----------------------------------------------------------------------------

    async def create_session(self, request: Request) -> Response:
        self.app_of(request)
        body = await request.json()
        self._check_messages(body.get("messages") or [])
        if not 3 <= len(body["name"]) <= 100:
            raise ApiError(400, "Session name must have between 3 and 100 characters.")
        now = self.state.clock.stamp()
        id_ = self.state.new_id("sesn")
        self.state.sessions[id_] = {
            "id": id_, "app": {"id": body["appId"]}, "name": body["name"], "status": "RUNNING",
            "timeoutSeconds": body["timeoutSeconds"], "messages": _messages(body.get("messages")),
            "createdAt": now, "modifiedAt": now,
        }  # fmt: skip
        return JSONResponse(self.state.sessions[id_], 201)

    async def update_session(self, request: Request) -> Response:
        session = self._session(request)
        body = await request.json()
        if session["status"] != "RUNNING":
            raise ApiError(400, CLOSED)
        self._check_messages(body.get("messages") or [])
        if body.get("timeoutSeconds", session["timeoutSeconds"]) < session["timeoutSeconds"]:
            raise ApiError(400, "timeoutSeconds can only be increased.")
        if "messages" in body:
            session["messages"] = _messages(body["messages"])
        session["status"] = body.get("status", session["status"])
        session["timeoutSeconds"] = body.get("timeoutSeconds", session["timeoutSeconds"])
        session["modifiedAt"] = self.state.clock.stamp()
        return JSONResponse(session)

    async def get_session(self, request: Request) -> Response:
        return JSONResponse(self._session(request))

    async def list_sessions(self, request: Request) -> Response:
        self._time_out()
        query = request.query_params
        found = [s for s in self.state.sessions.values()
                 if query.get("appId") in (None, s["app"]["id"])]  # fmt: skip
        for param, value in query.items():
            what, _, op = param.partition(".")
            if op:
                edge = datetime.fromisoformat(value)
                found = [s for s in found if _compares(datetime.fromisoformat(s[what]), op, edge)]
        down = query.get("sort", "").endswith(":desc")
        found.sort(key=lambda s: (s["modifiedAt"], s["id"]), reverse=down)
        return self._listed(request, "appSessions", found)

    def _session(self, request: Request) -> Json:
        self.app_of(request)
        self._time_out()
        id_ = request.path_params["id"]
        if id_ not in self.state.sessions:
            raise ApiError(404, f"Item not found: {id_}", invalidId=id_)
        return self.state.sessions[id_]

    def _time_out(self) -> None:
        now = self.state.clock.now()
        for session in self.state.sessions.values():
            born = datetime.fromisoformat(session["createdAt"]).timestamp()
            if session["status"] == "RUNNING" and born + session["timeoutSeconds"] < now:
                session["status"] = "TIMEOUT"

    def _check_messages(self, messages: list[Json]) -> None:
        if len(messages) > 10:
            raise ApiError(400, "No more than 10 messages are allowed.")
        for said in messages:
            if not 3 <= len(said["content"]) <= 200:
                raise ApiError(400, "Message content must have between 3 and 200 characters.")

    # -- canvases ------------------------------------------------------------------------------

    async def create_canvas(self, request: Request) -> Response:
        app_id, body = self.app_of(request), await request.json()
        self._check_canvas(body)
        return JSONResponse(canvases.make(self.state, app_id, body), 201)

    async def update_canvas(self, request: Request) -> Response:
        canvas, body = self._canvas(request), await request.json()
        self._check_canvas(body)
        return JSONResponse(canvases.change(canvas, body))

    async def get_canvas(self, request: Request) -> Response:
        return JSONResponse(self._canvas(request))

    async def list_canvases(self, request: Request) -> Response:
        query = request.query_params
        found = [
            c for c in self.state.canvases.values()
            if query.get("appId") in (None, c["app"]["id"])
            and all(query.get(name) in (None, c[name]) for name in ("featureId", "resourceId"))
        ]  # fmt: skip
        return self._listed(request, "appCanvases", found)

    async def user(self, request: Request) -> Response:
        self.app_of(request)
        id_ = request.path_params["id"]
        if id_ not in self.state.users:
            raise ApiError(404, f"Item not found: {id_}", invalidId=id_)
        name = self.state.users[id_]
        return JSONResponse({"id": id_, "name": name, "handle": id_, "isSuspended": False})

    def _canvas(self, request: Request) -> Json:
        self.app_of(request)
        id_ = request.path_params["id"]
        if id_ not in self.state.canvases:
            raise ApiError(404, f"Item not found: {id_}", invalidId=id_)
        return self.state.canvases[id_]

    def _check_canvas(self, body: Json) -> None:
        if found := canvases.faults(body.get("blocks") or []):
            raise ApiError(400, " ".join(found))
        session = body.get("sessionId")
        if session is not None and session not in self.state.sessions:
            raise ApiError(400, f"There is no session {session}.")

    # -- entities ------------------------------------------------------------------------------

    async def bulk_upsert(self, request: Request) -> Response:
        app_id = self.app_of(request)
        rows = (await request.json())["customEntities"]
        if len(rows) > 2500:
            raise ApiError(400, "No more than 2500 custom entities are allowed.")
        for row in rows:
            if row["schemaId"] in self.state.hidden or row["registryId"] in self.state.hidden:
                raise ApiError(403, "You do not have permission to write to this schema.",
                               invalidId=row["schemaId"])  # fmt: skip
        limits = request.app.state.limits
        if not limits.take_objects(len(rows)):
            self.state.counters["throughput_429"] += 1
            return JSONResponse(RATE_ERROR, 429)
        return JSONResponse({"taskId": tasks.start(self.state, app_id, rows)}, 202)

    async def task(self, request: Request) -> Response:
        self.app_of(request)
        tasks.settle(self.state)
        found = self.state.tasks.get(request.path_params["id"])
        if found is None:
            raise ApiError(404, "Task not found.", invalidId=request.path_params["id"])
        return JSONResponse(tasks.shown(self.state, found, str(request.base_url).rstrip("/")))

    async def upsert_one(self, request: Request) -> Response:
        app_id = self.app_of(request)
        tasks.settle(self.state)
        self.state.counters["single_upserts"] += 1
        row = {**await request.json(), "entityRegistryId": request.path_params["id"]}
        upsert = Upsert(self.state, app_id)
        if not upsert.run([row]):
            raise ApiError(400, upsert.errors[0])
        entity = upsert.touched[0]
        status = 201 if entity.id in upsert.created else 200
        return JSONResponse(self._rendered(request, entity), status)

    async def get_entity(self, request: Request) -> Response:
        self.app_of(request)
        tasks.settle(self.state)
        entity = self.state.entities.get(request.path_params["id"])
        if entity is None:
            raise ApiError(404, "Item not found.", invalidId=request.path_params["id"])
        return JSONResponse(self._rendered(request, entity))

    async def update_entity(self, request: Request) -> Response:
        """Change an entity by its Benchling id: of its many parts, name and registry id."""
        app_id = self.app_of(request)
        tasks.settle(self.state)
        entity = self.state.entities.get(request.path_params["id"])
        if entity is None:
            raise ApiError(404, "Item not found.", invalidId=request.path_params["id"])
        try:
            rename(self.state, app_id, entity, await request.json())
        except Refusal as refusal:
            raise ApiError(400, str(refusal)) from refusal
        return JSONResponse(self._rendered(request, entity))

    async def list_entities(self, request: Request) -> Response:
        self.app_of(request)
        tasks.settle(self.state)
        self._check_ids(_split(request.query_params.get("ids", "")))
        found = self._matching(request)
        order, _, way = request.query_params.get("sort", "modifiedAt:desc").partition(":")
        if (order, way) != ("createdAt", "asc"):  # entities are kept in the order of creation
            attribute = {"createdAt": "created_at", "modifiedAt": "modified_at", "name": "name"}
            found.sort(key=lambda e: getattr(e, attribute[order]), reverse=way == "desc")
        size = min(100, int(request.query_params.get("pageSize", 50)))
        start = int(request.query_params.get("nextToken") or 0)
        page = [self._rendered(request, e) for e in found[start : start + size]]
        more = start + size < len(found)
        return JSONResponse(
            {"customEntities": page, "nextToken": str(start + size) if more else ""},
            headers={"Result-Count": str(len(found))},
        )

    def _check_ids(self, ids: Sequence[str]) -> None:
        """Refuse, by name, ids that are not of a custom entity, as the contract says of `ids`."""
        if not ids:
            return
        held = {e.id for e in self.state.entities.values() if self._is_custom(e)}
        if invalid := [id_ for id_ in ids if id_ not in held]:
            raise ApiError(400, f"Invalid ids: {', '.join(invalid)}", invalidIds=invalid)

    def _is_custom(self, entity: Entity) -> bool:
        return self.state.schemas[entity.schema_id]["type"] == "custom_entity"

    def _matching(self, request: Request) -> list[Entity]:
        """Return the entities that match a query, in the order of their creation."""
        query = request.query_params
        checks: list[Callable[[Entity], bool]] = [self._is_custom]
        archived = query.get("archiveReason", "NOT_ARCHIVED")
        if archived == "NOT_ARCHIVED":
            checks.append(lambda e: not e.archived)
        elif archived == "ANY_ARCHIVED":
            checks.append(lambda e: bool(e.archived))
        if (schema := query.get("schemaId")) is not None:
            checks.append(lambda e: e.schema_id == schema)
        if (registry := query.get("registryId")) is not None:
            checks.append(lambda e: e.registry_id == registry)
        asked = {name: set(_split(query[name])) for name in LISTS if name in query}
        if "names.anyOf" in asked:
            names = {key_of(name) for name in asked["names.anyOf"]}
            checks.append(lambda e: not names.isdisjoint(_names(e)))
        if "entityRegistryIds.anyOf" in asked:
            checks.append(lambda e: e.entity_registry_id in asked["entityRegistryIds.anyOf"])
        if "ids" in asked:
            checks.append(lambda e: e.id in asked["ids"])
        if "creatorIds" in asked:
            checks.append(lambda e: e.creator in asked["creatorIds"])
        if "modifiedAt" in query:
            checks.append(lambda e: _in_range(query["modifiedAt"], e.modified_at))
        return [e for e in self.state.entities.values() if all(check(e) for check in checks)]

    async def registered(self, request: Request) -> Response:
        self.app_of(request)
        tasks.settle(self.state)
        asked = set(_split(request.query_params.get("entityRegistryIds", "")))
        registry = request.path_params["id"]
        found = [
            {**self._rendered(request, e), "entityType": self.state.schemas[e.schema_id]["type"]}
            for e in self.state.entities.values()
            if e.registry_id == registry and e.entity_registry_id in asked
        ]
        return JSONResponse({"entities": found})

    async def archive(self, request: Request) -> Response:
        return await self._archive(request, archived=True)

    async def unarchive(self, request: Request) -> Response:
        return await self._archive(request, archived=False)

    async def _archive(self, request: Request, *, archived: bool) -> Response:
        self.app_of(request)
        body = await request.json()
        for id_ in body["customEntityIds"]:
            self.state.entities[id_].archived = body.get("reason", "Other") if archived else None
            self.state.entities[id_].modified_at = self.state.clock.stamp()
        return JSONResponse({"customEntityIds": body["customEntityIds"], "batchIds": []})

    def _rendered(self, request: Request, entity: Entity) -> Json:
        return rendered(self.state, entity, str(request.base_url).rstrip("/"))


def _names(entity: Entity) -> set[str]:
    return {key_of(n) for n in (entity.name, entity.entity_registry_id, *entity.aliases)}


def _messages(messages: list[Json] | None) -> list[Json]:
    return [{"content": m["content"], "style": m.get("style", "NONE")} for m in messages or []]


def _split(text: str) -> list[str]:
    """Read a comma-separated list in which a value with a comma is in quotes."""
    return next(csv.reader([text]), [])


def _compares(value: datetime, op: str, edge: datetime) -> bool:
    edge = edge if edge.tzinfo else edge.replace(tzinfo=UTC)
    return {"lt": value < edge, "lte": value <= edge, "gt": value > edge, "gte": value >= edge}[op]


def _in_range(expression: str, modified_at: str) -> bool:
    value = datetime.fromisoformat(modified_at)
    for part in expression.split(" AND "):
        op, _, text = part.strip().partition(" ")
        if not _compares(value, {"<": "lt", ">": "gt"}[op], datetime.fromisoformat(text)):
            return False
    return True
