"""Asking a registry for one page more than it gave, by the parameters that such servers know.

It settles whether an only page is all there is. At most a dozen requests are sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from urllib.parse import parse_qsl, urlsplit

from registry_sync.core.problems import SourceError
from registry_sync.core.types import Json
from registry_sync.source.answers.page_answer import word_of
from registry_sync.source.client import Source
from registry_sync.source.completeness.next_page_settings import as_pasted
from registry_sync.source.completeness.page_sizes import BESIDE, SIZE
from registry_sync.source.completeness.said_values import as_number
from registry_sync.source.connector import Connector
from registry_sync.source.pages import Page
from registry_sync.source.paginators import PAGINATORS, Paginator

OFFSETS = ("offset", "skip", "start", "$skip", "_start", "startAt")
PAGES = ("page", "_page", "pageNumber", "page[number]", "p")


@dataclass(frozen=True, slots=True)
class OneMore:
    """What asking for one page more came to.

    `more` is True if other records came, False if the registry gave none where more would be, and
    None if it ignores every parameter that was tried. `settings` are Connector Settings, as text.
    """

    more: bool | None
    settings: str
    requests: int


def probe_next_page(
    open_source: Callable[[Connector], Source], read: Source, page: Page
) -> OneMore:
    """Return whether there is more than an only page, as `read` gave it.

    `open_source` makes a source for a connector; it is the caller's to close.
    """
    first = {read.identify(record) for record in page.records}
    connector, ignored, sent, looked = read.connector, True, 0, False
    for settings, paginator, position in _candidates(connector, len(page.records)):
        ids = _ids(open_source(replace(connector, paginator=paginator)), position)
        more, sent = bool(ids and ids - first), sent + 1
        counted = settings["type"] == "page_number"
        in_doubt = counted if more or ids is None else not ids and len(first) > 1
        if in_doubt and (more or not looked):
            sent, looked = sent + 1, True
            from_0 = _from_0(settings)
            others = _ids(open_source(replace(connector, paginator=_made(from_0))), {"page": 1})
            if others and not others & first:
                return OneMore(True, as_pasted(from_0), sent)
        if more:
            return OneMore(True, as_pasted(settings), sent)
        ignored = ignored and ids in (first, None)
    single = as_pasted({"type": "single_page"})
    return OneMore(None if ignored else False, single, sent)


def _from_0(settings: Json) -> Json:
    """Return settings of pages that are numbered from 0, by the parameter of others."""
    param = settings.get("page_param") or settings["offset_param"]
    return {"type": "page_number", "page_param": param, "base_page": 0}


def _ids(source: Source, position: Json) -> set[str | None] | None:
    """Return the ids of the page at a position; None if it is refused."""
    try:
        page = next(source.pages(None, position=position))
    except SourceError:
        return None
    return {source.identify(record) for record in page.records}


def _candidates(connector: Connector, count: int) -> Iterator[tuple[Json, Paginator, Json]]:
    """Yield paginators to try: their settings, and the position of their second page."""
    in_address = dict(parse_qsl(urlsplit(connector.list_url).query))
    size = _size(in_address) or _size({**connector.params, **(connector.json or {})})
    offsets = _page_parameters(size) if size else OFFSETS
    for name in offsets:
        limit: Json = {"limit": count, "limit_param": size} if size else {"limit": count}
        if size in in_address:
            limit["limit_param"] = ""  # the address has it already
        settings = {"type": "offset", **limit, "offset_param": name}
        yield settings, _made(settings), {"offset": count}
    for name in PAGES:
        settings = {"type": "page_number", "page_param": name}
        yield settings, _made(settings), {"page": 2}


def _size(parameters: Json) -> str:
    """Return the parameter of a request that limits the records of a page, or ""."""
    sizes = (name for name, value in parameters.items() if as_number(value))
    return next((name for name in sizes if SIZE.fullmatch(word_of(name))), "")


def _page_parameters(size: str) -> Sequence[str]:
    word = word_of(size)
    usual = BESIDE.get(word) or next(
        (names for end, names in BESIDE.items() if word.endswith(end)), ()
    )
    return tuple(dict.fromkeys((*usual, *OFFSETS)))[:6]


def _made(settings: Json) -> Paginator:
    kind = PAGINATORS[settings["type"]]
    names = {each.name for each in fields(kind)}
    return kind(**{name: value for name, value in settings.items() if name in names})
