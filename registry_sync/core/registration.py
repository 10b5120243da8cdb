"""Tables of classes that are found by name: auth types, paginators, mapping rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Kind = TypeVar("Kind", bound=type[Any])


def registrar(table: dict[str, Any], attribute: str) -> Callable[[str], Callable[[Kind], Kind]]:
    """Return a decorator `register(name)` that adds a class to `table` under its name.

    The class keeps the name in `attribute`.
    """

    def register(name: str) -> Callable[[Kind], Kind]:
        def add(kind: Kind) -> Kind:
            setattr(kind, attribute, name)
            table[name] = kind
            return kind

        return add

    return register
