"""What every paginator offers, and the table that they register in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from registry_sync.core.addresses import joined_address
from registry_sync.core.registration import registrar
from registry_sync.core.types import Json
from registry_sync.source.paths import ABSENT, compile_path


@dataclass(frozen=True, slots=True)
class PageAnswer:
    """What a paginator sees of a page: its body, `Link` header, number of records, and URL.

    `links` is by relation, in lower case.
    """

    body: Any
    links: dict[str, str]
    count: int
    url: str


class Stuck(ValueError):
    """The answer says that there is a next page, but not in a way that can be followed."""


@dataclass(frozen=True, slots=True)
class Paginator:
    """How the next page is found. Subclasses are frozen dataclasses: their fields are the settings.

    A position is a small JSON object that leads to its page again, also in another process. It
    is None for a first page that needs none, and after the last page. It holds no secret.
    """

    type: ClassVar[str]
    about: ClassVar[str]
    """One line for the docs."""
    required: ClassVar[tuple[str, ...]] = ()
    """The settings that must not be empty."""
    total_path: str = ""
    max_pages: int = 1_000_000

    def parameters(self) -> dict[str, str]:
        """Return the placeholders that this paginator fills, each with the name of the query
        parameter that carries its value where no placeholder does ("" for none)."""
        return {}

    def values(self, position: Json | None) -> Json:
        """Return the value of each placeholder for the page at a position."""
        return {}

    def next_position(self, position: Json | None, answer: PageAnswer) -> Json | None:
        """Return the position of the next page; None after the last. Raises Stuck."""
        return None

    def paths_to_next(self) -> tuple[str, ...]:
        """Return the paths at which an answer says whether there is a next page."""
        return ()

    def unseen_path(self, body: Any) -> str:
        """Return the path at which an answer has nothing about a next page, not even null, or "".

        Many servers leave the key out of their last page. In an only page it may be misspelt.
        """
        paths = (path for path in self.paths_to_next() if path)
        return next((path for path in paths if compile_path(path)(body) is ABSENT), "")


PAGINATORS: dict[str, type[Paginator]] = {}
"""The paginators, by their name in Connector Settings."""
register = registrar(PAGINATORS, "type")
"""Decorator: add a class to the table under its name in Connector Settings."""


def value_at(body: Any, path: str) -> Any:
    """Return what a body has at a path; None where it has nothing."""
    found = compile_path(path)(body)
    return None if found is ABSENT else found


def has_more(body: Any, path: str) -> bool:
    """Return whether a body says at `path` that there is more; without a path, that it may be."""
    return not path or value_at(body, path) not in (None, False, 0, "", "false", "False", "0")


def link_position(link: object, url: str) -> Json | None:
    """Return the position of a link to the next page. Raises Stuck."""
    if link in (None, "", False):
        return None
    if not isinstance(link, str):
        raise Stuck("its next link is not text")
    return {"url": joined_address(url, link)}
