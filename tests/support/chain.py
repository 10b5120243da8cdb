"""The audit's chain as someone could rewrite it who has the database, the code and no key."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection

from registry_sync.ledger import chain, digests
from registry_sync.models import ChainHead, ChainLink, Change, Lane


def sql(*statements: str) -> None:
    """Change rows past the service. Tables are named without their prefix, as `{change}`."""
    tables = {name: f"registry_sync_{name}" for name in (
        "change", "chainlink", "chainhead", "retention", "syncrun")}  # fmt: skip
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement.format(**tables))


def relink(lane: Lane, *, sign: bool = False) -> None:
    """Compute every digest again, over whatever rows and links are there now."""
    previous, last_id, rows = lane.mark, -1, 0
    number = 0
    for number, link in enumerate(ChainLink.objects.filter(lane=lane).order_by("number"), 1):
        changes = Change.objects.filter(lane=lane, id__gt=last_id, id__lte=link.last_id)
        link.number = number
        link.rows_digest, link.rows = _rehash(changes.order_by("id"), previous, link)
        link.digest = previous = digests.of_link(link, previous, lane.mark)
        link.save()
        last_id, rows = link.last_id, rows + link.rows
    end = chain.ChainEnd(previous, number, rows)
    if sign:
        chain.move_head(lane, end)
    else:
        ChainHead.objects.filter(lane=lane).update(digest=previous, links=number, rows=rows)


def _rehash(changes: Iterable[Change], previous: str, link: ChainLink) -> tuple[str, int]:
    last, count = b"", 0
    for c in changes:
        how = (c.actor, c.trigger, c.fingerprint, c.service_version)
        written = digests.Written(c.run_id, *how, c.at)
        last = last or digests.first(previous, link.lane.mark, link.number, written)
        entity = digests.entity_part(c.external_id, c.entity_id, c.created, c.source_modified_at)
        own = digests.field_part(c.kind, c.field_id, c.field)
        values = map(digests.canonical_json, (c.before, c.after, c.source))
        last = digests.of_change(last, entity, own, *values)
        Change.objects.filter(pk=c.pk).update(digest=last.hex())
        count += 1
    return last.hex(), count
