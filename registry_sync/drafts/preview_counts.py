"""A preview's counts and examples: a fixed number of them, however large the registry is."""

from __future__ import annotations

from collections.abc import Sequence

from registry_sync.core.problems import Problem
from registry_sync.core.text import number_of, storable
from registry_sync.core.types import Json
from registry_sync.drafts.preview_notes import NAMED, Kind, Notes
from registry_sync.drafts.row_preview import example_of
from registry_sync.mapping.model import Entity, Mapping
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
    counts = dict.fromkeys(
        ("read", "new", "changed", "unchanged", "refused", "renamed", "refused_now", "good_now"), 0
    )
    whole = {"fields": fields, "causes": [], "rows": [], "fingerprint": mapping.fingerprint}
    return {**counts, **whole}


class Counts:
    """Counts the outcomes of records in `found`, and names those that would be refused."""

    def __init__(self, found: Json, mapping: Mapping, notes: Notes) -> None:
        self.found, self.mapping, self.notes = found, mapping, notes

    def count(self, sort: str, record: SourceRecord, entity: Entity | None) -> None:
        self.found[sort] += 1
        self.keep_row(sort, self.row(sort, record, entity))

    def apply(
        self, sort: str, renamed: bool, changes: Sequence[Sequence[str]], external_id: str
    ) -> None:
        self.found[sort] += 1
        self.found["renamed"] += renamed
        by_id = {field["id"]: field for field in self.found["fields"]}
        for field_id, before, after in changes:
            field = by_id[field_id]
            field["changed"] += 1
            if len(field["examples"]) < EXAMPLES:
                field["examples"].append([external_id, before, after])

    def count_paths(self, raw: Json, in_ledger: Json) -> None:
        """Count a record that has a field's path, and an entity that has a value there."""
        for mapped, field in zip(self.mapping.fields, self.found["fields"], strict=True):
            field["there"] += not mapped.path or not mapped.is_missing(raw)
            field["held"] += in_ledger.get(mapped.field.id) not in (None, [])

    def count_filled(self, entity: Entity) -> None:
        for field in self.found["fields"]:
            field["filled"] += entity.fields.get(field["id"]) not in (None, [])

    def refuse(
        self, record: SourceRecord, problems: Sequence[Problem], entity: Entity | None = None
    ) -> None:
        self.count_refused(record.external_id, entity.name if entity else "", problems)
        self.keep_row("refused", self.row("refused", record, entity))

    def count_refused(self, external_id: str, name: str, problems: Sequence[Problem]) -> None:
        found = self.found
        found["refused"] += 1
        for problem in problems:
            for field in found["fields"]:
                field["refused"] += field["name"] == problem.field
            _count_cause(found, problem, external_id)
        if found["refused"] <= NAMED and problems:
            message = " ".join(problem.message for problem in problems)
            self.notes.add(
                Kind.REFUSED, external_id, problems[0].code, name=name, message=message,
                remedy=problems[0].remedy,
            )  # fmt: skip

    def has_room(self, sort: str) -> bool:
        rows = self.found["rows"]
        most = max(ROWS_OF[sort], ROWS_OF["refused"])
        return len(rows) < ROWS and sum(row["sort"] == sort for row in rows) < most

    def keep_row(self, sort: str, row: Json | None) -> None:
        """Keep one record in full while there is room for its sort."""
        rows = self.found["rows"]
        if row is None or len(rows) >= ROWS:
            return
        if sum(kept["sort"] == sort for kept in rows) < ROWS_OF[sort]:
            rows.append({**row, "sort": sort})

    def row(self, sort: str, record: SourceRecord, entity: Entity | None) -> Json | None:
        """Return one record in full, values of mapped paths only, if there is room for it."""
        if not self.has_room(sort):
            return None
        cells = [example_of(record.raw, self.mapping, mapped) for mapped in self.mapping.fields]
        row: Json = storable(
            {
                "id": record.external_id,
                "sort": sort,
                "name": entity.name if entity else "",
                "cells": [[cell.raw, cell.result, cell.problem] for cell in cells],
            }
        )
        return row


def vanished(found: Json) -> list[str]:
    """Return a sentence on each mapped path that no record has, and what a sync makes of it.

    Forecasts of earlier versions did not count paths: of these nothing is said.
    """
    sentences = []
    for field in found.get("fields", ()):
        if not found["read"] or field.get("there", 1) or not field["path"]:
            continue
        text = f"{field['name']}: 0 of {number_of(found['read'], 'record')} have {field['path']}."
        if field["held"]:
            text += (
                f" In Benchling {number_of(field['held'], 'entity', 'entities')} have a value "
                "there, so a sync would stop and ask before it changes them."
            )
        sentences.append(text)
    return sentences


def _count_cause(found: Json, problem: Problem, external_id: str) -> None:
    for cause in found["causes"]:
        if (cause["code"], cause["field"]) == (problem.code, problem.field):
            break
    else:
        if len(found["causes"]) >= CAUSES:
            return
        texts = {"message": storable(problem.message), "remedy": storable(problem.remedy)}
        named = {"kind": problem.kind, "code": problem.code, "field": problem.field}
        cause = {**named, "count": 0, "ids": [], **texts}
        found["causes"].append(cause)
    cause["count"] += 1
    if len(cause["ids"]) < IDS and external_id:
        cause["ids"].append(external_id)
