"""A Benchling tenant over HTTP: real signatures, real encryption, Benchling's rules and limits."""

from .server import TenantServer
from .state import TenantState

__all__ = ["TenantServer", "TenantState"]
