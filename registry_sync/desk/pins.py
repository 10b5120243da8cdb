"""Accepted differences as the desk and the audit show them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from registry_sync.desk.csv_export import field_value
from registry_sync.desk.record_history import Event, Story
from registry_sync.desk.values import as_text
from registry_sync.models import Lane, Pin
from registry_sync.runs import SchemaView, schema_view

CSV_HEADER = (
    "external id", "Benchling id", "field", "value in Benchling", "value in the registry",
    "accepted by", "reason", "accepted at", "ended", "ended at", "ended by", "ended because",
)  # fmt: skip


def sentence(pin: Pin, schema: SchemaView) -> str:
    """Return what was accepted, in one sentence."""
    current, source = (as_text(value, pin.field_id, schema) for value in (pin.theirs, pin.source))
    return f"{pin.field}: Benchling keeps “{current}”, the registry has “{source}”."


def standing_pins(story: Story) -> list[str]:
    """Return the accepted differences of a record that still stand, each as a sentence."""
    schema = schema_view(story.lane)
    rows = Pin.objects.filter(lane=story.lane, external_id=story.external_id, closed_at=None)
    return [
        f"{sentence(pin, schema)} Accepted by {pin.actor} on {pin.created_at:%Y-%m-%d %H:%M} UTC: "
        f"{pin.reason}"
        for pin in rows
    ]


def with_events(story: Story) -> None:
    """Add what was accepted and taken back to a record's history."""
    schema = schema_view(story.lane)
    events = list(story.events)
    for pin in Pin.objects.filter(lane=story.lane, external_id=story.external_id):
        text = f"{sentence(pin, schema)} {pin.reason}"
        events.append(Event(pin.created_at, "difference accepted", "quiet", text, who=pin.actor))
        if pin.closed_at is not None:
            why = f"{pin.field}: {pin.get_ended_display()}. {pin.closed_reason}".strip()
            ended = Event(pin.closed_at, "acceptance ended", "quiet", why, who=pin.closed_by)
            events.append(ended)
    story.events = sorted(events, key=lambda event: event.at, reverse=True)


def pin_rows(pins: Iterable[Pin]) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of the CSV that the registry's owner gets."""
    views: dict[int, SchemaView] = {}
    for pin in pins:
        schema = views.setdefault(pin.lane_id, schema_view(pin.lane))
        yield (
            pin.external_id, pin.entity_id, pin.field,
            field_value(pin.theirs, pin.field_id, schema),
            field_value(pin.source, pin.field_id, schema),
            pin.actor, pin.reason, pin.created_at, pin.get_ended_display(), pin.closed_at,
            pin.closed_by, pin.closed_reason,
        )  # fmt: skip


def audit_lines(lane: Lane, any_id: str) -> Iterator[str]:
    """Yield what was accepted for a record, by its external id or Benchling id, for the audit."""
    schema = schema_view(lane)
    rows = Pin.objects.filter(lane=lane)
    for pin in rows.filter(external_id=any_id) | rows.filter(entity_id=any_id):
        yield (
            f"{pin.created_at:%Y-%m-%d %H:%M:%S} UTC  {pin.external_id}  difference accepted by "
            f"{pin.actor}: {sentence(pin, schema)} {pin.reason}"
        )
        if pin.closed_at is not None:
            who = f" by {pin.closed_by}: {pin.closed_reason}" if pin.closed_by else ""
            yield (
                f"{pin.closed_at:%Y-%m-%d %H:%M:%S} UTC  {pin.external_id}  acceptance of "
                f"{pin.field} ended: {pin.get_ended_display()}{who}"
            )
