"""Entities that people merged into others in Benchling: follow the survivor, or make them again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from registry_sync import runs
from registry_sync.admin.base import Reasoned
from registry_sync.admin.by_lane import ByLane, LaneChoice
from registry_sync.admin.filters import OpenFilter
from registry_sync.admin.links import record_link
from registry_sync.admin.start_run import start_or_follow
from registry_sync.core.text import number_of
from registry_sync.desk.marks import FIELD, mark_of_parts
from registry_sync.models import LedgerEntry, Merge, SyncRun

FOLLOW = (
    "These records count as merged into the survivors. Nothing is written for them any more, and "
    "links to their entities lead to the survivors. You can undo it here."
)
ANEW = (
    "Runs create these entities again once the survivors no longer have their ids and names as "
    "aliases. Until then the records wait. A Benchling admin removes these aliases."
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
        "found_at", "decide_it",
    )  # fmt: skip
    list_display_links = ("entity_registry_id",)
    list_filter = (("closed_at", OpenFilter), "state", LaneChoice)
    search_fields = ("external_id", "entity_registry_id", "survivor_registry_id", "entity_id")
    fields = (
        "lane", "record", "entity_registry_id", "entity_id", "name", "survivor_registry_id",
        "survivor_id", "survivor_name", "found_run", "found_at", "state", "decide_it",
        "acted_on", "actor", "decision", "decided_at", "closed_at",
    )  # fmt: skip
    readonly_fields = ("record", "decide_it", "acted_on")
    actions = ("follow", "anew", "undo")

    @admin.display(description="record")
    def record(self, row: Merge) -> str:
        return record_link(row.external_id, row.lane_id)

    @admin.display(description="acted on by a run")
    def acted_on(self, row: Merge) -> str:
        return "yes" if row.applied else "not yet"

    @admin.display(description="decide")
    def decide_it(self, row: Merge) -> SafeString | str:
        if row.closed_at is not None:
            return "–"
        address = reverse("admin:registry_sync_merge_decide", args=[row.pk])
        return format_html('<a href="{}">Decide…</a>', address)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.decide_view)
        own = path("<int:pk>/decide/", view, name="registry_sync_merge_decide")
        return [own, *super().get_urls()]

    def decide_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show what can be decided about one merge; the list's own actions do it."""
        if not self.may(request):
            raise PermissionDenied
        row = Merge.objects.filter(pk=pk, closed_at__isnull=True).first()
        if row is None:
            raise Http404("This merge is not open.")
        able = [decision for decision, states in STATES.items() if row.state in states]
        context = {
            "title": f"{row}: decide",
            "row": row,
            "choices": [(TITLES[decision], TEXTS[decision]) for decision in able],
            "presses": [(decision, TITLES[decision]) for decision in able],
            "back": reverse("admin:registry_sync_merge_changelist"),
            "mark_field": FIELD,
            "mark": _mark_of(row),
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
        }
        return self.render(request, "admin/registry_sync/merge/decide.html", context)

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
            message = "None of the selected merges is in a state that allows this."
            self.message_user(request, message, messages.WARNING)
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
            marks=[_mark_of(row) for row in chosen],
        )  # fmt: skip
        if not isinstance(reason, str):
            return reason
        values = {"actor": request.user.get_username(), "decision": reason}
        decided = _decided(chosen, state=BECOMES[action], **values)
        if decided_before := len(chosen) - len(decided):
            stay = "It stays as it is." if decided_before == 1 else "They stay as they are."
            count = number_of(decided_before, "merge")
            message = f"Someone decided about {count} in the meantime. {stay}"
            self.message_user(request, message, messages.WARNING)
        self.note(request, decided, f"{title}: {reason}")
        self._start(request, decided, title, reason, judge=action != "follow")
        return None

    def _start(
        self, request: HttpRequest, rows: Iterable[Merge], title: str, reason: str, *, judge: bool
    ) -> None:
        """Start a run that acts on the decision; with `judge`, it reads the records again."""
        current = runs.current_lanes()
        by_lane: dict[int, list[Merge]] = {}
        for row in rows:
            by_lane.setdefault(row.lane_id, []).append(row)
        for of_lane in by_lane.values():
            lane, ids = of_lane[0].lane, [row.external_id for row in of_lane]
            if judge:
                LedgerEntry.objects.filter(lane=lane, external_id__in=ids).update(raw_hash="")
            if lane in current:
                start_or_follow(
                    self, request, title=title, reason=reason, only=ids, lane=lane,
                    kind=SyncRun.Kind.INCREMENTAL if judge else SyncRun.Kind.RETRY,
                )  # fmt: skip


def _mark_of(row: Merge) -> str:
    """Return the mark of a merge as a page shows it."""
    return mark_of_parts(row.pk, row.state, row.survivor_id)


def _decided(chosen: Sequence[Merge], **values: Any) -> list[Merge]:
    """Decide about merges, all at once; leave out what someone decides at the same time.

    What someone decided since the page was shown, the marks that the page sends show.
    """
    same = Merge.objects.filter(pk__in=[row.pk for row in chosen], closed_at__isnull=True)
    with transaction.atomic():
        states = dict(same.order_by("pk").select_for_update().values_list("pk", "state"))
        decided = [row for row in chosen if states.get(row.pk) == row.state]
        same.filter(pk__in=[row.pk for row in decided]).update(
            applied=False, decided_at=timezone.now(), **values
        )
    return decided
