"""Cards for a mapping that is not through: published but not written, or left as a draft."""

from __future__ import annotations

from collections.abc import Iterable

from registry_sync.core.text import number_of
from registry_sync.desk.worklist.base import (
    CardKind,
    Gravity,
    Overview,
    WorkCard,
    link,
    press,
    start_press,
)
from registry_sync.models import Lane, MappingDraft

State = MappingDraft.State
SHOWN = 5
"""Open drafts that have a card of their own."""


class Outstanding(CardKind):
    """A published mapping that no run has applied yet."""

    name = "outstanding"

    def cards(self, overview: Overview) -> Iterable[WorkCard]:
        """Return a card for each lane in which values are still to be written."""
        for health in overview.health.values():
            unwritten = health.unwritten
            if unwritten is None or health.lane is None:
                continue
            version = unwritten.version
            yield WorkCard(
                title=f"Version {version.number} of the mapping is not applied yet",
                gravity=Gravity.BEHIND,
                actors=("mapping",),
                text=f"{unwritten.records.capitalize()} in Benchling must still be changed. "
                f"Published by {version.actor}: “{version.reason}”. The schedule applies it, too.",
                lane=health.lane,
                since=version.at,
                address=link("mappingversion_change", version.pk),
                presses=(start_press("sync", "Sync now", overview.of_lane(health.lane)),),
            )


class Drafts(CardKind):
    """Mapping drafts that are neither published nor discarded."""

    name = "drafts"

    def cards(self, overview: Overview) -> Iterable[WorkCard]:
        """Return a card for each of the newest drafts, and one for the rest."""
        states = (State.OPEN, State.WAITING)
        rows = MappingDraft.objects.of_app().filter(state__in=states).order_by("-updated_at")
        found = list(rows.only("title", "state", "schema_id", "updated_at", "updated_by")[:100])
        lanes = {lane.schema_id: lane for lane in overview.lanes}
        others = {lane.schema_id for lane in overview.names.lanes} - lanes.keys()
        found = [draft for draft in found if draft.schema_id not in others]
        for draft in found[:SHOWN]:
            yield self._card(draft, lanes.get(draft.schema_id))
        if remaining := len(found) - SHOWN:
            yield from self._rest(remaining)

    def _card(self, draft: MappingDraft, lane: Lane | None) -> WorkCard:
        waits = draft.state == State.WAITING
        state_text = "waits for manual steps in Benchling" if waits else "is open"
        return WorkCard(
            title=f"The mapping draft “{draft.title}” {state_text}",
            gravity=Gravity.WAITING if waits else Gravity.NOTE,
            actors=("mapping", "benchling") if waits else ("mapping",),
            text=f"Last edited by {draft.updated_by}. Publish or discard it.",
            lane=lane,
            since=draft.updated_at,
            address=(address := link("mappingdraft_change", draft.pk)),
            presses=(press("Continue", address, "change_mappingdraft"),),
        )

    def _rest(self, count: int) -> Iterable[WorkCard]:
        if count > 0:
            yield WorkCard(
                title=f"{number_of(count, 'older mapping draft')} left open",
                gravity=Gravity.NOTE,
                actors=("mapping",),
                address=link("mappingdraft_changelist"),
            )
