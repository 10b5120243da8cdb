"""Records whose name, alias or id has what someone typed as a part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q

from registry_sync import runs
from registry_sync.benchling.client import Client
from registry_sync.benchling.entity_reads import as_type
from registry_sync.core.text import name_key
from registry_sync.models import Lane, LedgerEntry

SHORTEST = 3
"""Characters of a part that is looked for."""
MOST = 5
PAGE = "50"
"""Entities that Benchling gives at most: many of them may be other people's."""


@dataclass(frozen=True, slots=True)
class Similar:
    """A record that what was typed may mean; `name` is "" where it is not in Benchling."""

    lane: Lane
    external_id: str
    name: str = ""


def similar_records(typed: str, lanes: Sequence[Lane], client: Client) -> list[Similar]:
    """Return up to one record more than MOST, those with an alias included.

    Raise Refused, SyncError or Wait when Benchling cannot be queried.
    """
    if len(typed) < SHORTEST:
        return []
    found: dict[tuple[int, str], Similar] = {}
    for lane in lanes:
        for match in [*_synced(typed, lane, client), *_refused(typed, lane)]:
            found.setdefault((lane.pk, match.external_id), match)
    return list(found.values())[: MOST + 1]


def _synced(typed: str, lane: Lane, client: Client) -> list[Similar]:
    """Return records in Benchling, by name, alias or registry id.

    https://benchling.com/api/reference (listCustomEntities, nameIncludes)
    """
    with as_type(client, lane.entity_type) as typed_client:
        kind = typed_client.entity_type
        page = typed_client.get(
            kind.endpoint, needs=kind.key, nameIncludes=typed, schemaId=lane.schema_id,
            archiveReason="ANY_ARCHIVED_OR_NOT_ARCHIVED", sort="name:asc", pageSize=PAGE,
        )[kind.key]  # fmt: skip
    order = {str(entity["id"]): n for n, entity in enumerate(page)}
    rows = LedgerEntry.objects.filter(lane=lane, entity_id__in=list(order))
    return [
        Similar(lane, row.external_id, row.name)
        for row in sorted(rows, key=lambda row: order[row.entity_id])[: MOST + 1]
    ]


def _refused(typed: str, lane: Lane) -> list[Similar]:
    """Return refused records, by id or by the name that they want."""
    named = Q(waits_for__in=["name", "benchling name"], waits_key__contains=name_key(typed))
    rows = runs.open_errors(lane).filter(Q(external_id__icontains=typed) | named)
    ids = rows.order_by("external_id").values_list("external_id", flat=True)[: MOST + 1]
    return [Similar(lane, external_id) for external_id in ids]
