"""Add to a Benchling dropdown the options that refused records need, as the app."""

from __future__ import annotations

import hashlib
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from registry_sync.benchling.client import Client
from registry_sync.benchling.dropdowns import Addition, add_options
from registry_sync.benchling.errors import Refused
from registry_sync.benchling.schema import FieldDefinition, Option, parse_schema
from registry_sync.core import stopping
from registry_sync.core.text import number_of
from registry_sync.desk.cures.base import CureCase
from registry_sync.desk.cures.press import (
    FAILURES,
    CannotCure,
    CureOrder,
    CureRow,
    Done,
    Group,
    Press,
    Prospect,
)
from registry_sync.desk.failure_text import failure_text
from registry_sync.jobs.sole_holder import SoleHolder
from registry_sync.mapping.fitting import option_key
from registry_sync.models import EntityError, Lane
from registry_sync.sync.clients import hasty_client

PATIENCE = 20.0
"""Seconds that the page waits for Benchling."""
TURN = 5.0
"""Seconds that it waits for another that changes the same dropdown."""
MOST_OPTIONS = 500
"""Options that one page shows, the most frequent ones."""
MOST = 1000
"""Records that are checked again one by one; of more, the whole cause is retried."""
COLUMNS = ("Option", "Dropdown", "Records")
EXPLANATION = (
    "The ticked options are added to the dropdown in Benchling, as this app. Every option that is "
    "there now stays, archived ones too. The records are then checked again."
)


@dataclass(frozen=True, slots=True)
class MissingOption:
    """A value that a dropdown does not take, and how many records have it.

    `near` is an option that differs by case or blanks, or is archived.
    """

    label: str
    count: int
    near: Option | None = None
    twin: str = ""

    @property
    def is_there(self) -> bool:
        """Return whether the dropdown takes it by now: someone has added it since."""
        return self.near is not None and not self.near.archived

    @property
    def is_plain(self) -> bool:
        """Return whether nothing in the dropdown or before it in the list is like it."""
        return self.near is None and not self.twin

    @property
    def note(self) -> str:
        """Return what it is like."""
        if self.near is not None and self.near.label == self.label:
            return "It is an archived option. If you tick it, it is unarchived."
        if self.near is not None:
            near = self.near.label
            return f"It differs from the archived option “{near}” by case or blanks alone."
        return f"It differs from “{self.twin}” above by case or blanks alone." if self.twin else ""


@dataclass(frozen=True, slots=True)
class Dropdown:
    """A dropdown that lacks options, with the name of its field."""

    id: str
    field: str
    missing: tuple[MissingOption, ...]

    def key(self, each: MissingOption) -> str:
        """Return how a form names an option."""
        return f"{self.id}.{hashlib.sha256(each.label.encode()).hexdigest()[:16]}"


class AddOptions(Press):
    """Add the options that the open errors of a lane name."""

    name, label = "add-options", "Add these options"
    permissions = ("registry_sync.add_dropdown_options", "registry_sync.add_syncrun")
    codes = ("dropdown_option_missing",)
    typed_over = 20

    def prospect(self, case: CureCase) -> Prospect:
        """Return the missing options, those that are like another one apart."""
        dropdowns = read_dropdowns(case, hasty_client(PATIENCE))
        plain, apart = _rows(dropdowns, plain=True), _rows(dropdowns, plain=False)
        found = [Group("Missing options", COLUMNS, plain)] if plain else []
        if apart:
            why = "Not ticked: each is like another option. The registry's owner may have to act."
            found.append(Group("Like another option", (*COLUMNS, "Note"), apart, why))
        if not found:
            text = "The dropdown has every option now. Check the records again."
            return Prospect(text, presses={})
        presses = {"add": self.label}
        return Prospect(EXPLANATION, groups=found, presses=presses, letter=letter(dropdowns))

    def do(self, case: CureCase, order: CureOrder) -> Done:
        """Add the chosen options, dropdown by dropdown."""
        client = hasty_client(PATIENCE)
        done = Done("")
        added: list[tuple[str, str]] = []
        for dropdown in read_dropdowns(case, client):
            chosen = [each for each in dropdown.missing if dropdown.key(each) in order.chosen]
            if not chosen:
                continue
            try:
                fault = _report(done, dropdown, _add(client, dropdown, chosen))
                added += [(dropdown.field, each.label) for each in chosen]
            except FAILURES as error:
                if not added:
                    raise
                fault = error
            if fault is not None:  # what was done until then is told, noted and checked
                done.warnings.append(
                    f"{failure_text(fault)} {getattr(fault, 'letter', '')}".strip()
                )
                done.note += f" It ended early: {failure_text(fault)}"
                break
        if not added:
            raise CannotCure("Tick at least one option. Nothing was done.")
        _finish(done, case, added)
        return done


def read_dropdowns(case: CureCase, client: Client) -> list[Dropdown]:
    """Return the dropdowns that lack options, as Benchling has them now. Raise Refused, SyncError.

    A field that is no longer in the schema, or no dropdown any more, is left out.
    """
    fields = {field.name: field for field in _schema_fields(case.lane, client)}
    found: dict[str, tuple[FieldDefinition, Counter[str]]] = {}
    for name, label, count in _named_options(case):
        field = fields.get(name)
        if field is not None and field.dropdown_id and label.strip():
            found.setdefault(field.dropdown_id, (field, Counter()))[1][label.strip()] += count
    return [
        Dropdown(id_, field.name, tuple(_compared(labels, _options(client, id_))))
        for id_, (field, labels) in found.items()
    ]


