"""What a line of the log belongs to: a run, a lane, a webhook's delivery, a request.

Whoever begins such work binds its ids; each line that is logged within has them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

REQUEST = "registry_sync.request"
"""The key of a request's META that has its id."""
Ids = Mapping[str, str | int]
_bound: ContextVar[Ids] = ContextVar("log_context", default=MappingProxyType({}))


def bound() -> Ids:
    """Return the ids that lines have here."""
    return _bound.get()


@contextmanager
def bind(**ids: str | int | None) -> Iterator[None]:
    """Give the lines of a block these ids beside those around it; None and "" are left out."""
    new_ids = {name: value for name, value in ids.items() if value not in (None, "")}
    token = _bound.set({**_bound.get(), **new_ids})
    try:
        yield
    finally:
        _bound.reset(token)
