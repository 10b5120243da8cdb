"""Add options to a dropdown, and leave everything else of it as it was.

A dropdown's options are set as a whole list, so the list is read, extended, sent with every id
(archived options too) and read again. What the request changed beside that is put back. Whoever
sends a list that is older than the dropdown removes what others have added since: the caller lets
one at a time change a dropdown, and each list is read just before it is sent.
https://benchling.com/api/reference (updateDropdown, archiveDropdownOptions)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import quote

from registry_sync.benchling.client import Client
from registry_sync.benchling.errors import AnswerLost, Refused, Wait
from registry_sync.core.problems import SyncError
from registry_sync.core.types import Json

Options = dict[str, Json]
"""Raw options by id, in their order."""
REASONS = ("Made in error", "Retired", "Other")
"""The reasons for which options can be archived."""
FAULTS = (Refused, SyncError, Wait)


@dataclass(slots=True)
class Addition:
    """What became of an addition. Each list has labels, or sentences about options."""

    added: list[str] = field(default_factory=list)
    unarchived: list[str] = field(default_factory=list)
    there: list[str] = field(default_factory=list)
    """Labels that someone else had added since."""
    put_back: list[str] = field(default_factory=list)
    """What the request changed beside that, and what was put back."""
    not_undone: list[str] = field(default_factory=list)
    """What it changed and could not be put back, or is not known."""
    fault: Exception | None = None
    """Why it ended after the dropdown was changed."""


def add_options(
    client: Client, dropdown_id: str, labels: Sequence[str], unarchive: Sequence[str] = ()
) -> Addition:
    """Add options to a dropdown, and unarchive the options with the ids `unarchive`.

    Raise Refused where the app may not, SyncError, Wait, while nothing is changed yet. What fails
    later is the `fault` of what was done until then.
    """
    found = Addition()
    before = _read(client, dropdown_id)
    labels_before = {option["name"] for option in before.values()}
    found.there = [label for label in labels if label in labels_before]
    new = [label for label in labels if label not in labels_before]
    back = [id_ for id_ in unarchive if id_ in before and before[id_].get("archiveRecord")]
    after = _send(client, dropdown_id, before, new) if new else before
    try:
        _settle(client, dropdown_id, before, after, new, back, found)
    except FAULTS as fault:
        if not new and not found.unarchived:
            raise
        found.fault = fault
        found.not_undone += [
            f"It is not known whether “{label}” was added."
            for label in new
            if label not in found.added
        ]
    return found


def _settle(
    client: Client,
    dropdown_id: str,
    before: Options,
    after: Options,
    new: Sequence[str],
    back: Sequence[str],
    found: Addition,
) -> None:
    """Do what remains after the list was sent, and note each step that is done."""
    after = after or _read(client, dropdown_id)  # the answer was lost
    names = {option["name"] for option in after.values()}
    found.added = [label for label in new if label in names]
    seen = dict(after)
    if new:
        _put_back(client, dropdown_id, before, seen, found)
    if back:
        _change(client, dropdown_id, "unarchive", {"dropdownOptionIds": back})
        found.unarchived = [before[id_]["name"] for id_ in back]
    late = {id_: {**it, "archiveRecord": None} for id_, it in seen.items() if id_ not in before}
    _compare({**late, **before}, _read(client, dropdown_id), new, back, found)


def _read(client: Client, dropdown_id: str) -> Options:
    return _by_id(client.dropdown(dropdown_id))


def _by_id(raw: Json) -> Options:
    return {str(option["id"]): option for option in raw.get("options") or ()}


def _send(client: Client, dropdown_id: str, before: Options, new: Sequence[str]) -> Options:
    """Send the whole list with new options; return what is there then, {} if that is unknown."""
    kept = [{"id": id_, "name": option["name"]} for id_, option in before.items()]
    body = {"options": [*kept, *({"name": label} for label in new)]}
    path = f"dropdowns/{quote(dropdown_id, safe='')}"
    try:
        return _by_id(client.call("patch", path, body, needs="id", once=True))
    except AnswerLost:  # sent again, it would remove what it has just added
        return {}


def _change(client: Client, dropdown_id: str, verb: str, body: Json) -> None:
    client.call("post", f"dropdowns/{quote(dropdown_id, safe='')}/options:{verb}", body)


@dataclass(frozen=True, slots=True)
class RestoreStep:
    """One request that puts options back: what became of each, and its words once it is done."""

    do: Callable[[], None]
    changed: Sequence[str]
    done: str
    undone: str


def _put_back(
    client: Client, dropdown_id: str, before: Options, seen: Options, found: Addition
) -> None:
    """Rename back, archive again what the request unarchived, unarchive what it archived.

    `seen` are the options as the request left them; those that others add until it ends are added.
    """
    waiting = list(_steps(client, dropdown_id, before, seen))
    try:
        while waiting:
            waiting[0].do()
            step = waiting.pop(0)
            found.put_back += [f"{text}, and {step.done}." for text in step.changed]
    finally:
        found.not_undone += [
            f"{text}, and {step.undone}." for step in waiting for text in step.changed
        ]


def _steps(
    client: Client, dropdown_id: str, before: Options, seen: Options
) -> Iterator[RestoreStep]:
    both = [(id_, before[id_], now) for id_, now in seen.items() if id_ in before]
    names = {id_: was["name"] for id_, was, now in both if now["name"] != was["name"]}
    if names:
        reports = [f"“{name}” was renamed to “{seen[id_]['name']}”" for id_, name in names.items()]
        again = partial(_rename, client, dropdown_id, names, seen)
        yield RestoreStep(again, reports, "has its name again", "does not have its name again")
    by_reason: dict[str, list[str]] = {}
    for id_, was, now in both:
        if (record := was.get("archiveRecord")) and not now.get("archiveRecord"):
            reason = str(record.get("reason"))
            by_reason.setdefault(reason if reason in REASONS else "Other", []).append(id_)
    for reason, ids in by_reason.items():
        reports = [f"“{before[id_]['name']}” was unarchived" for id_ in ids]
        body: Json = {"dropdownOptionIds": ids, "reason": reason}
        again = partial(_change, client, dropdown_id, "archive", body)
        yield RestoreStep(again, reports, "is archived again", "is not archived again")
    # An option that came after the list was read was left out of what was sent. It is in use.
    both += [(id_, {}, now) for id_, now in seen.items() if id_ not in before]
    ids = [i for i, was, now in both if now.get("archiveRecord") and not was.get("archiveRecord")]
    if ids:
        reports = [f"“{seen[id_]['name']}” was archived" for id_ in ids]
        again = partial(_change, client, dropdown_id, "unarchive", {"dropdownOptionIds": ids})
        yield RestoreStep(again, reports, "is in use again", "is not in use again")


def _rename(client: Client, dropdown_id: str, names: dict[str, str], seen: Options) -> None:
    """Give options these names, in the list as it is now."""
    now = _read(client, dropdown_id)
    for id_, option in now.items():
        seen.setdefault(id_, option)
    named = {id_: {**it, "name": names.get(id_, it["name"])} for id_, it in now.items()}
    _send(client, dropdown_id, named, ())


def _compare(
    seen: Options, now: Options, new: Sequence[str], back: Sequence[str], found: Addition
) -> None:
    """Say which options are there now, and which that were `seen` are not as they were."""
    names = {option["name"] for option in now.values()}
    found.added, found.unarchived = [label for label in new if label in names], []
    found.not_undone += [
        f"“{label}” is not in the dropdown." for label in new if label not in names
    ]
    for id_, option in seen.items():
        name, is_now = option["name"], now.get(id_)
        if is_now is None:
            if name not in new:
                found.not_undone.append(f"“{name}” ({id_}) is no longer in the dropdown.")
        elif is_now["name"] != name:
            found.not_undone.append(f"“{name}” is called “{is_now['name']}” now.")
        elif id_ in back:
            if not is_now.get("archiveRecord"):
                found.unarchived.append(name)
        elif bool(is_now.get("archiveRecord")) != bool(option.get("archiveRecord")):
            word = "archived" if is_now.get("archiveRecord") else "in use"
            found.not_undone.append(f"“{name}” is {word} now.")
