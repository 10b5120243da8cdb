"""Digests of the entity that a plan would change, and of the plan's row, over canonical JSON."""

from __future__ import annotations

import hashlib
from typing import Any

from registry_sync.core.types import Json
from registry_sync.ledger.digests import canonical_json
from registry_sync.models import PlanRow

GONE = "-"
"""The digest of an entity that Benchling does not show."""
TO_BE = "~"
"""How a digest begins that is of an entity without its time."""
UNTIMED = {"modifiedAt": None}


def benchling_digest(raw: Json | None) -> str:
    """Return the digest of an entity as Benchling holds it: 64 hex characters.

    Any edit moves it, also one of a value that is not mapped: Benchling's `modifiedAt` is in it.
    """
    if raw is None:
        return GONE
    fields = {name: field.get("value") for name, field in (raw.get("fields") or {}).items()}
    values = [
        raw["id"], raw.get("modifiedAt"), raw.get("entityRegistryId"), raw.get("name"),
        bool(raw.get("archiveRecord")), raw.get("aliases") or [], fields,
    ]  # fmt: skip
    return _sha256(values)


def renamed_digest(raw: Json | None, temporary: Json) -> str:
    """Return the digest of an entity as it will be with these values, at a time not known yet.

    Benchling may list its aliases in another order than they were sent in.
    """
    if raw is None:
        return GONE
    to_be = {**raw, **temporary, **UNTIMED}
    return TO_BE + benchling_digest({**to_be, "aliases": sorted(to_be.get("aliases") or ())})[1:]


def matches_plan(raw: Json | None, row: PlanRow) -> bool:
    """Return whether an entity is as it was when planned, or as this app has left it since.

    Where this app was about to rename it, both may be: a killed process does not say.
    """
    if not row.touched_digest.startswith(TO_BE):
        return benchling_digest(raw) == (row.touched_digest or row.benchling_digest)
    to_be = renamed_digest(raw, {})
    return to_be == row.touched_digest or benchling_digest(raw) == row.benchling_digest


def row_digest(row: PlanRow) -> str:
    """Return the digest of a row of a plan: 64 hex characters."""
    return _sha256(
        [row.action, row.external_id, row.entity_registry_id, row.entity_id, row.name, row.values,
         row.source_digest, row.entity_digest, row.benchling_digest]
    )  # fmt: skip


def _sha256(value: Any) -> str:
    return hashlib.sha256(canonical_json(value)).hexdigest()
