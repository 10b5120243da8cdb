"""The history of one record: seen, sent, refused, changed, adopted and drifted, in order.

All of it comes from the database, except for what `with_event` adds. `record_live` requests the
current state.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone

from registry_sync.explain.in_benchling import TenantState, written_values
from registry_sync.ledger import audit
from registry_sync.models import (
    Adoption,
    Allowance,
    Change,
    Drift,
    EntityError,
    Lane,
    LedgerEntry,
    SyncRun,
)

CHANGES = 2000
"""Values shown of one record, the newest ones. `manage.py audit` has all of them."""

OUTCOMES: dict[str, str] = {
    LedgerEntry.Outcome.UPDATED: "changed",
    LedgerEntry.Outcome.FAILED: "refused",
}
"""Where the desk uses another word than the ledger."""

WRITTEN = {"created": "Created in Benchling.", "changed": "Written to Benchling by this app."}
OTHER_KINDS: dict[str, tuple[str, str]] = {
    Change.Kind.ARCHIVED: ("archived", "Archived in Benchling: the record left the registry."),
    Change.Kind.UNARCHIVED: ("unarchived", "Unarchived in Benchling by this app."),
    Change.Kind.MERGED: ("merged", "The record follows the entity that its own was merged into."),
}
"""How changes that are no written values are shown."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One value before and after; `source` is the registry's own, as in Origin."""

    field_id: str
    field: str
    before: Any
    after: Any
    source: list[Any] | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a record; `pill` is how it looks."""

    at: datetime
    what: str
    pill: str
    text: str
    run: SyncRun | None = None
    who: str = ""
    differences: tuple[Difference, ...] = ()
    error: EntityError | None = None


@dataclass(slots=True)
class Story:
    """A record as the database has it: its ledger entry and its events."""

    lane: Lane
    external_id: str
    entry: LedgerEntry | None
    changes: Sequence[Change]
    seen: SyncRun | None = None
    written: SyncRun | None = None
    open_error: EntityError | None = None
    events: list[Event] = field(default_factory=list)
    shortened: bool = False


def history_of(lane: Lane, external_id: str) -> Story:
    """Return one record's history, the newest event first."""
    entry = LedgerEntry.objects.filter(lane=lane, external_id=external_id).first()
    rows = Change.objects.filter(lane=lane, external_id=external_id).select_related("run")
    changes = list(rows.order_by("-id")[: CHANGES + 1])
    story = Story(lane, external_id, entry, changes[:CHANGES], shortened=len(changes) > CHANGES)
    if entry is not None:
        run_ids = [entry.seen_run_id, entry.written_run_id]
        runs = SyncRun.objects.in_bulk([pk for pk in run_ids if pk])
        story.seen = runs.get(entry.seen_run_id or 0)
        story.written = runs.get(entry.written_run_id or 0)
    story.events = sorted(
        [*_written(story), *_refused(story), *_adopted(story), *_drifted(story), *_allowed(story),
         *_seen(story)],
        key=lambda event: event.at, reverse=True,
    )  # fmt: skip
    return story


def _written(story: Story) -> Iterable[Event]:
    """Yield one event for the values that were written together."""
    together: dict[tuple[int, datetime], list[Change]] = {}
    for change in story.changes:
        together.setdefault((change.run_id, change.at), []).append(change)
    for (_, at), changes in together.items():
        first = changes[-1]
        event_name = "created" if first.created else "changed"
        event_name, text = OTHER_KINDS.get(first.kind, (event_name, WRITTEN[event_name]))
        if first.source_modified_at:
            text += f" Modified in the registry on {first.source_modified_at:%Y-%m-%d %H:%M} UTC."
        yield Event(
            at, event_name, "good", text, first.run, first.actor,
            tuple(_difference(change) for change in reversed(changes)),
        )  # fmt: skip


def _difference(change: Change) -> Difference:
    origin = audit.value_origin(change, change.run)
    return Difference(change.field_id, change.field, change.before, change.after, origin.source)


