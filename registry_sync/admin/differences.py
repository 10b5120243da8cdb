"""Accept or restore differences between Benchling and the registry, with a reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from registry_sync.admin.base import Reasoned
from registry_sync.admin.start_run import start_or_follow
from registry_sync.core.text import number_of
from registry_sync.desk.values import as_text
from registry_sync.ledger import pins
from registry_sync.ledger.pins import FieldDifference
from registry_sync.models import Lane, SyncRun
from registry_sync.runs import schema_view

ACCEPT = (
    "Benchling keeps these values, and runs do not write the registry's. This holds until the "
    "registry's value changes or someone takes it back. The list of accepted differences is for "
    "the registry's owner."
)
RESTORE = (
    "A run reads these records from the registry and writes the registry's values to Benchling. "
    "What people entered in Benchling in these fields is overwritten; the history keeps it."
)
MOST = 1000
"""Records of one decision."""
SHOWN = 50
"""Records whose values are shown before a decision."""


class DecidesDifferences(Reasoned):
    """A list whose rows are differences, or records that have some."""

    actions: Sequence[str] = ("accept", "restore")

    def differences(self, row: Any) -> list[FieldDifference]:
        """Return what a row still differs in."""
        raise NotImplementedError

    def decide(self, rows: list[Any], word: str) -> None:
        """Keep what was decided, where the rows have a place for it."""

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
        who = request.user.get_username()
        chosen = list(rows[:MOST])
        done = 0
        for lane, differences in self._by_lane(chosen).items():
            done += len(pins.accept(lane, differences, actor=who, reason=reason))
        self.note(request, chosen, f"Differences accepted: {reason}")
        self._report(request, chosen, done, "accepted")
        self.decide(chosen, "accepted")
        return None

    @admin.action(description="Restore the registry's values…", permissions=["restore"])
    def restore(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        """Ask for a reason, and start a run that writes the registry's values."""
        reason = self._reason(request, rows, "restore", "Restore the registry's values", RESTORE)
        if not isinstance(reason, str):
            return reason
        chosen = list(rows[:MOST])
        for lane, differences in self._by_lane(chosen).items():
            if ids := pins.restore(lane, differences):
                write(self, request, lane, ids, title="Restore", reason=reason)
        self.note(request, chosen, f"The registry's values restored: {reason}")
        self.decide(chosen, "restored")
        return None

    def _reason(
        self, request: HttpRequest, rows: QuerySet[Any], action: str, title: str, text: str
    ) -> str | HttpResponse | None:
        """Return the reason, the page that asks for it, or None if nothing can be decided."""
        chosen = [row for row in rows[:MOST] if self.differences(row)]
        if not chosen:
            said = "Nothing that was selected has values that differ now."
            self.message_user(request, said, messages.WARNING)
            return None
        facts = [fact for row in chosen[:SHOWN] for fact in self._facts(row)]
        return self.ask(
            request, chosen, action=action, title=title, explanation=text, facts=facts
        )  # fmt: skip

    def _facts(self, row: Any) -> list[str]:
        """Return both values of each difference, as people read them."""
        schema = schema_view(row.lane)
        return [
            f"{each.external_id}, {each.field}: “{as_text(each.theirs, each.field_id, schema)}” in "
            f"Benchling, “{as_text(each.source, each.field_id, schema)}” in the registry"
            for each in self.differences(row)
        ]

    def _by_lane(self, rows: Iterable[Any]) -> dict[Lane, list[FieldDifference]]:
        found: dict[Lane, list[FieldDifference]] = {}
        for row in rows:
            found.setdefault(row.lane, []).extend(self.differences(row))
        return {lane: differences for lane, differences in found.items() if differences}

    def _report(self, request: HttpRequest, rows: Sequence[Any], done: int, word: str) -> None:
        wanted = sum(len(self.differences(row)) for row in rows)
        left = wanted - done if done < wanted else 0
        text = f"{number_of(done, 'difference')} {word}."
        if left:
            text += f" {left:,} could not be: their values or records are not known here."
        self.message_user(request, text, messages.WARNING if left else messages.SUCCESS)


def write(
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
