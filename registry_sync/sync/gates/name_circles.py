"""Circles of records that wait for each other's names or aliases.

One record of a circle gives way for a moment, so that all of them get what they wait for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from registry_sync.ledger.shared_items import own_items
from registry_sync.mapping.model import Entity, Mapping
from registry_sync.models import Lane
from registry_sync.sync.gates.names import name_keys_of


def circles_of(
    lane: Lane,
    mapping: Mapping,
    wants: dict[str, str],
    wished: Callable[[str], Collection[str]],
) -> list[list[str]]:
    """Return circles of records that wait for each other's names or aliases, by external id.

    `wants` gives, by external id, the key that a record waits for, and `wished` the keys of all
    that it is to have: who keeps what another one waits for does not give way. A circle begins with
    a record whose name is waited for, if there is one, and its last record is who waits for it.
    """
    held, named = circle_holders(lane, mapping, set(wants.values()))
    found: list[list[str]] = []
    done: set[str] = set()
    for external_id in wants:
        path: list[str] = []
        current: str | None = external_id
        while current is not None and current in wants and current not in done:
            done.add(current)
            path.append(current)
            current = held.get(wants[current])
        if current in path:
            circle = path[path.index(current) :]
            given_keys = [wants[circle[n - 1]] for n in range(len(circle))]
            if any(key in wished(id_) for key, id_ in zip(given_keys, circle, strict=True)):
                continue
            first = next((n for n, key in enumerate(given_keys) if key in named), 0)
            found.append(circle[first:] + circle[:first])
    return found


def wished_keys(lane: Lane, mapping: Mapping, entity: Entity | None) -> set[str]:
    """Return the keys of all that an entity is to have.

    It keeps its aliases where it is given none: its record says nothing about them.
    """
    if entity is None:
        return set()
    keys = name_keys_of([entity])
    if "aliases" in mapping.field_ids and "aliases" not in entity.fields:
        rows = lane.aliases.filter(external_id=entity.external_id)
        keys |= set(rows.values_list("key", flat=True))
    return keys


def circle_holders(
    lane: Lane, mapping: Mapping, keys: Collection[str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return which records hold these keys and could give them up, and which hold them as names."""
    if not keys:
        return {}, {}
    holders = lane.ledger.filter(name_key__among=keys).exclude(entity_hash="")
    named = dict(holders.values_list("name_key", "external_id"))
    held = _aliases(lane, keys) | named if "aliases" in mapping.field_ids else named
    return held, named


def _aliases(lane: Lane, keys: Collection[str]) -> dict[str, str]:
    """Return which records hold these aliases, by key, as far as this app may remove them.

    It may remove those that it added, and it is not known which these are after a rebuild.
    """
    aliases = list(lane.aliases.filter(key__among=keys).values_list("key", "external_id"))
    rows = lane.ledger.filter(external_id__among={external_id for _, external_id in aliases})
    removable = {row.external_id: own_items(row, "aliases") for row in rows.exclude(entity_hash="")}
    return {
        key: external_id for key, external_id in aliases if key in removable.get(external_id, ())
    }
