"""What an admin sets up: registries, schemas, dropdowns, folders, users."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .access import visible
from .errors import not_found
from .handlers import Handlers, Table, check_parameters, id_of


class Furniture(Handlers):
    """The handlers of what is only read."""

    def table(self) -> Table:
        return [
            ("GET", "/registries", self.registries),
            ("GET", "/entity-schemas", self.schemas),
            ("GET", "/entity-schemas/{id}", self.schema),
            ("GET", "/dropdowns", self.dropdowns),
            ("GET", "/dropdowns/{id}", self.dropdown),
            ("GET", "/folders", self.folders),
            ("GET", "/folders/{id}", self.folder),
            ("GET", "/users/{id}", self.user),
        ]

    async def registries(self, request: Request) -> Response:
        self.app_of(request)
        check_parameters(request)
        return JSONResponse({"registries": visible(self.state, self.state.registries)})

    async def schemas(self, request: Request) -> Response:
        check_parameters(request)
        return self.listed(request, "entitySchemas", visible(self.state, self.state.schemas))

    async def schema(self, request: Request) -> Response:
        return JSONResponse(self.one_of(request, self.state.schemas))

    async def dropdowns(self, request: Request) -> Response:
        shown = visible(self.state, self.state.dropdowns)
        summaries = [{"id": dropdown["id"], "name": dropdown["name"]} for dropdown in shown]
        return self.listed(request, "dropdowns", summaries)

    async def dropdown(self, request: Request) -> Response:
        return JSONResponse(self.one_of(request, self.state.dropdowns))

    async def folders(self, request: Request) -> Response:
        check_parameters(request)
        return self.listed(request, "folders", visible(self.state, self.state.folders))

    async def folder(self, request: Request) -> Response:
        return JSONResponse(self.one_of(request, self.state.folders))

    async def user(self, request: Request) -> Response:
        self.app_of(request)
        id_ = id_of(request)
        if id_ not in self.state.users:
            raise not_found(id_)
        name = self.state.users[id_]
        return JSONResponse({"id": id_, "name": name, "handle": id_, "isSuspended": False})
