"""What may be overridden: only what stopped a run, so that no override lies armed for months.

The command and the admin's form ask here before they save an Allowance.
"""

from __future__ import annotations

from registry_sync import runs
from registry_sync.models import Allowance, Lane, SyncRun
from registry_sync.sync.plans import second

What = Allowance.What
STOPS = {What.GREAT_CHANGE: "great_change", What.PATH_GONE: "path_gone"}
"""The error code of the runs that each stop fails."""
OF_ONE = (What.IDENTITY, What.DRAWINGS)
"""The guards that stop one record."""


def misfit(what: str, external_id: str) -> str:
    """Return why an external id is missing or not wanted; "" if it fits."""
    if what in OF_ONE and not external_id:
        return f"“{What(what).label}” is overridden for one record: its external id is missing."
    if what not in OF_ONE and external_id:
        return "This guard stops a whole run: only identity and drawings take an external id."
    return ""


def nothing_to_allow(lane: Lane, what: str, external_id: str) -> str:
    """Return why there is nothing to override; "" if there is."""
    if what in OF_ONE:
        return "" if _known(lane, external_id) else (
            f"There is no record {external_id} in {_named(lane)}. Use the id as the error names "
            "it; case matters."
        )  # fmt: skip
    stop = stopped_run(lane, What(what))
    if stop is None:
        return (
            f"No run of {_named(lane)} was stopped by “{What(what).label}” since the last good "
            "one: there is nothing to override."
        )
    unused = Allowance.objects.filter(
        lane=lane, what=what, used_by=None, created_at__gte=stop.created_at
    )
    if (first := unused.order_by("pk").first()) is not None:
        return (
            f"{first.actor} has already overridden it (“{first.reason}”) for the next run. A "
            "second override would also let a later stop pass."
        )
    return ""


def allow(
    lane: Lane, what: Allowance.What, external_id: str, *, actor: str, reason: str
) -> Allowance:
    """Override a guard once. Raises SecondPerson where the lane asks for two people."""
    claim(lane, what, external_id, actor=actor, reason=reason)
    return Allowance.objects.create(
        lane=lane, what=what, external_id=external_id, actor=actor, reason=reason
    )


def claim(lane: Lane, what: Allowance.What, external_id: str, *, actor: str, reason: str) -> None:
    """Return if this person may override now. Raises SecondPerson."""
    of = f" of {external_id}" if external_id else ""
    second.require(
        lane, second.What.ALLOW, {"what": str(what), "external_id": external_id},
        f"Override “{What(what).label}”{of} once.", actor=actor, reason=reason,
    )  # fmt: skip


def _named(lane: Lane) -> str:
    return runs.LaneNames().beside(lane) or str(lane)


def stopped_run(lane: Lane, what: Allowance.What) -> SyncRun | None:
    """Return the run that was stopped and that no good one followed; None if there is none.

    One that failed in between for another cause, such as an unavailable registry, lifts no stop.
    """
    good = runs.good_runs(lane).first()
    stopped = lane.runs.filter(
        status=SyncRun.Status.FAILED, error_code=STOPS[what], pk__gt=good.pk if good else 0
    )
    return stopped.exclude(kind__in=SyncRun.DRY).order_by("-pk").first()


def _known(lane: Lane, external_id: str) -> bool:
    rows = (lane.errors, lane.ledger)
    return any(known.filter(external_id=external_id).exists() for known in rows)
