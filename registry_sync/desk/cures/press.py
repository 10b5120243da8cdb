"""Cures with a page of their own: what one would do, shown with ticks, and what came of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from django.db.models import Model
from django.utils.safestring import SafeString

from registry_sync.benchling.errors import Refused, Wait
from registry_sync.core.problems import SyncError
from registry_sync.core.text import number_of
from registry_sync.desk.cures.base import Cure, CureCase, page
from registry_sync.desk.marks import CHANGED, has_moved
from registry_sync.models import SyncRun
from registry_sync.sync.plans.proposals import Person

KEY = re.compile("[0-9]{1,18}")  # the database has numbers of 64 bits


class CannotCure(Exception):
    """It cannot be done; the text says why, and who must act.

    `letter` is what the reader can send to them.
    """

    def __init__(self, text: str, letter: str = "") -> None:
        super().__init__(text)
        self.letter = letter


FAILURES = (CannotCure, SyncError, Refused, Wait)
"""How a cure fails in a way that its page tells."""


@dataclass(frozen=True, slots=True)
class CureRow:
    """One thing that a cure acts on, with a tick. `cells` are its columns.

    `mark` tells it, as it is shown, from what it may become until someone presses.
    """

    key: str
    cells: tuple[str | SafeString, ...]
    ticked: bool = True
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A table of things to choose from. `note` says what they have in common.

    Nothing can be ticked in a table that is `fixed`: it only informs.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[CureRow, ...]
    note: str = ""
    fixed: bool = False

    def lines(self) -> list[tuple[CureRow, list[tuple[str, str | SafeString]]]]:
        """Return its rows, each with its cells by their columns' titles."""
        return [(row, list(zip(self.columns, row.cells, strict=True))) for row in self.rows]


@dataclass(frozen=True, slots=True)
class Prospect:
    """What a cure would do, as its page shows it before it asks for a reason.

    `facts` are sentences. `presses` are its buttons by name; the first is the usual one. `people`
    are users to choose from, by primary key. `letter` is a text for whoever can do it in Benchling,
    `listing` what was sent and received, `mark` what stands for all of it. Without `presses` the
    page only informs.
    """

    explanation: str
    facts: Sequence[str | SafeString] = ()
    groups: Sequence[Group] = ()
    presses: dict[str, str] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)
    letter: str = ""
    listing: str = ""
    mark: str = ""

    def marks(self) -> str:
        """Return the marks of what it shows, as its form sends them back."""
        found = [self.mark, *(row.mark for row in self.rows())]
        return " ".join(mark for mark in found if mark)

    def rows(self) -> list[CureRow]:
        """Return everything that can be ticked."""
        return [row for group in self.groups if not group.fixed for row in group.rows]


@dataclass(frozen=True, slots=True)
class CureOrder:
    """What someone asked for: which press, on what, and why."""

    by: Person
    reason: str
    press: str = ""
    chosen: tuple[str, ...] = ()
    person: str = ""
    shown: frozenset[str] = frozenset()

    def check(self, now: Iterable[str]) -> None:
        """Raise CannotCure if what is chosen, by its marks now, is not as it was shown."""
        if has_moved(self.shown, now):
            raise CannotCure(CHANGED)

    def keys(self) -> list[int]:
        """Return the primary keys of what is chosen; what cannot be one is left out."""
        return [int(key) for key in self.chosen if KEY.fullmatch(key)]

    @property
    def actor(self) -> str:
        """Return the name of the user who pressed."""
        return self.by.name


@dataclass(slots=True)
class Done:
    """What came of a press.

    `sentences` and `warnings` are shown. `noted` are the rows whose history keeps it, as `note`.
    `check` are the records that a run of `kind` checks now; with `whole` the run is of all records.
    With `retries`, a cause, all its errors are retried from the stored copies instead.
    `address` is the page to open next, if no run starts.
    """

    note: str
    sentences: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    noted: Sequence[Model] = ()
    check: Sequence[str] = ()
    kind: SyncRun.Kind = SyncRun.Kind.INCREMENTAL
    whole: bool = False
    retries: str = ""
    address: str = ""


class Press(Cure):
    """A cure that is confirmed on a page of its own.

    Above `typed_over` chosen rows their number must be typed; None: never.
    """

    typed_over: ClassVar[int | None] = None

    def address(self, case: CureCase) -> str:
        """Return the address of its page."""
        return page("entityerror_cure", self.name, case.code, query=case.query())

    def prospect(self, case: CureCase) -> Prospect:
        """Return what it would do. Raise CannotCure, SyncError, Refused, Wait."""
        raise NotImplementedError

    def do(self, case: CureCase, order: CureOrder) -> Done:
        """Do it. Raise CannotCure, SyncError, Refused, Wait."""
        raise NotImplementedError

    def needs_typing(self, chosen: int) -> bool:
        """Return whether so many things need their number typed."""
        return self.typed_over is not None and chosen > self.typed_over

    def untyped(self, chosen: int, typed: str) -> str:
        """Return what is wrong with the number that was typed; "" if nothing is."""
        if not self.needs_typing(chosen) or typed.strip().replace(",", "") == str(chosen):
            return ""
        return f"{number_of(chosen, 'row')} are ticked. Type {chosen} to confirm. Nothing was done."
