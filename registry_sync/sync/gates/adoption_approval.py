"""What people approve: entities that the next run takes over, each for one record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from registry_sync import runs
from registry_sync.models import Adoption, Lane

State = Adoption.State
ONCE = (
    "An entity can be taken over for one record only, and a record can take over only one entity."
)


class ApprovedTwice(Exception):
    """Some entities, or their records, are approved otherwise already; the text says which."""


def approve(rows: Iterable[Adoption], *, actor: str, reason: str) -> int:
    """Let the next run take these entities over; return how many. Archived ones are left out.

    Raise ApprovedTwice where `conflict_of` says why they cannot be.
    """
    chosen = [row for row in rows if row.how in Adoption.ADOPTABLE]
    with transaction.atomic():
        rivals = _rivals_of(chosen).filter(state__in=(State.OPEN, State.APPROVED)).order_by("pk")
        # Of two people who approve at once, the second one waits here.
        list(rivals.select_for_update().values_list("pk"))
        if conflict := conflict_of(chosen):
            raise ApprovedTwice(conflict)
        still_open = Adoption.objects.filter(pk__among=_pks(chosen), state=State.OPEN)
        return still_open.update(
            state=State.APPROVED, actor=actor, reason=reason, decided_at=timezone.now(), note=""
        )


def taken_over(count: int) -> str:
    """Return what will happen to entities that were approved, as a sentence."""
    return f"{count:,} {'entity is' if count == 1 else 'entities are'} taken over by the next run."


def conflict_of(rows: Sequence[Adoption]) -> str:
    """Return in sentences why these cannot all be approved; "" if they can.

    Two of them may be of one entity or record, or one was approved with another before.
    """
    records, entities = set[tuple[int, str]](), set[str]()
    for row in rows:
        if row.entity_id in entities or (row.lane_id, row.external_id) in records:
            return f"{_label(row)} was chosen together with a conflicting one. {ONCE}"
        records.add((row.lane_id, row.external_id))
        entities.add(row.entity_id)
    approved = _rivals_of(rows).filter(state=State.APPROVED).exclude(pk__among=_pks(rows))
    for before in approved.select_related("lane").order_by("pk"):
        is_rival = before.entity_id in entities or (before.lane_id, before.external_id) in records
        if is_rival and not _is_stale(before):
            by = f" by {before.actor}" if before.actor else ""
            return f"{_label(before)} was already approved for {before.external_id}{by}. {ONCE}"
    return ""


def _rivals_of(rows: Iterable[Adoption]) -> QuerySet[Adoption]:
    """Return what is of the same entities, or of records with the same ids, in all lanes."""
    rows = list(rows)
    of_entities = Q(entity_id__among=[row.entity_id for row in rows])
    of_records = Q(external_id__among=[row.external_id for row in rows])
    lanes = Lane.objects.of_app().values("pk")
    return Adoption.objects.filter(of_entities | of_records, lane__in=lanes)


def _is_stale(row: Adoption) -> bool:
    """Return whether a run had the chance to do what was approved: its record is gone, say."""
    if row.decided_at is None:
        return False
    return runs.good_runs(row.lane).filter(started_at__gt=row.decided_at).exists()


def _pks(rows: Iterable[Adoption]) -> list[int]:
    return [row.pk for row in rows]


def _label(row: Adoption) -> str:
    return row.entity_registry_id or row.entity_id
