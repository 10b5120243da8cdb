"""The table of a draft's rows: as it is shown, and as it is posted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from registry_sync.benchling.schema import MAPPABLE, EntitySchema, FieldDefinition
from registry_sync.core.types import Json
from registry_sync.drafts import draft as drafts
from registry_sync.drafts import rule_form
from registry_sync.drafts.row_preview import Example
from registry_sync.mapping.parts import part_fields
from registry_sync.models import MappingDraft

EMPTY_ROWS = 2
"""Rows to fill in, below those that are there."""


def table_rows(draft: MappingDraft, schema: EntitySchema, *, editable: bool) -> list[Json]:
    """Return the rows with their inputs, and what becomes of the first record of each."""
    blank = {"path": "", "field_id": "", "rule": None}
    more = EMPTY_ROWS * editable
    examples = [*drafts.examples(draft), *[Example()] * more]
    usable = {field.id for field in usable_fields(schema)}
    return [
        {
            **row,
            "n": n,
            "form": _inputs(row["rule"]),
            "example": example,
            "kind": rule_form.to_form(row["rule"])["rule"],
            # An edit must not lose a field that cannot be chosen.
            "odd_field": "" if row["field_id"] in usable else _named(schema, row["field_id"]),
        }
        for n, (row, example) in enumerate(
            zip([*draft.rows, *[blank] * more], examples, strict=True), 1
        )
    ]


def usable_fields(schema: EntitySchema) -> list[FieldDefinition]:
    """Return the fields that a row can choose."""
    fields = [f for f in schema.fields if not f.archived and f.type in MAPPABLE]
    return [*fields, *part_fields(schema)]


def unsupported_fields(schema: EntitySchema) -> list[str]:
    """Return the fields that no row can choose, because of their type."""
    found = [f for f in schema.fields if not f.archived and f.type not in MAPPABLE]
    return [f"{f.name} ({f.type}{', required' if f.is_required else ''})" for f in found]


def read_rows(post: Mapping[str, str], before: list[Json]) -> tuple[list[Json], list[str]]:
    """Return the posted rows, and the faults. A rule that cannot be read stays as it was."""
    rows, faults = [], []
    for n in range(1, len(before) + EMPTY_ROWS + 1):
        if f"row-{n}-field" not in post or post.get(f"row-{n}-remove"):
            continue
        was = before[n - 1]["rule"] if n <= len(before) else None
        prefix = f"row-{n}-"
        form = {key.removeprefix(prefix): post[key] for key in post if key.startswith(prefix)}
        try:
            rule = rule_form.to_rule(form, was)
        except ValueError as error:
            faults.append(f"Row {n}: {error}. Its rule has not been changed.")
            rule = was
        row = {"path": form.get("path", "").strip(), "field_id": form["field"], "rule": rule}
        if any(row.values()):
            rows.append(row)
    return rows, faults


def _named(schema: EntitySchema, field_id: str) -> str:
    field = schema.field(field_id)
    return field_id if field is None else f"{field.name} ({field.type})"


def _inputs(rule: Any) -> list[Json]:
    """Return the small inputs of a row's rule, with what stands in them."""
    form = rule_form.to_form(rule)
    names = [*rule_form.INPUTS, rule_form.SEVERAL]
    return [
        {
            "name": name,
            "for": name.partition(".")[0],
            "hint": rule_form.HINTS.get(name, "rules as JSON"),
            "value": form.get(name, ""),
            "long": name in ("labels.table", rule_form.SEVERAL),
        }
        for name in names
    ]
