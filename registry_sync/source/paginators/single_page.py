"""Registries that return the whole list at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from registry_sync.source.paginators.base import Paginator, register


@register("single_page")
@dataclass(frozen=True, slots=True)
class SinglePage(Paginator):
    """Reads one page."""

    about: ClassVar[str] = "Reads one page"
    without_effect: ClassVar[tuple[str, ...]] = ("max_pages",)
    judges: ClassVar[bool] = False
