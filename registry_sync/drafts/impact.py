"""What a mapping would do to records against today: counts, values by field, and examples.

Held against the ledger, which knows what this app wrote to Benchling. Grows with the mapping,
not with the registry: of records, ids and values it keeps a fixed number.
"""

from __future__ import annotations

from collections.abc import Sequence

from registry_sync.core.problems import Problem
from registry_sync.core.text import storable
from registry_sync.core.types import Json
from registry_sync.drafts.row_preview import example_of, text_of
from registry_sync.mapping.model import Entity, Mapping
from registry_sync.mapping.tombstones import is_tombstone
from registry_sync.mapping.transform import transform
from registry_sync.mapping.values import same
from registry_sync.models import Lane, LedgerEntry
from registry_sync.source.client import Source
from registry_sync.source.paths import ABSENT
from registry_sync.sync.setup import Sides

ROWS, EXAMPLES, IDS, CAUSES = 100, 3, 5, 100
ROWS_OF = {"refused": 50, "changed": 30, "new": 10, "unchanged": 10}
"""Of each sort, how many records are shown in full."""


def empty(mapping: Mapping) -> Json:
    """Begin a forecast."""
    fields = [
        {"id": m.field.id, "name": m.field.name, "path": m.path, "filled": 0, "changed": 0,
         "refused": 0, "examples": []}
        for m in mapping.fields
    ]  # fmt: skip
    counts = dict.fromkeys(("read", "new", "changed", "unchanged", "refused", "renamed"), 0)
    return {**counts, "fields": fields, "causes": [], "rows": []}


def add(
    found: Json,
    records: Sequence[Json],
    mapping: Mapping,
    source: Source,
    sides: Sides,
    lane: Lane | None,
) -> None:
    """Add some records to a forecast."""
    ids = [source.identify(record) for record in records]
    held = _held(lane, [id_ for id_ in ids if id_])
    for external_id, record in zip(ids, records, strict=True):
        found["read"] += 1
        if external_id is None:
            _count_problem(found, _no_id(sides), "")
            found["refused"] += 1
            continue
        if is_tombstone(record, mapping):  # nothing is written for it
            found["unchanged"] += 1
            continue
        done = transform(record, external_id, mapping)
        if done.entity is None:
            sort = "refused"
            for problem in done.problems:
                _count_problem(found, problem, external_id)
        else:
            sort = _compare(found, external_id, done.entity, held.get(external_id), mapping)
        found[sort] += 1
        _show(found, sort, external_id, record, mapping, done.entity)


def _held(lane: Lane | None, ids: Sequence[str]) -> dict[str, tuple[str, Json]]:
    if lane is None:
        return {}
    rows = LedgerEntry.objects.filter(lane=lane, external_id__among=ids).exclude(entity_hash="")
    return {id_: (name, fields) for id_, name, fields in
            rows.values_list("external_id", "name", "fields")}  # fmt: skip


def _compare(
    found: Json, external_id: str, entity: Entity, held: tuple[str, Json] | None, mapping: Mapping
) -> str:
    """Count what would change of one entity, field by field."""
    name, values = held or ("", {})
    differs = held is not None and name != entity.name
    found["renamed"] += differs
    for mapped, field in zip(mapping.fields, found["fields"], strict=True):
        value = entity.fields.get(mapped.field.id, ABSENT)
        if value is ABSENT:
            continue
        field["filled"] += value not in (None, [])
        before = values.get(mapped.field.id)
        if held is not None and not same(before, value) and (before or value):
            differs = True
            field["changed"] += 1
            if len(field["examples"]) < EXAMPLES:
                texts = (text_of(before, mapped.field), text_of(value, mapped.field))
                field["examples"].append([external_id, *storable(list(texts))])
    if held is None:
        return "new"
    return "changed" if differs else "unchanged"


def _count_problem(found: Json, problem: Problem, external_id: str) -> None:
    for field in found["fields"]:
        field["refused"] += field["name"] == problem.field
    for cause in found["causes"]:
        if (cause["code"], cause["field"]) == (problem.code, problem.field):
            break
    else:
        if len(found["causes"]) >= CAUSES:
            return
        said = {"message": storable(problem.message), "remedy": storable(problem.remedy)}
        cause = {"code": problem.code, "field": problem.field, "count": 0, "ids": [], **said}
        found["causes"].append(cause)
    cause["count"] += 1
    if len(cause["ids"]) < IDS and external_id:
        cause["ids"].append(external_id)


def _no_id(sides: Sides) -> Problem:
    return Problem(
        kind="source",
        code="no_id",
        message=f"The record has no id at {sides.connector.id_path}.",
        remedy="The registry's owner must give each record an id, or the integration owner must "
        "correct External ID Field.",
        field="External ID Field",
    )


def _show(
    found: Json, sort: str, external_id: str, record: Json, mapping: Mapping, entity: Entity | None
) -> None:
    """Keep one record in full, values of mapped paths only, while there is room for its sort."""
    rows = found["rows"]
    if len(rows) >= ROWS or sum(row["sort"] == sort for row in rows) >= ROWS_OF[sort]:
        return
    cells = [example_of(record, mapping, mapped) for mapped in mapping.fields]
    rows.append(
        storable(
            {
                "id": external_id,
                "sort": sort,
                "name": entity.name if entity else "",
                "cells": [[cell.raw, cell.result, cell.problem] for cell in cells],
            }
        )
    )
