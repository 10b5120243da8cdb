"""Add options to a dropdown, and leave everything else of it as it was.

A dropdown's options are set as a whole list, so the list is read, extended, sent with every id
(archived options too) and read again. What the request changed beside that is put back.
https://benchling.com/api/reference (updateDropdown, archiveDropdownOptions)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from registry_sync.benchling.client import Client
from registry_sync.benchling.errors import AnswerLost
from registry_sync.core.types import Json

Options = dict[str, Json]
"""Raw options by id, in their order."""
REASONS = ("Made in error", "Retired", "Other")
"""The reasons for which options can be archived."""


@dataclass(slots=True)
class Addition:
    """What became of an addition. Each list has labels, or sentences about options."""

    added: list[str] = field(default_factory=list)
    unarchived: list[str] = field(default_factory=list)
    there: list[str] = field(default_factory=list)
    """Labels that someone else had added since."""
    put_back: list[str] = field(default_factory=list)
    """What the request changed beside that, and what was put back."""
    left: list[str] = field(default_factory=list)
    """What it changed and could not be put back."""


def add_options(
    client: Client, dropdown_id: str, labels: Sequence[str], unarchive: Sequence[str] = ()
) -> Addition:
    """Add options to a dropdown, and unarchive the options with the ids `unarchive`.

    Raise Refused where the app may not, SyncError, Wait.
    """
    found = Addition()
    before = _read(client, dropdown_id)
    known = {option["name"] for option in before.values()}
    found.there = [label for label in labels if label in known]
    new = [label for label in labels if label not in known]
    if new:
        after = _set(client, dropdown_id, before, new)
        _put_back(client, dropdown_id, before, after, found)
    if back := [id_ for id_ in unarchive if id_ in before and before[id_].get("archiveRecord")]:
        _change(client, dropdown_id, "unarchive", {"dropdownOptionIds": back})
    _compare(before, _read(client, dropdown_id), new, back, found)
    return found


def _read(client: Client, dropdown_id: str) -> Options:
    return _by_id(client.dropdown(dropdown_id))


def _by_id(raw: Json) -> Options:
    return {str(option["id"]): option for option in raw.get("options") or ()}


def _set(client: Client, dropdown_id: str, before: Options, new: Sequence[str]) -> Options:
    """Send the whole list with new options; return the options as they are after that."""
    wanted = [{"id": id_, "name": option["name"]} for id_, option in before.items()]
    body = {"options": [*wanted, *({"name": label} for label in new)]}
    path = f"dropdowns/{quote(dropdown_id, safe='')}"
    try:
        after = _by_id(client.call("patch", path, body, needs="id", once=True))
    except AnswerLost:  # sent again, it would remove what it has just added
        after = {}
    return after or _read(client, dropdown_id)


def _change(client: Client, dropdown_id: str, verb: str, body: Json) -> None:
    client.call("post", f"dropdowns/{quote(dropdown_id, safe='')}/options:{verb}", body)


def _put_back(
    client: Client, dropdown_id: str, before: Options, after: Options, found: Addition
) -> None:
    """Archive again what the request unarchived, unarchive what it archived, rename back."""
    by_reason: dict[str, list[str]] = {}
    archived, renamed = [], []
    for id_, option in before.items():
        now = after.get(id_)
        if now is None:
            continue  # nothing brings an id back
        was, is_now = option.get("archiveRecord"), now.get("archiveRecord")
        if was and not is_now:
            reason = str(was.get("reason"))
            by_reason.setdefault(reason if reason in REASONS else "Other", []).append(id_)
            found.put_back.append(f"“{option['name']}” was unarchived, and is archived again.")
        elif is_now and not was:
            archived.append(id_)
            found.put_back.append(f"“{option['name']}” was archived, and is in use again.")
        if now["name"] != option["name"]:
            renamed.append(id_)
            found.put_back.append(
                f"“{option['name']}” was renamed to “{now['name']}”, and has its name again."
            )
    if renamed:
        names = {id_: before[id_]["name"] for id_ in renamed}
        _set(client, dropdown_id, {k: {**v, "name": names.get(k, v["name"])}
                                   for k, v in after.items()}, ())  # fmt: skip
    for reason, ids in by_reason.items():
        _change(client, dropdown_id, "archive", {"dropdownOptionIds": ids, "reason": reason})
    if archived:
        _change(client, dropdown_id, "unarchive", {"dropdownOptionIds": archived})


def _compare(
    before: Options, now: Options, new: Sequence[str], back: Sequence[str], found: Addition
) -> None:
    """Say which options are there now, and which of the former ones are not as they were."""
    names = {option["name"] for option in now.values()}
    found.added = [label for label in new if label in names]
    found.left += [f"“{label}” is not in the dropdown." for label in new if label not in names]
    for id_, option in before.items():
        name, is_now = option["name"], now.get(id_)
        if is_now is None:
            found.left.append(f"“{name}” ({id_}) is no longer in the dropdown.")
        elif is_now["name"] != name:
            found.left.append(f"“{name}” is called “{is_now['name']}” now.")
        elif id_ in back:
            if not is_now.get("archiveRecord"):
                found.unarchived.append(name)
        elif bool(is_now.get("archiveRecord")) != bool(option.get("archiveRecord")):
            word = "archived" if is_now.get("archiveRecord") else "in use"
            found.left.append(f"“{name}” is {word} now.")
