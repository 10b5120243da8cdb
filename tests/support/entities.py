"""Worlds whose records become entities of another type than custom ones."""

from __future__ import annotations

from typing import Any

from tests.support.worlds import World

Json = dict[str, Any]
NOTE = [{"name": "Note", "type": "text"}]
STRUCTURE: Json = {"structure": {"smiles": "smiles"}}
SEQUENCE: Json = {"sequence": {"path": "bases", "circular": "circular"}}
PART_RULES: dict[str, Json] = {
    "custom_entity": {}, "molecule": STRUCTURE, "dna_sequence": SEQUENCE,
    "aa_sequence": {"sequence": {"path": "bases"}}, "dna_oligo": {"sequence": {"path": "bases"}},
    "rna_oligo": {"sequence": {"path": "bases"}},
}  # fmt: skip
"""What Mapping Rules need for each type."""


def compounds(*smiles: str, **more: Any) -> list[Json]:
    """Return records with these structures: C-1, C-2 …"""
    return [
        {"id": f"C-{n}", "name": f"Compound {n}", "smiles": text, "note": "a",
         "modified_at": "2026-01-01T00:00:00Z", **more}
        for n, text in enumerate(smiles, start=1)
    ]  # fmt: skip


def sequences(*bases: str, **more: Any) -> list[Json]:
    """Return records with these sequences: S-1, S-2 …"""
    return [
        {"id": f"S-{n}", "name": f"Sequence {n}", "bases": text, "note": "a",
         "modified_at": "2026-01-01T00:00:00Z", **more}
        for n, text in enumerate(bases, start=1)
    ]  # fmt: skip


def of_type(
    world: Any,
    type_: str,
    records: list[Json],
    *,
    rules: Json | None = None,
    fields: list[Json] | None = None,
    rows: list[tuple[str, str]] | None = None,
    config: Json | None = None,
    **options: Any,
) -> World:
    """Make a world whose schema is of a type, with the field Note and the type's parts mapped."""
    mapped = {**PART_RULES[type_], **(rules or {})}
    w: World = world(
        records, fields=fields or NOTE, rows=rows or [("Note", "note")],
        config={"Mapping Rules": mapped, **(config or {})}, **options,
    )  # fmt: skip
    w.tenant.schemas[w.schema]["type"] = type_
    return w
