"""What may be overridden: only what stopped a run, so that no override lies armed for months.

The command and the admin's form ask here before they save an Allowance.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from django.db import transaction
from django.db.models import QuerySet

from registry_sync import runs
from registry_sync.core.problems import SyncError
from registry_sync.core.types import Json
from registry_sync.models import Allowance, Lane, Proposal, SyncRun
from registry_sync.sync.plans import proposals
from registry_sync.sync.plans.proposals import Consent, Person

What = Allowance.What
STOPS = {What.GREAT_CHANGE: "great_change", What.PATH_GONE: "path_gone"}
"""The error code of the runs that each stop fails."""
OF_ONE = (What.IDENTITY, What.DRAWINGS)
"""The guards that stop one record."""


class Overridden(SyncError):
    """Someone else has overridden the same in the meantime, or nothing stops it any more."""


def misfit(what: str, external_id: str) -> str:
    """Return why an external id is missing or not wanted; "" if it fits."""
    if what in OF_ONE and not external_id:
        return f"“{What(what).label}” is overridden for one record: its external id is missing."
    if what not in OF_ONE and external_id:
        return "This guard stops a whole run: only identity and drawings take an external id."
    return ""


def nothing_to_allow(lane: Lane, what: str, external_id: str) -> str:
    """Return why there is nothing to override; "" if there is."""
    unused = Allowance.objects.filter(lane=lane, what=what, external_id=external_id, used_by=None)
    if what in OF_ONE:
        if not _is_known(lane, external_id):
            return (
                f"There is no record {external_id} in {_named(lane)}. Use the id as the error "
                "names it; case matters."
            )
        return _armed(unused.order_by("pk").first())
    stop = stopped_run(lane, What(what))
    if stop is None:
        return (
            f"No run of {_named(lane)} was stopped by “{What(what).label}” since the last good "
            "one: there is nothing to override."
        )
    since = unused.filter(created_at__gte=stop.created_at).order_by("pk")
    return _armed(next((row for row in since if row.covers(stop.lost_paths or ())), None))


def _armed(first: Allowance | None) -> str:
    """Return that an override waits to be used; "" if there is none."""
    return "" if first is None else (
        f"{first.actor} has already overridden it (“{first.reason}”) for the next run. A second "
        "override would also let a later stop pass."
    )  # fmt: skip


def allow(
    lane: Lane, what: Allowance.What, external_id: str, *, by: Person, reason: str
) -> Allowance:
    """Override a guard once. Raise SecondPerson where the lane requires two people."""
    consent = override_consent(lane, what, external_id, by=by, reason=reason)
    with transaction.atomic():
        lock_lane_of(lane, what, external_id)
        consent.use()
        return Allowance.objects.create(
            lane=lane, what=what, external_id=external_id, actor=by.name, reason=reason,
            paths=lost_paths(lane, what),
        )  # fmt: skip


def allow_records(
    lane: Lane, what: Allowance.What, ids: Collection[str], *, by: Person, reason: str
) -> set[str]:
    """Override a guard once for some refused records; return for which it is overridden then.

    Where the lane requires two people, the others are proposed, or were before. The number of
    queries does not grow with that of the records.
    """
    with transaction.atomic():
        _lock(lane)
        unused = Allowance.objects.filter(lane=lane, what=what, used_by=None)
        armed = set(unused.filter(external_id__among=ids).values_list("external_id", flat=True))
        errors = lane.errors.filter(external_id__among=ids, closed_at__isnull=True)
        forms = dict(errors.values_list("external_id", "raw_hash"))
        actions = [
            _action(lane, what, _of_record(what, each, forms.get(each, "")), f" of {each}")
            for each in ids
            if each not in armed  # a second one would stay armed
        ]
        able = proposals.settle(lane, actions, by=by, reason=reason)
        overrides = Allowance.objects.bulk_create(
            Allowance(
                lane=lane, what=what, external_id=action.subject["external_id"], actor=by.name,
                reason=reason,
            )
            for action in able
        )  # fmt: skip
    return armed | {row.external_id for row in overrides}


def lock_lane_of(lane: Lane, what: str, external_id: str) -> None:
    """Lock the lane in the transaction that overrides. Raise Overridden if it was done."""
    _lock(lane)
    if fault := nothing_to_allow(lane, what, external_id):
        raise Overridden(fault, remedy="Reload the page and check.", kind="mapping", code="taken")


def _lock(lane: Lane) -> None:
    list(Lane.objects.select_for_update(no_key=True).filter(pk=lane.pk))


def lost_paths(lane: Lane, what: str) -> list[str] | None:
    """Return the paths whose lack stopped the lane, so that no override lets more be missing."""
    stop = stopped_run(lane, What(what)) if what == What.PATH_GONE else None
    return None if stop is None else stop.lost_paths


def override_consent(
    lane: Lane, what: Allowance.What, external_id: str, *, by: Person, reason: str
) -> Consent:
    """Return the consent with which this person may override now. Raise SecondPerson."""
    of = f" of {external_id}" if external_id else ""
    if lost := lost_paths(lane, what):
        of = f" ({', '.join(lost)})"
    action = _action(lane, what, subject(lane, what, external_id), of)
    check = partial(lock_lane_of, lane, what, external_id)
    return proposals.request_consent([action], by=by, reason=reason, check=check)


def _action(lane: Lane, what: Allowance.What, subject: Json, of: str) -> proposals.ProposedAction:
    text = f"Override “{what.label}”{of} once."
    return proposals.ProposedAction(lane, proposals.What.ALLOW, subject, text)


def subject(lane: Lane, what: Allowance.What, external_id: str) -> Json:
    """Return what exactly an override is about, so that no one confirms another stop.

    A stop stands from the run that it stopped first until a good one: what the schedule repeats is
    the same stop, unless other paths are missing. A record's is that of the form in which it was
    refused.
    """
    if what in OF_ONE:
        errors = lane.errors.filter(external_id=external_id, closed_at__isnull=True)
        form = errors.values_list("raw_hash", flat=True).first() or ""
        return _of_record(what, external_id, form)
    found: Json = {"what": str(what), "external_id": external_id}
    if lost := lost_paths(lane, what):
        found |= {"paths": lost}
    first = _stopped_runs(lane, what).order_by("pk").first()
    return found | {"run": first.pk if first is not None else None}


def _of_record(what: str, external_id: str, form: str) -> Json:
    return {"what": str(what), "external_id": external_id, "form": form}


def stop_of(row: Proposal) -> int | None:
    """Return the id of the run that shows what an override is about: the last one stopped."""
    if (what := What(row.subject["what"])) in OF_ONE:
        return None
    stop = stopped_run(row.lane, what) if row.state == proposals.State.OPEN else None
    return row.subject.get("run") if stop is None else stop.pk


def why_outdated(row: Proposal) -> str:
    """Return why a proposed override is one no more; "" if it still is."""
    what, external_id = What(row.subject["what"]), row.subject["external_id"]
    if row.subject != subject(row.lane, what, external_id):
        return "What it would override is over, or is another stop now."
    return nothing_to_allow(row.lane, what, external_id)


def void_outdated(lane: Lane) -> None:
    """Void what was proposed about stops that are over, after a run."""
    rows = Proposal.objects.filter(lane=lane, what=proposals.What.ALLOW, state=proposals.State.OPEN)
    for row in rows.select_related("lane"):
        if fault := why_outdated(row):
            proposals.void_proposal(row, fault)


def _named(lane: Lane) -> str:
    return runs.LaneNames().label(lane) or str(lane)


def stopped_run(lane: Lane, what: Allowance.What) -> SyncRun | None:
    """Return the run that was stopped and that no good one followed; None if there is none.

    One that failed in between for another cause, such as an unavailable registry, lifts no stop.
    """
    return _stopped_runs(lane, what).order_by("-pk").first()


def _stopped_runs(lane: Lane, what: Allowance.What) -> QuerySet[SyncRun]:
    good = runs.good_runs(lane).first()
    stopped = lane.runs.filter(
        status=SyncRun.Status.FAILED, error_code=STOPS[what], pk__gt=good.pk if good else 0
    )
    return stopped.exclude(kind__in=SyncRun.DRY)


def _is_known(lane: Lane, external_id: str) -> bool:
    rows = (lane.errors, lane.ledger)
    return any(queryset.filter(external_id=external_id).exists() for queryset in rows)
