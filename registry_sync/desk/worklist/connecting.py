"""The card of a registry that is not connected yet: how far it is, and the way on."""

from __future__ import annotations

from collections.abc import Iterable

from registry_sync.core.text import are
from registry_sync.desk.connecting.facts import stored
from registry_sync.desk.connecting.steps import next_step, places
from registry_sync.desk.worklist.base import CardKind, Gravity, Overview, WorkCard, link, press
from registry_sync.monitoring.health import Health


class Connecting(CardKind):
    """A lane to which no run has written yet, or an app without any."""

    name = "connecting"

    def cards(self, overview: Overview) -> Iterable[WorkCard]:
        """Return a card for each lane that has no good run."""
        for health in overview.health.values():
            if health.last_good is None and health.active is None:
                yield self._card(health)

    def _card(self, health: Health) -> WorkCard:
        lane = health.lane
        steps = places(stored(lane.schema_id if lane else ""))
        done = sum(step.reached.mark == "done" for step in steps)
        further = next_step(steps)
        text = "From its address and key to a first dry run, step by step."
        if done and further is not None:
            text = f"{done} of {len(steps)} steps {are(done)} done. Next: {further.step.title}."
        label = "Go on connecting" if done else "Connect a registry"
        return WorkCard(
            title="No registry is connected yet" if lane is None else "Not connected yet",
            gravity=Gravity.WAITING,
            actors=("mapping",),
            text=text,
            lane=lane,
            presses=(press(label, link("connect"), "add_mappingdraft"),),
        )
