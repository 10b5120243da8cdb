"""What a mapping would do to records against today: counts, values by field, and examples.

Held against the ledger, which knows what this app wrote to Benchling. Grows with the mapping,
not with the registry: of records, ids and values it keeps a fixed number.
"""

from __future__ import annotations

from collections.abc import Sequence

from registry_sync.core.problems import Problem
from registry_sync.core.text import number_of, storable
from registry_sync.core.types import Json
from registry_sync.drafts.row_preview import example_of, text_of
from registry_sync.mapping.model import Entity, Mapping
from registry_sync.mapping.tombstones import is_tombstone
from registry_sync.mapping.transform import transform
from registry_sync.mapping.values import same
from registry_sync.models import Lane, LedgerEntry
from registry_sync.source.paths import ABSENT
from registry_sync.sync.records import SourceRecord

ROWS, EXAMPLES, IDS, CAUSES = 100, 3, 5, 100
ROWS_OF = {"refused": 50, "changed": 30, "new": 10, "unchanged": 10}
"""Of each sort, how many records are shown in full."""


def empty(mapping: Mapping) -> Json:
    """Begin a forecast."""
    fields = [
        {"id": m.field.id, "name": m.field.name, "path": m.path, "there": 0, "held": 0,
         "filled": 0, "changed": 0, "refused": 0, "examples": []}
        for m in mapping.fields
    ]  # fmt: skip
    counts = dict.fromkeys(("read", "new", "changed", "unchanged", "refused", "renamed"), 0)
    return {**counts, "fields": fields, "causes": [], "rows": []}


def add(found: Json, records: Sequence[SourceRecord], mapping: Mapping, lane: Lane | None) -> None:
    """Add some records to a forecast."""
    held = _held(lane, [record.external_id for record in records])
    for record in records:
        found["read"] += 1
        if record.problem is not None:
            _count_problem(found, record.problem, record.external_id)
            found["refused"] += 1
            continue
        if is_tombstone(record.raw, mapping):  # nothing is written for it
            found["unchanged"] += 1
            continue
        external_id, before = record.external_id, held.get(record.external_id)
        _count_paths(found, record.raw, mapping, before)
        done = transform(record.raw, external_id, mapping)
        if done.entity is None:
            sort = "refused"
            for problem in done.problems:
                _count_problem(found, problem, external_id)
        else:
            sort = _compare(found, external_id, done.entity, before, mapping)
        found[sort] += 1
        _show(found, sort, external_id, record.raw, mapping, done.entity)


def _count_paths(found: Json, raw: Json, mapping: Mapping, before: tuple[str, Json] | None) -> None:
    """Count the records that have a field's path, and the entities that have a value there."""
    for mapped, field in zip(mapping.fields, found["fields"], strict=True):
        field["there"] += not mapped.path or not mapped.is_missing(raw)
        field["held"] += before is not None and before[1].get(mapped.field.id) not in (None, [])


def vanished(found: Json) -> list[str]:
    """Say of each mapped path that no record of a forecast has it, and what a sync makes of it.

    Forecasts of earlier versions did not count paths: of these nothing is said.
    """
    said = []
    for field in found.get("fields", ()):
        if not found["read"] or field.get("there", 1) or not field["path"]:
            continue
        text = f"{field['name']}: 0 of {number_of(found['read'], 'record')} have {field['path']}."
        if field["held"]:
            text += (
                f" In Benchling {number_of(field['held'], 'entity', 'entities')} have a value "
                "there, so a sync would stop and ask before it changes them."
            )
        said.append(text)
    return said


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
