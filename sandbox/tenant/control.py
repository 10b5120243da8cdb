"""`/sandbox/…`: the tenant's page, its state and counters, and its switches, over HTTP."""

from __future__ import annotations

import time
from dataclasses import fields
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from . import canvases, tasks
from .contract import Contract
from .entity_types import TYPES
from .limits import Limits
from .state import Entity, Fault, TenantState
from .switches import Switches

Json = dict[str, Any]
PAGE = Path(__file__).with_name("page.html")
SHOWN = 100


class Control:
    """The handlers for tests, the demo and the tenant's page."""

    def __init__(self, state: TenantState, limits: Limits, contract: Contract) -> None:
        self.state, self.limits, self.contract = state, limits, contract

    def routes(self) -> list[Route]:
        return [
            Route("/", self.page),
            Route("/sandbox/f/{entity_id}", self.entity),
            Route("/sandbox/state", self.show_state),
            Route("/sandbox/counters", self.show_counters),
            Route("/sandbox/settings", self.settings, methods=["POST"]),
            Route("/sandbox/faults", self.faults, methods=["POST"]),
            Route("/sandbox/clock", self.clock, methods=["POST"]),
            Route("/sandbox/provision", self.provision, methods=["POST"]),
            Route("/sandbox/jwks", self.jwks),
            Route("/sandbox/insert", self.insert, methods=["POST"]),
            Route("/sandbox/press", self.press, methods=["POST"]),
        ]

    async def page(self, request: Request) -> Response:
        return HTMLResponse(PAGE.read_text(encoding="utf-8"))

    async def entity(self, request: Request) -> Response:
        """Redirect from an entity's address to its row on the page."""
        found = self.state.entities.get(request.path_params["entity_id"])
        if found is None:
            return HTMLResponse("There is no such entity.", status_code=404)
        search = found.entity_registry_id or found.name
        return RedirectResponse(f"/?{urlencode({'search': search})}#entities")

    async def show_state(self, request: Request) -> Response:
        """Return sessions and entities; `search`, `schema` and `limit` narrow the entities."""
        tasks.settle(self.state)
        search = request.query_params.get("search", "").strip().casefold()
        limit = int(request.query_params.get("limit", SHOWN))
        schema = request.query_params.get("schema", "")
        found = [
            e
            for e in self.state.entities.values()
            if (not search or search in f"{e.name} {e.entity_registry_id}".casefold())
            and schema in ("", self.state.schemas[e.schema_id]["name"])
        ]
        return JSONResponse(
            {
                "tenant": self.state.name,
                "attribution": self.state.attribution,
                "sessions": list(self.state.sessions.values()),
                "canvases": [self._shown(canvas) for canvas in self.state.canvases.values()],
                "schemas": [each["name"] for each in self.state.schemas.values()],
                "total": len(self.state.entities),
                "found": len(found),
                "entities": [
                    {
                        "id": e.id,
                        "registryId": e.entity_registry_id,
                        "name": e.name,
                        "folder": (self.state.folders.get(e.folder_id or "") or {}).get("name"),
                        "archived": e.archived,
                        "modifiedAt": e.modified_at,
                        "schema": self.state.schemas[e.schema_id]["name"],
                        "fields": self._values(e),
                    }
                    for e in found[:limit]
                ],
            }
        )

    def _values(self, entity: Entity) -> Json:
        """Return what an entity has, its parts first, by the names that people see."""
        kind = TYPES[self.state.schemas[entity.schema_id]["type"]]
        return {**kind.parts.seen(entity.parts), **self.state.named_values(entity)}

    def _shown(self, canvas: Json) -> Json:
        """Return a canvas with its session, and its chips by name."""
        session = self.state.sessions.get(canvas["sessionId"] or "")
        chips = {
            block["value"]: self.state.entities[block["value"]].name
            for outer in canvas["blocks"]
            for block in (outer, *outer.get("children", ()))
            if block["type"] == "CHIP" and block["value"] in self.state.entities
        }
        return {**canvas, "session": session, "chips": chips}

    async def show_counters(self, request: Request) -> Response:
        tasks.settle(self.state)
        await run_in_threadpool(self.contract.drain)
        outside = [*self.state.violations, *self.state.malformed]
        counters = dict.fromkeys(
            ("requests", "bulk_calls", "single_upserts", "objects_written", "objects_created",
             "objects_updated", "rate_429", "throughput_429", "exchanges_checked"), 0
        )  # fmt: skip
        return JSONResponse(
            counters
            | dict(self.state.counters)
            | {
                "endpoints": dict(self.state.endpoints),
                # Of the thread that answers: a benchmark's client waits for it.
                "own_seconds": round(time.thread_time() - self.state.ahead_seconds, 3),
                "contract_violations": len(outside),
                "violations": outside[:20],
            }
        )

    async def jwks(self, request: Request) -> Response:
        self.state.counters["jwks"] += 1
        return Response(self.state.signer.jwks(), media_type="application/json")

    async def insert(self, request: Request) -> Response:
        """A scientist inserts the canvas into an entry."""
        body = await request.json()
        app_id = body.get("app") or next(iter(self.state.apps))
        url = str(request.base_url).rstrip("/")
        entry = body.get("resource") or self.state.new_id("etr")
        return JSONResponse({"id": canvases.insert(self.state, app_id, entry, base_url=url)})

    async def press(self, request: Request) -> Response:
        """A scientist presses a button of a canvas."""
        body = await request.json()
        url = str(request.base_url).rstrip("/")
        user = body.get("user", "ent_ada")
        pressed = canvases.press(
            self.state, body["canvas"], body["button"], body.get("inputs", {}), base_url=url,
            user=user,
        )  # fmt: skip
        return JSONResponse({"pressed": pressed})

    async def settings(self, request: Request) -> Response:
        known = {field.name for field in fields(Switches)}
        for name, value in (await request.json()).items():
            if name not in known:
                return JSONResponse({"unknown": name}, 400)
            setattr(self.state.switches, name, value)
        return JSONResponse({})

    async def faults(self, request: Request) -> Response:
        self.state.faults.append(Fault(**await request.json()))
        return JSONResponse({})

    async def clock(self, request: Request) -> Response:
        self.state.clock.advance(float((await request.json())["advance"]))
        return JSONResponse({"now": self.state.clock.stamp()})

    async def provision(self, request: Request) -> Response:
        """Set up the tenant by a list of calls `[method, args, kwargs]`; return their results."""
        allowed = {"add_registry", "add_folder", "add_dropdown", "add_option", "add_schema",
                   "install_app", "receive_webhooks", "configure", "revoke_tokens",
                   "field_id"}  # fmt: skip
        results: list[Any] = []
        for method, args, kwargs in await request.json():
            if method not in allowed:
                return JSONResponse({"unknown": method}, 400)
            results.append(getattr(self.state, method)(*args, **kwargs))
        return JSONResponse({"results": results})
