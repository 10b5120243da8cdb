"""Cards for runs that stopped, wait for someone, or warned of something."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from registry_sync import runs
from registry_sync.core.text import number_of
from registry_sync.core.types import Json
from registry_sync.desk import cures
from registry_sync.desk.worklist.base import (
    CardKind,
    Gravity,
    Overview,
    WorkCard,
    actor_or,
    link,
    press,
    start_press,
)
from registry_sync.models import SyncRun
from registry_sync.monitoring.health import Health, HealthState
from registry_sync.monitoring.lane_runs import runs_of
from registry_sync.reporting.catalogue import run_actor_key, run_failure, warning_cause

Status = SyncRun.Status
OWN_CARDS = frozenset({"adoption", "drift", "withdrawals_staged", "withdrawn"})
"""Warnings about what waits for a decision, which has a card of its own."""
COUNTED = 1000
"""Failed runs that are counted at most."""


class Stops(CardKind):
    """The run by which a lane is judged failed before it was through."""

    name = "stops"

    def cards(self, overview: Overview) -> Iterable[WorkCard]:
        """Return a card for each such run, once."""
        for health, run in of_runs((health, health.last) for health in overview.health.values()):
            if run.status == Status.FAILED:
                yield self._card(overview, health, run)

    def _card(self, overview: Overview, health: Health, run: SyncRun) -> WorkCard:
        count, since = self._failures(health, run)
        lane = health.lane if run.lane_id else None
        again = ("dry-run", "Dry run again") if run.dry_run else ("sync", "Sync again")
        return WorkCard(
            title=f"Run {run.pk} stopped: {run_failure(run.error_code).title}",
            gravity=Gravity.STOPPED,
            actors=(run_actor_key(run.error_code, run.error_kind),),
            text=" ".join(filter(None, (run.error, run.remedy, reach(run), count))),
            lane=lane,
            since=since,
            address=link("syncrun_change", run.pk),
            presses=(
                *(cures.all_of(health.lane, run.error_code) if health.lane else ()),
                start_press(*again, overview.of_lane(lane)),
            ),
        )

    def _failures(self, health: Health, run: SyncRun) -> tuple[str, datetime]:
        """Return how many runs have failed in a row, and since when."""
        after = health.last_good.pk if health.last_good else 0
        rows = runs_of(health.lane).filter(status=Status.FAILED, pk__gt=after)
        if not run.dry_run:
            rows = rows.exclude(kind__in=SyncRun.DRY)
        first = rows.order_by("pk").values_list("created_at", flat=True).first()
        count = rows.order_by()[:COUNTED].count()
        more = " or more" if count == COUNTED else ""
        sentence = f"{count:,}{more} runs have failed since the last good one." if count > 1 else ""
        return sentence, first or run.created_at


class Cancelled(CardKind):
    """Someone cancelled a run of all records, and none has come after it."""

    name = "cancelled"

    def cards(self, overview: Overview) -> Iterable[WorkCard]:
        """Return a card for each lane whose newest run of all records was cancelled."""
        for health, run in of_runs((each, _cancelled(each)) for each in overview.health.values()):
            lane = health.lane if run.lane_id else None
            yield WorkCard(
                title=f"Run {run.pk} was cancelled",
                gravity=Gravity.NOTE,
                actors=("mapping",),
                text=f"{reach(run)} The next run does the rest.",
                lane=lane,
                since=run.finished_at,
                address=link("syncrun_change", run.pk),
                presses=(start_press("sync", "Sync now", overview.of_lane(lane)),),
            )


class Paused(CardKind):
    """A run waits until someone resumes it."""

    name = "paused"

    def cards(self, overview: Overview) -> Iterable[WorkCard]:
        """Return a card for each paused run."""
        for health, run in of_runs((each, each.active) for each in overview.health.values()):
            if run.paused_at is None:
                continue
            why = f"“{run.paused_reason}”" if run.paused_reason else "no reason was given"
            yield WorkCard(
                title=f"Run {run.pk} is paused",
                gravity=Gravity.WAITING,
                actors=("mapping",),
                text=f"Paused by {run.paused_by}: {why}. It blocks other runs.",
                lane=health.lane if run.lane_id else None,
                since=run.paused_at,
                address=link("syncrun_change", run.pk),
                presses=(
                    press(
                        "Resume", link("syncrun_do", run.pk, "resume"), "change_syncrun", asks=True
                    ),
                    press(
                        "Cancel", link("syncrun_do", run.pk, "cancel"), "change_syncrun", asks=True
                    ),
                ),
            )


class Beginning(CardKind):
    """A lane that no run has read as a whole yet."""

    name = "beginning"

    def cards(self, overview: Overview) -> Iterable[WorkCard]:
        """Return a card for each lane that still begins."""
        for health in overview.health.values():
            failed = health.last is not None and health.last.status == Status.FAILED
            if health.last_good is None and health.active is None and not failed:
                yield self._card(overview, health)

    def _card(self, overview: Overview, health: Health) -> WorkCard:
        query = overview.of_lane(health.lane)
        sync, dry = start_press("sync", "Sync now", query), start_press("dry-run", "Dry run", query)
        is_new = any(finding.state is HealthState.NEW for finding in health.findings)
        return WorkCard(
            title="No sync yet" if is_new else "Not read completely yet",
            gravity=Gravity.WAITING if is_new else Gravity.BEHIND,
            actors=("mapping",),
            text="A dry run reads everything and writes nothing. A sync writes." if is_new else "",
            lane=health.lane,
            presses=(dry, sync) if is_new else (sync,),
        )


class Warnings(CardKind):
    """What the last run warned of, unless it waits for a decision."""

    name = "warnings"

    def cards(self, overview: Overview) -> Iterable[WorkCard]:
        """Return a card for each code that the last run of a lane warned of."""
        for health, run in of_runs((each, each.last) for each in overview.health.values()):
            if run.status != Status.COMPLETED_WITH_WARNINGS or run.dry_run:
                continue
            by_code: dict[str, list[Json]] = {}
            for warning in run.warnings:
                if warning["code"] not in OWN_CARDS:
                    by_code.setdefault(str(warning["code"]), []).append(warning)
            for code, warnings in by_code.items():
                yield self._card(health, run, code, [str(each["text"]) for each in warnings])

    def _card(self, health: Health, run: SyncRun, code: str, texts: list[str]) -> WorkCard:
        cause = warning_cause(code)
        more = f" And {number_of(len(texts) - 3, 'more')}." if len(texts) > 3 else ""
        return WorkCard(
            title=f"Run {run.pk} warned: {cause.title}",
            gravity=Gravity.BEHIND,
            actors=actor_or(cause.actors, "mapping"),
            text=" ".join(texts[:3]) + more,
            lane=health.lane if run.lane_id else None,
            since=run.finished_at,
            address=link("syncrun_change", run.pk),
            presses=tuple(cures.all_of(health.lane, code)) if health.lane else (),
        )


def of_runs(found: Iterable[tuple[Health, SyncRun | None]]) -> Iterator[tuple[Health, SyncRun]]:
    """Yield each run once: one that never found its lane counts for every lane."""
    seen: set[int] = set()
    for health, run in found:
        if run is not None and run.pk not in seen:
            seen.add(run.pk)
            yield health, run


def reach(run: SyncRun) -> str:
    """Return how far a run came before it stopped."""
    if not run.read:
        return "It stopped before it read a record."
    if run.dry_run:
        return f"It stopped after {number_of(run.read, 'record')}."
    written = run.created + run.updated
    return f"It stopped after {number_of(run.read, 'record')}, {written:,} of them written."


def _cancelled(health: Health) -> SyncRun | None:
    after = health.last.pk if health.last else 0
    rows = runs_of(health.lane).filter(status=Status.CANCELLED, pk__gt=after)
    if health.active is not None:
        return None
    return runs.whole_runs(rows).order_by("-pk").first()
