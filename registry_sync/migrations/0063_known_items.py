"""Keep which aliases and authors this app did not add.

Of what was written before, only those are known to be this app's with which an entity was created.
"""

from __future__ import annotations

from typing import Any

from django.db import migrations
from django.db.models import Q

from registry_sync.core.text import name_key

PARTS = ("aliases", "authors")
CHUNK = 400


def find(apps: Any, schema_editor: Any) -> None:
    entry, change = (apps.get_model("registry_sync", name) for name in ("LedgerEntry", "Change"))
    shared = Q(fields__has_key="aliases") | Q(fields__has_key="authors")
    rows = entry.objects.exclude(entity_hash="").filter(shared)
    for lane_id in set(rows.values_list("lane_id", flat=True)):
        last = 0
        while some := list(rows.filter(lane_id=lane_id, pk__gt=last).order_by("pk")[:CHUNK]):
            last = some[-1].pk
            created = _created(change, lane_id, [row.external_id for row in some])
            for row in some:
                found = {part: _found(row, part, created) for part in PARTS}
                row.found_items = {part: items for part, items in found.items() if items} or None
            entry.objects.bulk_update([row for row in some if row.found_items], ["found_items"])


def _created(change: Any, lane_id: int, external_ids: list[str]) -> dict[tuple[str, str], Any]:
    """Return the lists with which entities were created, the last time."""
    rows = change.objects.filter(lane_id=lane_id, external_id__in=external_ids, created=True)
    rows = rows.filter(field_id__in=PARTS).order_by("pk")
    return {(row.external_id, row.field_id): row.after for row in rows}


def _found(row: Any, part: str, created: dict[tuple[str, str], Any]) -> list[str]:
    held = row.fields.get(part)
    if not isinstance(held, list):
        return []
    ours = created.get((row.external_id, part))
    return sorted(_keys(held) - _keys(ours if isinstance(ours, list) else []))


def _keys(items: list[Any]) -> set[str]:
    return {name_key(item) for item in items if isinstance(item, str)}


class Migration(migrations.Migration):
    dependencies = [("registry_sync", "0062_found_items")]

    operations = [migrations.RunPython(find, migrations.RunPython.noop)]