def _named_options(case: CureCase) -> QuerySet[EntityError, tuple[str, str, int]]:
    """Return the fields, the options that errors name, and in how many, most frequent first."""
    counted = case.errors().order_by().values("field", "waits_key").annotate(count=Count("pk"))
    return counted.order_by("-count", "field", "waits_key").values_list(
        "field", "waits_key", "count"
    )[:MOST_OPTIONS]


def _schema_fields(lane: Lane, client: Client) -> Sequence[FieldDefinition]:
    return parse_schema(client.entity_schema(lane.schema_id), {}).fields


def _options(client: Client, dropdown_id: str) -> list[Option]:
    raw = client.dropdown(dropdown_id).get("options") or ()
    return [Option(str(o["id"]), str(o["name"]), bool(o.get("archiveRecord"))) for o in raw]


def _compared(labels: Counter[str], options: Iterable[Option]) -> Iterator[MissingOption]:
    """Yield what is missing, the most frequent first, each with what it is like."""
    near: dict[str, Option] = {}
    for option in options:
        key = option_key(option.label)
        if key not in near or near[key].archived:
            near[key] = option
    seen: dict[str, str] = {}
    for label, count in sorted(labels.items(), key=lambda pair: (-pair[1], pair[0])):
        key = option_key(label)
        yield MissingOption(label, count, near.get(key), seen.get(key, ""))
        seen.setdefault(key, label)


def _rows(dropdowns: Sequence[Dropdown], *, plain: bool) -> tuple[CureRow, ...]:
    return tuple(
        CureRow(dropdown.key(each), _cells(dropdown, each), plain)
        for dropdown in dropdowns
        for each in dropdown.missing
        if each.is_plain is plain and not each.is_there
    )


def _cells(dropdown: Dropdown, each: MissingOption) -> tuple[str, ...]:
    note = () if each.is_plain else (each.note,)
    return (each.label, dropdown.field, f"{each.count:,}", *note)


def letter(dropdowns: Sequence[Dropdown]) -> str:
    """Return the list for a Benchling admin who adds the options by hand."""
    parts = []
    for dropdown in dropdowns:
        labels = [each.label for each in dropdown.missing if each.is_plain]
        if labels:
            head = f"Please add these options to the dropdown of “{dropdown.field}”"
            parts.append("\n".join([f"{head} ({dropdown.id}) in Benchling:", *labels]))
    return "\n\n".join(parts)


@contextmanager
def _turn(dropdown: Dropdown) -> Iterator[None]:
    """Let one at a time change a dropdown. Raise CannotCure if another takes too long."""
    place, until = SoleHolder(f"dropdown {dropdown.id}"), time.monotonic() + TURN
    while not place.holds():
        if time.monotonic() > until:
            raise CannotCure(
                f"Someone else adds options to the dropdown of “{dropdown.field}” at this moment. "
                "Try again in a minute."
            )
        stopping.sleep_or_stop(0.1)
    try:
        yield
    finally:
        place.release()


def _add(client: Client, dropdown: Dropdown, chosen: Sequence[MissingOption]) -> Addition:
    again = [m.near.id for m in chosen if m.near is not None and m.near.label == m.label]
    new = [m.label for m in chosen if m.near is None or not (m.is_there or m.near.id in again)]
    try:
        with _turn(dropdown):
            found = add_options(client, dropdown.id, new, again)
        found.there += [m.label for m in chosen if m.is_there]
        return found
    except Refused as refused:
        if refused.status != 403:
            raise
        raise CannotCure(
            f"Benchling does not let this app change the dropdown of “{dropdown.field}” (403). "
            "Send the list below to a Benchling admin, or ask them to let the app change it.",
            letter([Dropdown(dropdown.id, dropdown.field, tuple(chosen))]),
        ) from refused


def _report(done: Done, dropdown: Dropdown, found: Addition) -> Exception | None:
    """Add what became of a dropdown to `done`; return why it ended early, if it did."""
    where = f"the dropdown of “{dropdown.field}”"
    if found.added:
        done.sentences.append(f"{number_of(len(found.added), 'option')} added to {where}.")
    if found.unarchived:
        done.sentences.append(
            f"{number_of(len(found.unarchived), 'option')} unarchived in {where}."
        )
    if found.there:
        done.sentences.append(
            f"{number_of(len(found.there), 'option')} had been added by someone else."
        )
    done.warnings += [f"In {where}: {text}" for text in (*found.put_back, *found.not_undone)]
    names = ", ".join(f"“{label}”" for label in (*found.added, *found.unarchived))
    done.note += f"{' ' if done.note else ''}Options of {where} added: {names or 'none'}."
    done.note += "".join(f" {text}" for text in found.not_undone)
    return found.fault


def _finish(done: Done, case: CureCase, added: Sequence[tuple[str, str]]) -> None:
    """Name the lane and the records whose history keeps it, and those to check."""
    written = defaultdict(list)  # by field, the labels as errors have them
    for field, label, _ in _named_options(case):
        if (field, label.strip()) in added:
            written[field].append(label)
    condition = Q(pk__in=())
    for field, labels in written.items():
        condition |= Q(field=field, waits_key__in=labels)
    rows = list(case.errors().filter(condition).defer("raw")[: MOST + 1])
    done.noted = [case.lane, *rows[:MOST]]
    if len(rows) <= MOST:
        done.check = [error.external_id for error in rows]
    else:  # the registry has not changed, so the stored copies do
        done.retries = case.code
