"""The app's configuration. https://docs.benchling.com/docs/app-configuration"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .errors import ApiError, not_found
from .handlers import Handlers, Table, check_parameters, id_of
from .state import TenantState

Json = dict[str, Any]
LINKED = ("entity_schema", "registry", "folder", "field", "result_schema", "project")


class ConfigItems(Handlers):
    """The handlers of configuration items."""

    def table(self) -> Table:
        return [
            ("GET", "/app-configuration-items", self.items),
            ("POST", "/app-configuration-items", self.create),
            ("PATCH", "/app-configuration-items/{id}", self.update),
        ]

    async def items(self, request: Request) -> Response:
        check_parameters(request, "appId", "sort")
        order, _, way = request.query_params.get("sort", "modifiedAt:desc").partition(":")
        app_id = request.query_params.get("appId")
        found = [i for i in self.state.config.values() if i["app"]["id"] == app_id]
        found.sort(key=lambda item: item[order], reverse=way == "desc")
        return self.listed(
            request, "appConfigurationItems", [rendered(self.state, item) for item in found]
        )

    async def create(self, request: Request) -> Response:
        app_id, body = self.app_of(request), await request.json()
        if body["appId"] != app_id:
            raise ApiError(403, "An app may write its own configuration only.")
        self._check_may_configure()
        path = list(body["path"])
        if not path or not all(path):
            raise ApiError(400, "An item needs a path.")
        if self.state.switches.app_config == "no_rows" and len(path) > 1:
            raise ApiError(400, "Array elements can only be created by users.")
        taken = [i for i in self.state.config.values() if i["app"]["id"] == app_id]
        if any(item["path"] == path for item in taken):
            raise ApiError(400, f"There is an item at {path} already.")
        if len(path) > 2 and not any(item["path"] == path[:2] for item in taken):
            self.state.add_item(app_id, path[:2], "array_element", None)
        _check_value(body["type"], body["value"])
        item = self.state.add_item(app_id, path, body["type"], body["value"])
        return JSONResponse(rendered(self.state, item), 201)

    async def update(self, request: Request) -> Response:
        app_id, body = self.app_of(request), await request.json()
        item = self.state.config.get(id_of(request))
        if item is None or item["app"]["id"] != app_id:
            raise not_found(id_of(request))
        self._check_may_configure()
        if body["type"] != item["type"]:
            raise ApiError(400, f"The item is of type {item['type']}.")
        _check_value(body["type"], body["value"])
        item["value"], item["modifiedAt"] = body["value"], self.state.clock.stamp()
        return JSONResponse(rendered(self.state, item))

    def _check_may_configure(self) -> None:
        if self.state.switches.app_config == "read_only":
            raise ApiError(403, "The app is not allowed to change its configuration.")


def _check_value(kind: str, value: Any) -> None:
    if kind not in ("text", "json", "secure_text", "array_element", *LINKED):
        raise ApiError(400, f"This sandbox does not know items of type {kind}.")
    if value is not None and not isinstance(value, str):
        raise ApiError(400, f"The value of an item of type {kind} is text.")


def rendered(state: TenantState, item: Json) -> Json:
    """Return an item as the API does."""
    shown = {**item, "apiURL": f"https://sandbox/api/v2/app-configuration-items/{item['id']}"}
    value = item["value"]
    if item["type"] in LINKED:
        shown["linkedResource"] = None if value is None else _linked(state, item["type"], value)
    if item["type"] == "entity_schema":
        schema = state.schemas.get(value or "")
        shown["subtype"] = schema["type"] if schema else None
    return shown


def _linked(state: TenantState, kind: str, id_: str) -> Json:
    if id_ in state.hidden:
        return {"resourceType": "inaccessible_resource", "inaccessibleId": id_, "type": kind}
    return {"id": id_, "name": _name_of(state, id_)}


def _name_of(state: TenantState, id_: str) -> str:
    for things in (
        state.schemas, state.registries, state.folders, state.result_schemas, state.projects
    ):  # fmt: skip
        if id_ in things:
            return str(things[id_]["name"])
    for schema in state.schemas.values():
        for definition in schema["fieldDefinitions"]:
            if definition["id"] == id_:
                return str(definition["name"])
    return id_
