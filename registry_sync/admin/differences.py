"""Accept or restore differences between Benchling and the registry, with a reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from registry_sync.admin.base import Reasoned
from registry_sync.admin.by_lane import lanes_fed_now
from registry_sync.admin.start_run import start_or_follow
from registry_sync.core.text import number_of
from registry_sync.desk.drift import drift_mark
from registry_sync.desk.values import as_text
from registry_sync.ledger import pins
from registry_sync.ledger.pins import FieldDifference
from registry_sync.models import Lane, SyncRun
from registry_sync.runs import schema_view

ACCEPT = (
    "Benchling keeps these values, and runs do not write the registry's. This holds until the "
    "registry's value changes or someone takes the acceptance back. The list of accepted "
    "differences is for the registry's owner. An accepted value is sent with every later update of "
    "its record: of a structure, in Benchling's canonical form. Aliases and authors that people "
    "removed are not added again."
)
RESTORE = (
    "A run reads these records from the registry and writes the registry's values to Benchling. "
    "What people entered in Benchling in these fields is overwritten; the history keeps both."
)
MOST = 1000
"""Records of one decision."""
SHOWN = 50
"""Records whose values are shown before a decision."""
Found = dict[Any, list[FieldDifference]]
"""Rows, each with what it still differs in."""
Key = tuple[int, str, str]
"""One difference: lane, external id, field id."""


class DecidesDifferences(Reasoned):
    """A list whose rows are differences, or records that have some."""

    actions: Sequence[str] = ("accept", "restore")

    def differences(self, rows: Sequence[Any]) -> Found:
        """Return what each row still differs in."""
        raise NotImplementedError

    def may(self, request: HttpRequest) -> bool:
        """Return whether the user may decide: whoever may set a lane's drift policy."""
        return request.user.has_perm("registry_sync.change_lane")

    def has_accept_permission(self, request: HttpRequest) -> bool:
        return self.may(request)

    def has_restore_permission(self, request: HttpRequest) -> bool:
        return self.may(request) and request.user.has_perm("registry_sync.add_syncrun")

    @admin.action(description="Accept the selected differences…", permissions=["accept"])
    def accept(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        """Ask for a reason, and pin the differences."""
        reason = self._reason(request, rows, "accept", "Accept differences", ACCEPT)
        if not isinstance(reason, str):
            return reason
        found, who = self._found(rows), request.user.get_username()
        done: set[Key] = set()
        for lane, differences in _by_lane(found).items():
            for pin in pins.accept(lane, differences, actor=who, reason=reason):
                done.add((lane.pk, pin.external_id, pin.field_id))
        self._settle(request, found, done, "accepted", f"Differences accepted: {reason}")
        return None

    @admin.action(description="Restore the registry's values…", permissions=["restore"])
    def restore(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        """Ask for a reason, and start a run that writes the registry's values."""
        reason = self._reason(request, rows, "restore", "Restore the registry's values", RESTORE)
        if not isinstance(reason, str):
            return reason
        found, who = self._found(rows), request.user.get_username()
        done: set[Key] = set()
        by_lane = _by_lane(found)
        for lane in lanes_fed_now(self, request, by_lane):
            differences = by_lane[lane]
            if restored := pins.restore(lane, differences, actor=who, reason=reason):
                ids = pins.records_that_differ(restored)
                start_write(self, request, lane, ids, title="Restore", reason=reason)
                done |= {_key(lane, each) for each in restored}
        text = f"The registry's values restored: {reason}"
        self._settle(request, found, done, "restored", text)
        return None

    def _found(self, rows: QuerySet[Any]) -> Found:
        """Return the rows that still differ, as many as one decision takes, each with how."""
        differing = self.differences(list(rows[:MOST]))
        return {row: differences for row, differences in differing.items() if differences}

    def _reason(
        self, request: HttpRequest, rows: QuerySet[Any], action: str, title: str, text: str
    ) -> str | HttpResponse | None:
        """Return the reason, the page that asks for it, or None if nothing can be decided."""
        found = self._found(rows)
        if not found:
            message = "Nothing that was selected has values that differ now."
            self.message_user(request, message, messages.WARNING)
            return None
        facts = [
            fact for row, differ in list(found.items())[:SHOWN] for fact in _facts(row, differ)
        ]
        return self.ask(
            request, list(found), action=action, title=title, explanation=text, facts=facts,
            marks=[drift_mark(each) for differ in found.values() for each in differ],
        )  # fmt: skip

    def _settle(
        self, request: HttpRequest, found: Found, done: set[Key], word: str, text: str
    ) -> None:
        """Log what was done, and say what could not be."""
        keys = {row: [_key(row.lane, each) in done for each in found[row]] for row in found}
        self.note(request, [row for row, each in keys.items() if any(each)], text)
        selected, count = sum(map(len, keys.values())), sum(map(sum, keys.values()))
        message = f"{number_of(count, 'difference')} {word}." if word == "accepted" else ""
        if remaining := selected - count:
            why = "decided in the meantime, or their values or records are not known here."
            verb = "" if message else f" {word}"
            message = f"{message} {remaining:,} could not be{verb}: {why}".strip()
        if message:
            self.message_user(request, message, messages.WARNING if remaining else messages.SUCCESS)


def _key(lane: Lane, each: FieldDifference) -> Key:
    return lane.pk, each.external_id, each.field_id


def _facts(row: Any, differences: Iterable[FieldDifference]) -> list[str]:
    """Return both values of each difference, as people read them."""
    schema = schema_view(row.lane)
    return [
        f"{each.external_id}, {each.field}: “{as_text(each.theirs, each.field_id, schema)}” in "
        f"Benchling, “{as_text(each.source, each.field_id, schema)}” in the registry"
        for each in differences
    ]


def _by_lane(found: Found) -> dict[Lane, list[FieldDifference]]:
    lanes: dict[Lane, list[FieldDifference]] = {}
    for row, differences in found.items():
        lanes.setdefault(row.lane, []).extend(differences)
    return lanes


def start_write(
    page: admin.ModelAdmin,
    request: HttpRequest,
    lane: Lane,
    ids: Sequence[str],
    *,
    title: str,
    reason: str,
) -> None:
    """Start a run of these records of a lane, or one that follows the active run."""
    start_or_follow(
        page, request, title=title, reason=reason, kind=SyncRun.Kind.INCREMENTAL, only=ids,
        lane=lane,
    )  # fmt: skip
