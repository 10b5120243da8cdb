"""How each lane stands, for `manage.py status`: what is wrong, since when, and who must act."""

from __future__ import annotations

from collections.abc import Iterator

from registry_sync import runs
from registry_sync.core.text import number_of
from registry_sync.core.types import Json
from registry_sync.management.run_json import time_json, waits_json
from registry_sync.models import Lane
from registry_sync.monitoring import freshness, health
from registry_sync.monitoring.conditions import Condition, check_failing, check_stale
from registry_sync.monitoring.health import HealthState
from registry_sync.monitoring.light import Light, light_of
from registry_sync.reporting.error_groups import ErrorGroup, error_groups

WORDS = {
    HealthState.GOOD: "good", HealthState.NEW: "not started",
    HealthState.ATTENTION: "attention", HealthState.BAD: "bad",
}  # fmt: skip
STATUSES = {"good": 0, "not started": 2, "attention": 2, "bad": 1}
"""The exit status by the worst state."""


def lane_light(
    lane: Lane | None, around: health.Service, names: runs.LaneNames
) -> tuple[Light, Json]:
    """Return a lane's light, and its status (`status` in docs/commands.schema.json).

    Without a lane, none is known.
    """
    found = health.assess_lane(lane, around)
    limits = freshness.limits()
    stale = check_stale(lane, limits)
    state = HealthState.BAD if isinstance(stale, Condition) else found.state
    groups = error_groups(runs.open_errors(lane)) if lane else []
    acts = [_condition(condition) for condition in (check_failing(lane, limits), stale)]
    light = Light.STOPPED if state is HealthState.BAD else light_of(found)
    return light, {
        "lane": names.of(lane) or None,
        "schema_id": lane.schema_id if lane else None,
        "state": WORDS[state],
        "findings": list(_findings(found, stale)),
        "last_good_run": found.last_good.pk if found.last_good else None,
        "last_good_at": time_json(found.last_good.finished_at) if found.last_good else None,
        "active_run": found.active.pk if found.active else None,
        "active_run_waits": waits_json(found.active) if found.active else None,
        "open_errors": found.open_errors,
        "dismissed": found.dismissed,
        "to_do": [*(condition for condition in acts if condition), *map(group_json, groups)],
    }


def service_json(around: health.Service) -> Json:
    """Return what holds for all lanes: settings, installation, schedule and workers."""
    worst = max((finding.state for finding in around.findings), default=HealthState.GOOD)
    return {
        "state": WORDS[worst],
        "findings": [finding.text for finding in around.findings],
    }


def worst_status(states: list[str]) -> int:
    """Return the exit status: 1 if anything is bad, 2 if anything else is not good, else 0."""
    found = {STATUSES[state] for state in states}
    return 1 if 1 in found else max(found, default=0)


def group_json(group: ErrorGroup) -> Json:
    """Return the open errors of one cause as something to do."""
    return {
        "cause": group.code,
        "records": group.count,
        "text": f"{number_of(group.count, 'record')}: {group.title}.",
        "since": time_json(group.first_seen),
        "who": list(group.who),
        "remedy": group.remedy,
    }


def _condition(found: Condition | bool | None) -> Json | None:
    if not isinstance(found, Condition):
        return None
    return {
        "cause": None, "records": None, "text": found.text, "since": time_json(found.since),
        "who": [found.who.rstrip(".")], "remedy": found.remedy,
    }  # fmt: skip


def _findings(found: health.Health, stale: Condition | bool | None) -> Iterator[str]:
    if isinstance(stale, Condition):
        yield stale.text
    if found.findings or not isinstance(stale, Condition):
        yield found.why
    yield from (finding.text for finding in found.others)
