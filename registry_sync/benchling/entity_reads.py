"""Reading entities whose type is not the one that a client reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from registry_sync.benchling.client import Client
from registry_sync.benchling.entity_types import ENTITY_TYPES, EntityType
from registry_sync.core.types import Json


@contextmanager
def as_type(client: Client, kind: type[EntityType]) -> Iterator[Client]:
    """Let a client read and write entities of another type for a while."""
    own, client.entity_type = client.entity_type, kind
    try:
        yield client
    finally:
        client.entity_type = own


def entities_of_any_type(client: Client, ids: Sequence[str]) -> list[Json]:
    """Return entities by their Benchling ids, whose beginnings tell their types."""
    own = client.entity_type
    found: list[Json] = []
    for kind in [own, *(kind for kind in ENTITY_TYPES.values() if kind is not own)]:
        found_ids = {str(raw["id"]) for raw in found}
        of_type = [i for i in ids if i.startswith(kind.id_prefix) and i not in found_ids]
        if of_type:
            with as_type(client, kind):
                found += client.entities_by_id(of_type)
    return found
