"""Accepted differences in the signed CSV: one row when one begins, one when it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from registry_sync.ledger.signed_entries import entry_digest, keys_by_kind
from registry_sync.models import Pin
from registry_sync.runs import SchemaView

ACCEPTED, ENDED = "accepted", "acceptance ended"
PREFIX = {ACCEPTED: "accepted-", ENDED: "ended-"}
"""Beginnings of the ids of such rows; changes have numbers."""


@dataclass(frozen=True, slots=True)
class PinEntry:
    """The beginning or the end of an accepted difference."""

    pin: Pin
    kind: str

    @property
    def lane_id(self) -> int:
        return self.pin.lane_id

    @property
    def at(self) -> datetime | None:
        return self.pin.created_at if self.kind == ACCEPTED else self.pin.closed_at

    @property
    def actor(self) -> str:
        return self.pin.actor if self.kind == ACCEPTED else self.pin.closed_by

    @property
    def reason(self) -> str:
        """Return why, in the words of who decided it."""
        if self.kind == ACCEPTED:
            return self.pin.reason
        return f"{self.pin.get_ended_display()}. {self.pin.closed_reason}".strip()

    def cells(self, lane: str) -> dict[str, Any]:
        """Return the row's cells by column. The registry's value stands before Benchling's."""
        pin = self.pin
        return {
            "id": f"{PREFIX[self.kind]}{pin.pk}", "lane": lane, "external_id": pin.external_id,
            "entity_id": pin.entity_id, "field_id": pin.field_id, "field": pin.field,
            "before": json.dumps(pin.source), "after": json.dumps(pin.theirs),
            "actor": self.actor, "at": self.at, "digest": self.digest(),
        }  # fmt: skip

    def labels(self, schema: SchemaView) -> tuple[str, str]:
        """Return both values as people read them."""
        pin = self.pin
        return (
            schema.text(pin.field_id, pin.source, empty=""),
            schema.text(pin.field_id, pin.theirs, empty=""),
        )

    def digest(self) -> str:
        """Return the SHA-256 of what the row says, as 64 hex characters."""
        pin, at = self.pin, self.at
        values = [
            self.kind, pin.lane_id, pin.external_id, pin.entity_id, pin.field_id, pin.source,
            pin.theirs, self.actor, self.reason, at.timestamp() if at else None,
        ]  # fmt: skip
        return entry_digest(values)


def pin_entries(since: datetime, until: datetime) -> Iterator[PinEntry]:
    """Yield what was accepted in a period, then the acceptances that ended in it."""
    rows = Pin.objects.order_by("pk")
    for pin in rows.filter(created_at__gte=since, created_at__lt=until).iterator(2000):
        yield PinEntry(pin, ACCEPTED)
    for pin in rows.filter(closed_at__gte=since, closed_at__lt=until).iterator(2000):
        yield PinEntry(pin, ENDED)


def held_pins(row_ids: Sequence[str]) -> dict[str, tuple[int, str]]:
    """Return the lane and the digest that these rows would have now, by their ids."""
    return {
        f"{PREFIX[kind]}{pin.pk}": (pin.lane_id, PinEntry(pin, kind).digest())
        for kind, keys in keys_by_kind(row_ids, PREFIX)
        for pin in Pin.objects.filter(pk__in=keys)
    }
