"""A page of records, as a source gives it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from registry_sync.core.problems import SourceError
from registry_sync.core.types import Json


@dataclass(frozen=True, slots=True)
class Sign:
    """Something in an answer that a list of pages may not be complete: no run with one is green.

    `code` has an entry in the catalogue of warnings. `text` says what was found, and `remedy` who
    must do what about it, in whole sentences; settings are written out as JSON. `unsure`: it may as
    well be in an answer that has everything.
    """

    code: str
    text: str
    remedy: str
    unsure: bool = False


@dataclass(frozen=True, slots=True)
class Unread:
    """A record that could not be read in full, as the list gives it, and why."""

    record: Json
    why: SourceError
    failed: bool = False
    """Whether its list has an error in place of a value, rather than only a part of it."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of complete records, with those apart that are `unread` in part.

    `position` leads to this page again, also in another process; `next_position` is None after
    the last page. `total` is the registry's own count (`is_least`: or there are more, such as
    Elasticsearch's `"relation": "gte"`), `server_date` its clock, `bytes` the size.
    `counts_all`: by that count, which cannot be that of the page alone, all records came.
    `asked_at` is our own clock before it was requested.
    `signs` are what speaks against the page, or the pages up to it, being complete. `strays` are
    items of the list that are no records. `learned` are facts about the answers, for `Memory`.
    `doubt` is why everything must be read to know what the page means, "" if it is clear.
    `slid`: it does not begin where the page before ended, so that records may have been passed.
    """

    records: list[Json]
    position: Json
    next_position: Json | None
    total: int | None
    server_date: datetime | None
    bytes: int
    unread: Sequence[Unread] = ()
    signs: tuple[Sign, ...] = ()
    asked_at: datetime | None = None
    strays: Sequence[Any] = ()
    learned: Json = field(default_factory=dict)
    doubt: str = ""
    slid: bool = False
    counts_all: bool = False
    is_least: bool = False