def _refused(story: Story) -> Iterable[Event]:
    rows = EntityError.objects.filter(lane=story.lane, external_id=story.external_id)
    for error in rows.defer("raw").select_related("run", "closed_by_run").order_by("-pk")[:200]:
        # The row names the run that saw it last.
        again = (
            f" Seen {error.times_seen:,} times, first {error.first_seen:%Y-%m-%d %H:%M} UTC."
            if error.times_seen > 1
            else ""
        )
        if error.closed_at is None:
            story.open_error = error
        yield Event(error.last_seen, "refused", "bad", error.message + again, error.run,
                    error=error)  # fmt: skip
        if error.dismissed_at is not None:
            yield Event(error.dismissed_at, "dismissed", "quiet", error.dismissed_reason,
                        who=error.dismissed_by, error=error)  # fmt: skip
        if error.closed_at is not None:
            text = "Resolved: the record synced."
            yield Event(error.closed_at, "resolved", "good", text, error.closed_by_run, error=error)


def _adopted(story: Story) -> Iterable[Event]:
    rows = Adoption.objects.filter(lane=story.lane, external_id=story.external_id)
    for row in rows.select_related("run"):
        whose = f"{row.entity_registry_id or row.entity_id} (“{row.name}”)"
        differences = tuple(Difference(side[0], *side) for side in row.differences)
        text = f"{whose} was already in Benchling: {row.how}."
        yield Event(row.found_at, "matched", "warning", text, differences=differences)
        if row.decided_at is not None:
            yield Event(row.decided_at, "decided", "quiet",
                        f"{whose} may be taken over: {row.reason}", who=row.actor)  # fmt: skip
        if row.run is not None:
            at = row.run.finished_at or row.run.started_at or row.run.created_at
            how = "" if row.actor else " automatically, because every mapped value was the same"
            yield Event(at, "adopted", "good", f"{whose} was taken over{how}.", row.run, row.actor)


def _drifted(story: Story) -> Iterable[Event]:
    rows = Drift.objects.filter(lane=story.lane, external_id=story.external_id)
    for row in rows.select_related("run").order_by("-pk")[:200]:
        text = f"Someone changed it in Benchling on or before {row.modified_at:%Y-%m-%d %H:%M} UTC."
        if row.changed_by and row.changed_at:
            text += f" Benchling's audit log names {row.changed_by}, on "
            text += f"{row.changed_at:%Y-%m-%d %H:%M} UTC."
        found = Difference(row.field_id, row.field, row.ours, row.theirs)
        yield Event(row.found_at, "drifted", "warning", text, row.run, differences=(found,))
        if row.closed_at is not None:
            yield Event(row.closed_at, f"drift {row.get_ended_display()}", "quiet", row.field)


def _allowed(story: Story) -> Iterable[Event]:
    rows = Allowance.objects.filter(lane=story.lane, external_id=story.external_id)
    for row in rows.select_related("used_by"):
        text = f"Override: {row.get_what_display()}. {row.reason}"
        yield Event(row.created_at, "override", "quiet", text, row.used_by, row.actor)


def _seen(story: Story) -> Iterable[Event]:
    entry, run = story.entry, story.seen
    if entry is not None and run is not None and run.started_at is not None:
        outcome = OUTCOMES.get(entry.outcome, entry.outcome) or "not finished yet"
        text = f"{_how_seen(story, run)}; outcome: {outcome}."
        yield Event(run.finished_at or run.started_at, "last seen", "active", text, run, run.actor)


def _how_seen(story: Story, run: SyncRun) -> str:
    """Return where a run had the record from, as far as that is kept."""
    if run.kind == SyncRun.Kind.RETRY:
        return "Tried again from the stored copy, without asking the registry"
    if run.reads_all or run.only or not run.retried:
        return "Received from the registry"
    errors = EntityError.objects.filter(lane=story.lane, external_id=story.external_id)
    was_open = errors.filter(Q(closed_at__isnull=True) | Q(closed_by_run=run)).exists()
    where = "Received from the registry"
    return f"{where} or tried again from the stored copy" if was_open else where


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
