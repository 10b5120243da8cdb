"""What every paginator offers, and the table that they register in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from registry_sync.core.addresses import joined_address
from registry_sync.core.registration import registrar
from registry_sync.core.setting import FLAG, Setting, setting, settings_of
from registry_sync.core.types import Json
from registry_sync.source.answers.page_answer import PageAnswer
from registry_sync.source.answers.totals import find_total
from registry_sync.source.completeness.more import Mark, is_inverted, marks_of
from registry_sync.source.completeness.said_values import is_filled, truth_of
from registry_sync.source.paths import ABSENT, compile_path

MOST_EMPTY = 100
"""How many pages in a row may be empty although more is announced."""


MOST_GAPS = 2
"""How many empty pages in a row are passed where nothing says that there is more."""


class Stuck(ValueError):
    """The answer says that there is a next page, but not in a way that can be followed.

    `settings` are the endpoint.paginator that may follow it.
    """

    def __init__(self, text: str, settings: Json | None = None) -> None:
        super().__init__(text)
        self.settings = settings


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
    without_effect: ClassVar[tuple[str, ...]] = ()
    """The settings of every type that have no effect with this one."""
    in_headers: ClassVar[bool] = False
    """Whether the next page is named in the headers, so by an answer without a body, too."""
    judges: ClassVar[bool] = True
    """Whether what an answer says of further pages is held against a read that ends."""
    counted: ClassVar[bool] = False
    """Whether pages or records are counted, so that a list may start over past its end."""
    bound: ClassVar[str] = ""
    """The setting that ends a read whatever the answers say, "" if there is none."""
    overlaps: ClassVar[bool] = False
    """Whether a page can begin with the last record of the page before: with `after`, its id, in
    its position."""
    total_path: str = setting(
        "",
        "Where an answer has the registry's total of records. It judges a read and never ends it.",
        example="meta.total",
    )
    max_pages: int = setting(
        1_000_000, "The number of pages after which a read fails.", example=5000
    )
    stable_order: bool | None = None
    """Whether an edit leaves each record where it is in the list; None if no one has said."""

    def fault(self) -> str:
        """Return what is wrong with the settings together, as a sentence without its subject."""
        return ""

    def needs_one_of(self, ends: tuple[str, ...]) -> str:
        """Return the fault of settings that none of these ends, if an empty page does not."""
        if any(getattr(self, name) for name in ends):
            return ""
        return f"stop_after_empty_page false needs one of {', '.join(ends)}"

    @classmethod
    def settings(cls) -> dict[str, Setting]:
        """Return the settings that have an effect with this type, by name."""
        every = settings_of(cls, cls.required)
        return {name: each for name, each in every.items() if name not in cls.without_effect}

    def at(self, position: Json | None) -> Paginator:
        """Return the paginator that a position belongs to: this one, or what it was found to be."""
        return self

    def parameters(self) -> dict[str, str]:
        """Return the placeholders that this paginator fills, each with the name of the query
        parameter that carries its value where no placeholder does ("" for none)."""
        return {}

    def body_paths(self) -> dict[str, str]:
        """Return the placeholders whose value goes into the JSON body, each with its path there."""
        return {}

    def values(self, position: Json | None) -> Json:
        """Return the value of each placeholder for the page at a position."""
        return {}

    def next_position(self, position: Json | None, answer: PageAnswer) -> Json | None:
        """Return the position of the next page; None after the last. Raise Stuck."""
        return None

    def records_path(self) -> str:
        """Return where an answer has its total of records, "" if no setting names it."""
        return self.total_path

    def pages_total(self, body: Any) -> int | None:
        """Return how many pages the registry says it has, where a setting names that."""
        return None

    def paths_to_next(self) -> tuple[str, ...]:
        """Return the paths at which an answer says whether there is a next page."""
        return ()

    def cap(self, position: Json | None, answer: PageAnswer) -> str:
        """Return the setting by which it reads no further than the page at a position, or ""."""
        if not self.bound or not getattr(self, self.bound):
            return ""
        without: dict[str, Any] = {self.bound: 0}
        onward = replace(self, **without).next_position(position, answer)
        return self.bound if onward and not self.next_position(position, answer) else ""

    def says_more(self, body: Any) -> str:
        """Return the path of its own flag by which an answer says that there is more, or ""."""
        path: str = getattr(self, "has_more_path", "")
        return path if path and value_at(body, path) is not None and has_more(body, path) else ""

    def explains(self, mark: Mark, answer: PageAnswer) -> bool:
        """Return whether a mark of more is no contradiction to this paginator's end."""
        return False

    def unseen(self, answer: PageAnswer) -> str:
        """Return the place at which an answer has nothing about a next page, not even null, or "".

        Many servers leave the key out of their last page. In an only page it may be misspelt.
        """
        paths = (path for path in self.paths_to_next() if path)
        return next((path for path in paths if compile_path(path)(answer.body) is ABSENT), "")


PAGINATORS: dict[str, type[Paginator]] = {}
"""The paginators, by their name in Connector Settings."""
register = registrar(PAGINATORS, "type")
"""Decorator: add a class to the table under its name in Connector Settings."""


def empty_page_ends() -> Any:
    """Return the field `stop_after_empty_page` of paginators that count."""
    return setting(
        None,
        "Whether an empty page ends the list, whatever it says. Without it, what says that there "
        "is more is followed, and where nothing does, the next pages are looked at first; with "
        "false, something else must end the list.",
        type=FLAG,
        example=True,
    )


def value_at(body: Any, path: str) -> Any:
    """Return what a body has at a path; None where it has nothing."""
    found = compile_path(path)(body)
    return None if found is ABSENT else found


def has_more(body: Any, path: str) -> bool:
    """Return whether a body says at `path` that there is more; without a path, that it may be.

    `isLast`, `done` and the like say the opposite; without a value they say nothing.
    """
    if not path:
        return True
    value = value_at(body, path)
    if is_inverted(path):
        return not truth_of(value)
    return truth_of(value) is not False and is_filled(value)


def goes_on_empty(answer: PageAnswer, stops: bool | None, pages: int = 0) -> bool:
    """Return whether more may follow an answer without records.

    It says so, or pages had gaps, or no one has looked: some registries page their records before
    they leave out what the key may not see. `stops` is the setting `stop_after_empty_page`. After
    so many `pages`, a total that no setting names tells as well.
    """
    if stops is not None:
        return not stops
    if pages and (total := _exact_total(answer)) is not None:
        if total == answer.came:
            return False
        few = answer.whole and answer.empty < MOST_EMPTY - 1  # it alone never makes a read fail
        if few and 0 < pages * answer.largest < total:
            return True
    # Of changes, an empty first page is all.
    most = MOST_GAPS if answer.ragged or answer.whole else int(answer.came > 0)
    return answer.empty < most or any(mark.sure for mark in marks_of(answer))


def _exact_total(answer: PageAnswer) -> int | None:
    total = find_total(answer, "", last=False)
    return total.count if total is not None and total.exact else None


def link_position(link: object, url: str) -> Json | None:
    """Return the position of a link to the next page. Raise Stuck."""
    if link is False or not is_filled(link):
        return None
    if not isinstance(link, str):
        raise Stuck("its next link is not text")
    # Some servers escape their links for HTML; no parameter is called “amp;limit”.
    return {"url": joined_address(url, link.replace("&amp;", "&").replace("&#38;", "&"))}
