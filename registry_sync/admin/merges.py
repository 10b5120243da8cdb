"""Entities that people merged into others in Benchling: follow the survivor, or make them again."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from registry_sync import runs
from registry_sync.admin.base import Reasoned
from registry_sync.admin.by_lane import ByLane, LaneChoice
from registry_sync.admin.links import record_link
from registry_sync.admin.start_run import start_or_follow
from registry_sync.models import LedgerEntry, Merge, SyncRun

FOLLOW = (
    "These records count as merged into the survivors. Nothing is written for them any more, and "
    "links to their entities lead to the survivors. You can undo it here."
)
ANEW = (
    "Runs create these entities again once the survivors no longer have their ids and names as "
    "aliases. Until then the records wait. A Benchling admin removes the aliases, which are listed "
    "below."
)
UNDO = "The decision is taken back. The records wait for another one."
TEXTS = {"follow": FOLLOW, "anew": ANEW, "undo": UNDO}
TITLES = {
    "follow": "Follow the survivor",
    "anew": "Make it again",
    "undo": "Undo the decision",
}
STATES = {
    "follow": (Merge.State.OPEN, Merge.State.ANEW),
    "anew": (Merge.State.OPEN, Merge.State.FOLLOWED),
    "undo": (Merge.State.FOLLOWED, Merge.State.ANEW),
}
BECOMES = {
    "follow": Merge.State.FOLLOWED, "anew": Merge.State.ANEW, "undo": Merge.State.OPEN,
}  # fmt: skip


@admin.register(Merge)
class MergeAdmin(ByLane, Reasoned):
    nothing = "No merges: no entity of this app was merged into another one. Full runs look."
    list_display = (
        "record", "entity_registry_id", "name", "survivor_registry_id", "survivor_name", "state",
        "found_at", "actor",
    )  # fmt: skip
    list_display_links = ("entity_registry_id",)
    list_filter = (("closed_at", admin.EmptyFieldListFilter), "state", LaneChoice)
    search_fields = ("external_id", "entity_registry_id", "survivor_registry_id", "entity_id")
    fields = (
        "lane", "record", "entity_registry_id", "entity_id", "name", "survivor_registry_id",
        "survivor_id", "survivor_name", "found_run", "found_at", "state", "applied", "actor",
        "decision", "decided_at", "closed_at",
    )  # fmt: skip
    readonly_fields = ("record",)
    actions = ("follow", "anew", "undo")

    @admin.display(description="record")
    def record(self, row: Merge) -> str:
        return record_link(row.external_id, row.lane_id)

    def may(self, request: HttpRequest) -> bool:
        """Return whether the user may decide: whoever may decide about errors, and start runs."""
        return request.user.has_perm("registry_sync.change_entityerror") and request.user.has_perm(
            "registry_sync.add_syncrun"
        )

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return self.may(request)

    @admin.action(description="Follow the survivor…", permissions=["decide"])
    def follow(self, request: HttpRequest, rows: QuerySet[Merge]) -> HttpResponse | None:
        """Ask for a reason, and settle the records as merged into the survivors."""
        return self._decide(request, rows, "follow")

    @admin.action(description="Make it again…", permissions=["decide"])
    def anew(self, request: HttpRequest, rows: QuerySet[Merge]) -> HttpResponse | None:
        """Ask for a reason, and let the entities be created again once their names are free."""
        return self._decide(request, rows, "anew")

    @admin.action(description="Undo the decision…", permissions=["decide"])
    def undo(self, request: HttpRequest, rows: QuerySet[Merge]) -> HttpResponse | None:
        """Ask for a reason, and take the decisions back."""
        return self._decide(request, rows, "undo")

    def _decide(
        self, request: HttpRequest, rows: QuerySet[Merge], action: str
    ) -> HttpResponse | None:
        able = rows.filter(state__in=STATES[action], closed_at__isnull=True)
        chosen = list(able.select_related("lane").order_by("pk"))
        if not chosen:
            said = "Nothing that was selected is in a state in which this is possible."
            self.message_user(request, said, messages.WARNING)
            return None
        facts = [
            f"{row.survivor_registry_id} must lose the aliases “{row.entity_registry_id}” and "
            f"“{row.name}”."
            for row in chosen
        ]
        title = TITLES[action]
        reason = self.ask(
            request, chosen, action=action, title=title, explanation=TEXTS[action],
            facts=facts if action == "anew" else [], most="",
        )  # fmt: skip
        if not isinstance(reason, str):
            return reason
        values = {"actor": request.user.get_username(), "decision": reason}
        able.update(state=BECOMES[action], applied=False, decided_at=timezone.now(), **values)
        self.note(request, chosen, f"{title}: {reason}")
        self._start(request, chosen, title, reason, judge=action != "follow")
        return None

    def _start(
        self, request: HttpRequest, rows: Iterable[Merge], title: str, reason: str, *, judge: bool
    ) -> None:
        """Start a run that acts on the decision; with `judge`, it reads the records again."""
        current = runs.current_lanes()
        by_lane: dict[int, list[Merge]] = {}
        for row in rows:
            by_lane.setdefault(row.lane_id, []).append(row)
        for some in by_lane.values():
            lane, ids = some[0].lane, [row.external_id for row in some]
            if judge:
                LedgerEntry.objects.filter(lane=lane, external_id__in=ids).update(raw_hash="")
            if lane in current:
                start_or_follow(
                    self, request, title=title, reason=reason, only=ids, lane=lane,
                    kind=SyncRun.Kind.INCREMENTAL if judge else SyncRun.Kind.RETRY,
                )  # fmt: skip
