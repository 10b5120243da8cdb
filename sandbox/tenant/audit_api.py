"""Audit logs over the API: a task that ends in a file at another host.

https://benchling.com/api/reference (auditLog)
"""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import audit
from .access import check_entity
from .errors import ApiError, not_found
from .handlers import Handlers, Table, body_of, id_of
from .limits import RATE_ERROR
from .state import TenantState

Json = dict[str, Any]
AN_HOUR, MOST = 3600.0, 500


class AuditLogs(Handlers):
    """The handler that starts an export."""

    def table(self) -> Table:
        return [("POST", "/audit/log/{id}", self.export)]

    async def export(self, request: Request) -> Response:
        self.app_of(request)
        entity = self.state.entities.get(id_of(request))
        if self.state.switches.audit_log == "refused":
            raise ApiError(403, "The tenant's plan has no audit logs.")
        if entity is None:
            raise not_found(id_of(request))
        check_entity(self.state, entity)
        if (await body_of(request))["format"] != "CSV":
            raise ApiError(400, "This sandbox exports CSV only.")
        if not self._has_room():
            return JSONResponse(RATE_ERROR, 429)
        key, task_id = uuid.uuid4().hex, str(uuid.uuid4())
        self.state.exports[key] = audit.as_csv(self.state, entity)
        port = urlsplit(str(request.base_url)).port
        url = f"http://localhost:{port}/exports/{key}/audit_log_{entity.id}.csv?X-Amz-Signature=1"
        now = self.state.clock.now()
        self.state.tasks[task_id] = {
            "status": "RUNNING", "registry": None, "ready": now + self.state.switches.task_base,
            "response": {"downloadURL": url},
        }  # fmt: skip
        return JSONResponse({"taskId": task_id}, 202)

    def _has_room(self) -> bool:
        """Count an export against the hour's; False when there is no room."""
        now, taken = self.state.clock.now(), self.state.exported
        while taken and now - taken[0] >= AN_HOUR:
            taken.popleft()
        if len(taken) >= MOST:
            self.state.counters["audit_429"] += 1
            return False
        taken.append(now)
        return True


def downloads(state: TenantState) -> Route:
    """Return the route of the files, which are at another host and signed by their address."""

    async def download(request: Request) -> Response:
        if "authorization" in request.headers:
            state.violations.append("An app's token was sent to the host of exported files.")
            return Response("<Error><Code>InvalidArgument</Code></Error>", 400)
        text = state.exports.get(request.path_params["key"])
        if text is None or request.url.hostname != "localhost":
            return Response("<Error><Code>AccessDenied</Code></Error>", 403)
        state.counters["audit_downloads"] += 1
        return Response(text, media_type="text/csv")

    return Route("/exports/{key}/{name}", download)
