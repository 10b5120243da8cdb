"""What entries of the signed CSV beside changes share: ids that begin with their kind, a digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def entry_digest(values: Sequence[Any]) -> str:
    """Return the SHA-256 of what an entry says, as 64 hex characters."""
    text = json.dumps(values, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def keys_by_kind(
    row_ids: Sequence[str], prefixes: Mapping[str, str]
) -> Iterator[tuple[str, list[str]]]:
    """Yield each kind with the primary keys in the ids that begin with its prefix."""
    for kind, prefix in prefixes.items():
        yield kind, [id_.removeprefix(prefix) for id_ in row_ids if id_.startswith(prefix)]
