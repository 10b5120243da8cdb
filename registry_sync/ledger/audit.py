"""What an auditor asks of the changes: an entity's history, and where each value came from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from registry_sync.core.readable import EMPTY
from registry_sync.models import Change, Lane, SyncRun
from registry_sync.runs import SchemaView


def history(lane: Lane, any_id: str) -> Iterator[Change]:
    """Return every value ever written for an external id or a Benchling id, oldest first."""
    rows = Change.objects.filter(lane=lane).select_related("run")
    found = rows.filter(external_id=any_id) | rows.filter(entity_id=any_id)
    return found.order_by("id").iterator()


def alike(lane: Lane, external_id: str) -> list[str]:
    """Return written external ids that differ from the given one only in case."""
    rows = Change.objects.filter(lane=lane, external_id__iexact=external_id)
    return list(rows.order_by("external_id").values_list("external_id", flat=True).distinct())


def labels(change: Change, schema: SchemaView, *, empty: str = EMPTY) -> tuple[str, str]:
    """Return the values before and after as people read them.

    Options are shown by the label that was last read, or by their id if none was.
    """
    before = schema.text(change.field_id, change.before, empty=empty)
    after = schema.text(change.field_id, change.after, empty=empty)
    return before, after


class ValueOrigin(NamedTuple):
    """Where a written value came from: its path in the record, its rule, its source value.

    `source` holds one value, or none where a constant, a default or the service supplied it.
    """

    path: str
    rule: Any
    source: list[Any]


def value_origin(change: Change, run: SyncRun) -> ValueOrigin:
    """Return from which source value, and by which mapping, a value was written."""
    source = [change.after] if change.source is None else change.source
    return ValueOrigin(*fed_by(run.mapping_by(change.fingerprint), change.field_id), source)


def fed_by(mapping: dict[str, Any], field_id: str) -> tuple[str, Any]:
    """Return the path and the rule that feed a field in a run's mapping; "" if it is unmapped."""
    if field_id == "name":
        return mapping.get("name", ""), None
    if field_id == "registry id":
        template = mapping.get("registry_id_template", "{id}")
        return mapping.get("id", ""), None if template == "{id}" else template
    for row in mapping.get("rows", ()):
        if row.get("id") == field_id:
            return row["path"], row.get("rule")
    return "", None
