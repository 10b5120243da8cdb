"""Who is notified when something needs attention, for the desk's first page."""

from __future__ import annotations

from dataclasses import dataclass

from registry_sync.core.text import number_of
from registry_sync.monitoring import freshness
from registry_sync.monitoring.alerts import recipients
from registry_sync.monitoring.channels import CHANNELS


@dataclass(frozen=True, slots=True)
class Notified:
    """Who gets this app's alerts, in a sentence, and whether anyone does."""

    text: str
    anyone: bool


def who_is_notified() -> Notified:
    """Return who gets this app's alerts, and what keeps a channel from sending them."""
    found = recipients(freshness.limits())
    if not found:
        text = "No one is notified of failing runs, missing runs or refused records."
        return Notified(f"{text} Enter a recipient in the alert settings.", anyone=False)
    channels = {channel for channel, _ in found}
    faults = {name: fault for name in channels if (fault := CHANNELS[name].setup_fault())}
    why = " ".join(sorted(faults.values()))
    if channels == faults.keys():
        return Notified(f"No one is notified: alerts cannot be sent. {why}", anyone=False)
    unsent = f" Some cannot be sent: {why}" if faults else ""
    return Notified(f"Sent to {number_of(len(found), 'recipient')}.{unsent}", anyone=True)
