"""What the first page shows: the lights of the lanes, the worklist, and the pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from django.http import HttpRequest
from django.utils import timezone

from registry_sync import runs
from registry_sync.core.types import Json
from registry_sync.desk import first_page_charts, lanes, worklist
from registry_sync.desk import run_history as history
from registry_sync.desk.glance import Glance, glance
from registry_sync.desk.run_actions import active_of
from registry_sync.desk.worklist import Overview, WorkCard
from registry_sync.models import Lane, SyncRun
from registry_sync.monitoring import health
from registry_sync.monitoring.alert_recipients import who_is_notified
from registry_sync.monitoring.health import Health
from registry_sync.monitoring.light import Light
from registry_sync.reporting.error_groups import groups_by_lane

DAY = timedelta(days=1)
GOOD_RUN = "The last run that reached its end. It may have refused records or given warnings."
NO_RHYTHM = "Not known. It takes at least 4 scheduled runs at regular intervals to predict it."


def first_page_context(request: HttpRequest) -> Json:
    """Return what the first page shows: of several lanes all at a glance, and one in full."""
    names = lanes.lanes_and_names(request)
    of = lanes.fed_lanes(request, names)
    lane = of[0] if len(of) == 1 else None
    key = lane.pk if lane is not None and names.several else ""
    whole = _overview(names, names.lanes)
    every = worklist.sections(whole, request.user)
    sections = worklist.cards_of_lanes(every, of) if names.several else every
    shown = history.last_runs(lane if names.several else None)
    lanes.name_runs(shown, names)
    days = history.days(lane if names.several else None)
    may_control = request.user.has_perm("registry_sync.change_syncrun")
    glances = _glances(whole, every) if names.several else []
    full = _full(whole, lane, sections) if lane is not None or not names.several else None
    return {
        "title": "Today",
        "around": whole.service,
        "glance": glances,
        "full": full,
        "health": full.health if full else None,
        "lane_name": names.label(lane),
        "lane_key": key,
        "asked_lane": f"?lane={key}" if key else "",
        "notified": whole.notified,
        "good_run": GOOD_RUN,
        "no_rhythm": NO_RHYTHM,
        "sections": sections,
        "all_well": _all_well(sections, [full] if full else glances),
        "last_good": _last_good([full] if full else glances),
        "runs_picture": first_page_charts.runs_picture(shown),
        "days_picture": first_page_charts.days_picture(days),
        "strip": days[-history.STRIP :],
        "may_start": request.user.has_perm("registry_sync.add_syncrun"),
        "controls": controls(of) if names.several and may_control else [],
    }


def controls(of: Sequence[Lane]) -> list[tuple[str, str]]:
    """Return what can be done with the active runs of these lanes: the address, and the word."""
    active = active_of(of)
    is_paused = [run.paused_at is not None for run in active]
    found = [("pause", "Pause")] if not all(is_paused) else []
    found += [("resume", "Resume")] if any(is_paused) else []
    return [*found, ("cancel", "Cancel")] if active else []


def _overview(names: runs.LaneNames, of: Sequence[Lane]) -> Overview:
    """Read what the cards are made from, of these lanes."""
    now, service = timezone.now(), health.assess_service()
    causes = groups_by_lane(of, new_since=now - DAY)
    open_errors = {lane.pk: sum(group.count for group in causes.get(lane.pk, ())) for lane in of}
    found: Mapping[int, Health] = {
        lane.pk: health.assess_lane(lane, service, open_errors=open_errors[lane.pk]) for lane in of
    }
    return Overview(
        names, of, service, found or {0: health.assess_lane(None, service)}, causes,
        who_is_notified(), now, now - DAY,
    )  # fmt: skip


def _glances(overview: Overview, sections: Sequence[worklist.ActorSection]) -> list[Glance]:
    """Return the lanes that are fed now at a glance, in their order."""
    cards, shared = _cards(sections), bool(overview.service.findings)
    return [
        glance(lane, overview.names.of(lane), _around(overview, lane), cards, shared=shared)
        for lane in overview.names.lanes
    ]


def _full(
    overview: Overview, lane: Lane | None, sections: Sequence[worklist.ActorSection]
) -> Glance:
    """Return one lane in full."""
    found = _around(overview, lane)
    return glance(lane, overview.names.label(lane), found, _cards(sections), shared=True)


def _around(overview: Overview, lane: Lane | None) -> Health:
    """Return the health of a lane, with what holds for every lane."""
    return overview.service.added_to(overview.health[lane.pk if lane is not None else 0])


def _cards(sections: Sequence[worklist.ActorSection]) -> list[WorkCard]:
    return [card for section in sections for card in section.cards]


def _all_well(sections: Sequence[worklist.ActorSection], glances: Sequence[Glance]) -> bool:
    """Return whether nothing is to be done today; notes may be there."""
    calm = all(card.gravity is worklist.Gravity.NOTE for card in _cards(sections))
    return calm and bool(glances) and all(each.light is Light.IN_SYNC for each in glances)


def _last_good(glances: Sequence[Glance]) -> SyncRun | None:
    """Return the newest good run of the lanes, or None."""
    found = [each.health.last_good for each in glances if each.health.last_good]
    return max(found, key=lambda run: run.pk, default=None)
