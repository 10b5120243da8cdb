"""What left the registry: listed, and archived, kept or brought back with a reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from registry_sync.admin.base import Reasoned
from registry_sync.admin.by_lane import ByLane, LaneChoice, lanes_fed_now
from registry_sync.admin.filters import OpenFilter
from registry_sync.admin.links import record_link
from registry_sync.admin.start_run import start_or_follow
from registry_sync.core.text import number_of
from registry_sync.desk import withdrawals as decisions
from registry_sync.models import SyncRun, Withdrawal
from registry_sync.sync.plans.proposals import Person, SecondPerson

ARCHIVE = (
    "A run archives these entities in Benchling, each with its lane's archive reason. Scientists "
    "then no longer find them in lists and searches. You can undo each archive here."
)
KEEP = (
    "These entities stay in use, although their records left the registry. That holds until a "
    "record comes back or someone archives its entity here."
)
UNDO = (
    "A run unarchives these entities in Benchling, if nothing changed about them since this app "
    "archived them. They then stay in use until someone archives them here."
)
Decide = Callable[..., list[Withdrawal]]


@admin.register(Withdrawal)
class WithdrawalAdmin(ByLane, Reasoned):
    nothing = "No withdrawals: every record that was synced is still in the registry."
    list_display = (
        "record", "entity_registry_id", "name", "how", "state", "containers", "links", "found_at",
        "note",
    )  # fmt: skip
    list_display_links = ("entity_registry_id",)
    list_filter = (("closed_at", OpenFilter), "state", "how", LaneChoice)
    search_fields = ("external_id", "entity_registry_id", "entity_id")
    fields = (
        "lane", "record", "entity_registry_id", "entity_id", "name", "how", "said", "found_run",
        "found_at", "listed_at", "state", "containers", "links", "reason", "archived_at",
        "archive_run", "note", "actor", "decision", "decided_at", "closed_at", "ended",
    )  # fmt: skip
    readonly_fields = ("record",)
    actions = ("archive", "keep", "undo")

    @admin.display(description="record")
    def record(self, row: Withdrawal) -> str:
        return record_link(row.external_id, row.lane_id)

    def may(self, request: HttpRequest) -> bool:
        """Return whether the user may decide: whoever may set a lane's policy."""
        return request.user.has_perm("registry_sync.change_lane")

    def has_keep_permission(self, request: HttpRequest) -> bool:
        return self.may(request)

    def has_archive_permission(self, request: HttpRequest) -> bool:
        return self.may(request) and request.user.has_perm("registry_sync.add_syncrun")

    def has_undo_permission(self, request: HttpRequest) -> bool:
        return self.has_archive_permission(request)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Let a link list what one run archived or found."""
        own = ("archive_run", "found_run", "archive_run__id__exact", "found_run__id__exact")
        return lookup in own or super().lookup_allowed(lookup, value, request)

    @admin.action(description="Archive the selected entities…", permissions=["archive"])
    def archive(self, request: HttpRequest, rows: QuerySet[Withdrawal]) -> HttpResponse | None:
        """Ask for a reason, and let a run archive the entities."""
        return self._decide(request, rows, "archive", "Archive entities", ARCHIVE)

    @admin.action(description="Keep the selected entities in use…", permissions=["keep"])
    def keep(self, request: HttpRequest, rows: QuerySet[Withdrawal]) -> HttpResponse | None:
        """Ask for a reason, and keep the entities in use."""
        return self._decide(request, rows, "keep", "Keep entities in use", KEEP)

    @admin.action(description="Undo the selected archives…", permissions=["undo"])
    def undo(self, request: HttpRequest, rows: QuerySet[Withdrawal]) -> HttpResponse | None:
        """Ask for a reason, and let a run unarchive the entities."""
        return self._decide(request, rows, "undo", "Undo archives", UNDO)

    def _decide(
        self, request: HttpRequest, rows: QuerySet[Withdrawal], action: str, title: str, text: str
    ) -> HttpResponse | None:
        states, act = DECISIONS[action]
        able = rows.filter(state__in=states, closed_at__isnull=True).select_related("lane")
        chosen = list(able.order_by("pk"))
        if action != "keep":  # which needs no run
            lanes = lanes_fed_now(self, request, [row.lane for row in chosen])
            able = able.filter(lane__in=lanes)
            if chosen and not lanes:
                return None
            chosen = [row for row in chosen if row.lane in lanes]
        if not chosen:
            message = "None of the selected withdrawals is in a state that allows this."
            self.message_user(request, message, messages.WARNING)
            return None
        more: dict[str, Any] = {"most": ""}
        if not request.POST.get("decided"):
            more["facts"] = _facts(chosen, action, left_out=len(rows) - len(chosen))
        reason = self.ask(request, chosen, action=action, title=title, explanation=text, **more)
        if not isinstance(reason, str):
            return reason
        try:
            decided = act(able, by=Person.of(request.user), reason=reason)
        except SecondPerson as proposed:
            text = f"{proposed} {proposed.remedy}"
            self.message_user(request, text, messages.WARNING)
            return None
        self.note(request, decided, f"{title}: {reason}")
        if action == "keep":
            text = f"{number_of(len(decided), 'entity', 'entities')} will stay in use."
            self.message_user(request, text, messages.SUCCESS)
        else:
            self._start(request, decided, title, reason)
        return None

    def _start(
        self, request: HttpRequest, rows: Sequence[Withdrawal], title: str, reason: str
    ) -> None:
        for lane, ids in decisions.by_lane(rows).items():
            start_or_follow(
                self, request, title=title, reason=reason, kind=SyncRun.Kind.RETRY, only=ids,
                lane=lane,
            )  # fmt: skip


def _facts(rows: Sequence[Withdrawal], action: str, *, left_out: int) -> list[str]:
    """Return what is decided about, and what it would mean."""
    facts = decisions.counts_by_lane(rows, archived=action == "archive")
    if left_out:
        text = "selected withdrawal is left out: its state does not allow this."
        many = "selected withdrawals are left out: their state does not allow this."
        facts.append(number_of(left_out, text, many))
    return facts + (decisions.archive_facts(rows) if action == "archive" else [])


DECISIONS: dict[str, tuple[Sequence[str], Decide]] = {
    "archive": (Withdrawal.RELEASABLE, decisions.release_withdrawals),
    "keep": (Withdrawal.KEEPABLE, decisions.keep_in_use),
    "undo": (decisions.UNDOABLE, decisions.undo),
}
