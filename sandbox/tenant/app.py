"""The tenant's API, `/api/v2`: the parts it has, and the operations of each."""

from __future__ import annotations

from starlette.routing import Route

from .audit_api import AuditLogs
from .canvas_api import Canvases
from .config_items import ConfigItems
from .containers import Containers
from .dropdowns import Dropdowns
from .entity_api import Entities
from .furniture import Furniture
from .handlers import Handlers
from .limits import Limits
from .results import Results
from .sessions import Sessions
from .state import TenantState
from .tokens import Tokens

PARTS: tuple[type[Handlers], ...] = (
    Tokens,
    Furniture,
    Dropdowns,
    ConfigItems,
    Sessions,
    Canvases,
    Entities,
    Containers,
    AuditLogs,
    Results,
)


def routes(state: TenantState, limits: Limits) -> list[Route]:
    """Return the route of every operation."""
    return [
        Route("/api/v2" + path, handler, methods=[method])
        for part in PARTS
        for method, path, handler in part(state, limits).table()
    ]
