"""Decisions about what left the registry: archive it, keep it in use, or undo an archive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from registry_sync import runs
from registry_sync.benchling import archiving
from registry_sync.benchling.errors import Refused, Wait
from registry_sync.core.problems import SyncError
from registry_sync.core.text import number_of
from registry_sync.models import Lane, Withdrawal
from registry_sync.sync.clients import impatient_client
from registry_sync.sync.plans import proposals
from registry_sync.sync.plans.proposals import Person
from registry_sync.sync.withdrawals.incoming_links import incoming_links

State = Withdrawal.State
UNDOABLE = (State.ARCHIVED,)
COUNTED = 2000
"""Entities whose containers are counted before a decision."""
NAMED = 10
"""Entities that a sentence names."""


def open_withdrawals(lanes: Iterable[Lane]) -> QuerySet[Withdrawal]:
    """Return the open withdrawals of some lanes."""
    rows = Withdrawal.objects.filter(lane__in=list(lanes), closed_at__isnull=True)
    return rows.select_related("lane").order_by("lane_id", "pk")


def release_withdrawals(rows: QuerySet[Withdrawal], *, by: Person, reason: str) -> list[Withdrawal]:
    """Let entities be archived by the next run; return the withdrawals that could be released.

    Raise SecondPerson where a lane requires two people: then nothing is released in any lane.
    """
    able = rows.filter(state__in=Withdrawal.RELEASABLE, closed_at__isnull=True)
    lanes: dict[Lane, list[Withdrawal]] = {}
    for row in able.select_related("lane").order_by("pk"):
        lanes.setdefault(row.lane, []).append(row)
    wants = [_release_wanted(lane, of_lane) for lane, of_lane in lanes.items()]
    consent = proposals.request_consent(wants, by=by, reason=reason)
    chosen = Withdrawal.objects.filter(
        pk__in=[row.pk for of_lane in lanes.values() for row in of_lane]
    )
    with transaction.atomic():
        consent.use()
        return _decide(
            chosen.filter(state__in=Withdrawal.RELEASABLE), State.RELEASED, by.name, reason
        )


def _release_wanted(lane: Lane, rows: Sequence[Withdrawal]) -> proposals.ProposedAction:
    named = ", ".join(row.entity_registry_id or row.external_id for row in rows[:10])
    more = f" and {len(rows) - 10:,} more" if len(rows) > 10 else ""
    return proposals.ProposedAction(
        lane, proposals.What.RELEASE, {"withdrawals": [row.pk for row in rows]},
        f"Archive {number_of(len(rows), 'entity', 'entities')}: {named}{more}.",
    )  # fmt: skip


def keep_in_use(rows: QuerySet[Withdrawal], *, by: Person, reason: str) -> list[Withdrawal]:
    """Decide that entities stay in use; return the withdrawals for which that was possible."""
    return _decide(rows.filter(state__in=Withdrawal.KEEPABLE), State.KEPT, by.name, reason)


def undo(rows: QuerySet[Withdrawal], *, by: Person, reason: str) -> list[Withdrawal]:
    """Let this app's archives be undone by the next run; return those that can be."""
    return _decide(rows.filter(state__in=UNDOABLE), State.UNDO, by.name, reason)


def _decide(rows: QuerySet[Withdrawal], to: str, actor: str, reason: str) -> list[Withdrawal]:
    """Give rows a state, all at once; leave out what a run acted on since it was shown.

    What a run noted about the state before goes with it.
    """
    chosen = list(rows.filter(closed_at__isnull=True).select_related("lane"))
    values = {"actor": actor, "decision": reason, "decided_at": timezone.now(), "state": to}
    values["note"] = values["kept_for"] = ""
    same = Withdrawal.objects.filter(pk__among=[row.pk for row in chosen], closed_at__isnull=True)
    with transaction.atomic():
        states = dict(same.order_by("pk").select_for_update().values_list("pk", "state"))
        decided = [row for row in chosen if states.get(row.pk) == row.state]
        Withdrawal.objects.filter(pk__among=[row.pk for row in decided]).update(**values)
    for row in decided:
        row.state = to
    return decided


def by_lane(rows: Iterable[Withdrawal]) -> dict[Lane, list[str]]:
    """Return the external ids of some withdrawals, by lane."""
    found: dict[Lane, list[str]] = {}
    for row in rows:
        found.setdefault(row.lane, []).append(row.external_id)
    return found


def counts_by_lane(rows: Iterable[Withdrawal], *, archived: bool) -> list[str]:
    """Return how many entities of each lane are decided about; `archived`: and the reason."""
    names, found = runs.LaneNames(), []
    for lane, ids in by_lane(rows).items():
        of = f" of {names.of(lane)}" if names.label(lane) else ""
        purpose = f", to be archived as “{lane.withdrawn_reason}”" if archived else ""
        found.append(f"{number_of(len(ids), 'entity', 'entities')}{of}{purpose}.")
    return found


def archive_facts(rows: Sequence[Withdrawal]) -> list[str]:
    """Return what archiving these entities would mean: containers that hold them, and links.

    The containers are counted in Benchling now. Both are kept with each withdrawal.
    """
    sentences: list[str] = []
    lanes: dict[Lane, list[Withdrawal]] = {}
    for row in rows[:COUNTED]:
        lanes.setdefault(row.lane, []).append(row)
    for lane, of_lane in lanes.items():
        sentences += [*_containers(lane, of_lane), *_links(lane, of_lane)]
    if len(rows) > COUNTED:
        sentences.append(f"Containers and links were looked up for the first {COUNTED:,} only.")
    return sentences


def _containers(lane: Lane, rows: Sequence[Withdrawal]) -> list[str]:
    client = impatient_client()
    client.entity_type = lane.entity_type
    try:
        containers = archiving.containers_of(client, [row.entity_id for row in rows])
    except (Refused, SyncError, Wait) as error:
        return [f"Benchling does not show which containers hold these entities: {error}"]
    _keep(rows, "containers", {row.pk: containers[row.entity_id] for row in rows})
    in_containers = [row for row in rows if row.containers]
    if not in_containers:
        return ["No container holds any of these entities."]
    named = _first(
        f"{row.entity_registry_id} ({number_of(row.containers or 0, 'container')})"
        for row in in_containers
    )
    return [f"Containers hold {number_of(len(in_containers), 'entity', 'entities')}: {named}."]


def _links(lane: Lane, rows: Sequence[Withdrawal]) -> list[str]:
    links = incoming_links([row.entity_registry_id for row in rows], lane)
    _keep(rows, "links", {row.pk: links.get(row.entity_registry_id, []) for row in rows})
    linked = [row for row in rows if row.links]
    named = _first(f"{row.entity_registry_id} (from {', '.join(row.links)})" for row in linked)
    count = number_of(len(linked), "of these entities", "of these entities")
    return [f"Entities in use link to {count}: {named}."] if linked else []


def _keep(rows: Iterable[Withdrawal], name: str, values: Mapping[int, Any]) -> None:
    """Keep what was found out about rows, those alone that it changes."""
    changed = [row for row in rows if getattr(row, name) != values[row.pk]]
    for row in changed:
        setattr(row, name, values[row.pk])
    Withdrawal.objects.bulk_update(changed, [name], batch_size=500)


def _first(named: Iterable[str]) -> str:
    """Return the first items in words; each is also in the list of all rows."""
    items = list(named)
    more = f" and {len(items) - NAMED:,} more, named below" if len(items) > NAMED else ""
    return ", ".join(items[:NAMED]) + more
