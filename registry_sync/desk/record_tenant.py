"""An event of a record's history: what was just found in Benchling, before a check records it."""

from __future__ import annotations

from django.utils import timezone

from registry_sync.desk.record_history import Difference, Event, Story
from registry_sync.models import Drift
from registry_sync.records.in_benchling import TenantState, written_values


def with_event(story: Story, state: TenantState | None) -> None:
    """Tell in the story what was just found in Benchling, where no check has recorded it yet."""
    if state is None or state.trouble or not (state.theirs or state.banners):
        return
    recorded = Drift.objects.filter(
        lane=story.lane, external_id=story.external_id, closed_at__isnull=True
    ).values_list("field_id", flat=True)
    field_ids = state.theirs.keys() | ({"archived"} if "archived" in state.word else set())
    if field_ids and field_ids <= set(recorded):
        return
    written = dict(written_values(story.entry)) if story.entry else {}
    names = {change.field_id: change.field for change in story.changes}
    found = tuple(
        Difference(key, names.get(key, key), written.get(key), value)
        for key, value in state.theirs.items()
    )
    at = state.modified_at or (story.events[0].at if story.events else timezone.now())
    event = Event(at, "changed in Benchling", "warning", " ".join(state.banners), differences=found)
    story.events = sorted([event, *story.events], key=lambda one: one.at, reverse=True)
