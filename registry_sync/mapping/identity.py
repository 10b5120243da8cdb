"""Which substance a record is: by paths, or by its structure or sequence as they are mapped."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from registry_sync.benchling import chemistry
from registry_sync.core.types import Json
from registry_sync.mapping.model import FieldMapping
from registry_sync.mapping.rules import RuleError, apply
from registry_sync.source.paths import ABSENT, Getter, compile_path

PARTS = ("structure", "sequence")
SHOWN = 80
"""Letters of a long sequence that its identity begins with, before a digest of the whole."""


def identity_getter(path: str, mapped: Sequence[FieldMapping]) -> Getter:
    """Return a function from a record to what `identity` names. Raise PathError.

    `structure` and `sequence` mean the part where it is mapped, and a path otherwise. Structures
    are compared as Benchling tells them apart: without salts, however they are written.
    """
    part = next((m for m in mapped if m.field.id == path and path in PARTS), None)
    if part is None:
        return compile_path(path)
    mapped_part: FieldMapping = part
    read = _structure if path == "structure" else _sequence

    def get(record: Json) -> Any:
        try:
            value = apply(mapped_part.steps, mapped_part.given(record))
        except RuleError:
            return ABSENT
        return read(value.strip()) if isinstance(value, str) and value.strip() else ABSENT

    return get


def _structure(text: str) -> Any:
    try:
        parsed = chemistry.parse_structure(text)
    except chemistry.StructureFault:
        return ABSENT  # it is refused for that
    return parsed.largest[0] if parsed.largest else text


def _sequence(text: str) -> str:
    letters = text.upper()
    if len(letters) <= 2 * SHOWN:
        return letters
    digest = hashlib.blake2b(letters.encode(), digest_size=8).hexdigest()
    return f"{letters[:SHOWN]}… ({len(letters):,} letters, {digest})"
