"""The lanes that the app's configuration names: their rows, refreshed whenever it is read.

Runs, doctor and the webhook of a changed configuration refresh them. A lane whose part of the
configuration is faulty stays: the fault is its own failure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from registry_sync import runs
from registry_sync.benchling.app_config import parse_items
from registry_sync.benchling.client import Client
from registry_sync.benchling.config_items import by_path
from registry_sync.benchling.errors import Refused
from registry_sync.benchling.schema import parse_schema
from registry_sync.benchling.syncs import Sync, named_in, syncs_of
from registry_sync.core.types import Json
from registry_sync.models import Lane
from registry_sync.source.connector_settings import read_connector
from registry_sync.sync.setup import Setup, lane_key, lane_key_of

KEY_ITEMS = frozenset({"API URL", "Registry", "Connector Settings"})
"""The items, beside the schema, that say which lane a sync is."""


@dataclass(frozen=True, slots=True)
class Placed:
    """The lanes that are configured, in the configuration's order; `new` were not before."""

    lanes: tuple[Lane, ...]
    new: tuple[Lane, ...] = ()


def refresh_lanes(client: Client, items: list[Json]) -> Placed:
    """Update the rows of lanes from the configuration's raw items.

    The row of an only lane is made once its configuration has proved sound (`settle_lane`).
    Several are made at once, so that each can say what is wrong with it.
    """
    before = runs.current_lanes()
    syncs = _distinct(syncs_of(by_path(items)))
    found: list[Lane] = []
    for sync in syncs:
        key = _key(client, items, sync)
        lane = _lane_before(sync, key, before) or (
            None if len(syncs) == 1 else _made(sync, key, items)
        )
        if lane is None:
            found += [earlier for earlier in before if earlier.element == sync.element]
        else:
            _describe(lane, sync)
            found.append(lane)
    if any(lane.position != number for number, lane in enumerate(found)) or found != before:
        place_lanes(found)
    if len(found) > 1:
        _learn_links(client, found)
    return Placed(tuple(found), tuple(lane for lane in found if lane not in before))


def settle_lane(client: Client, setup: Setup, placed: Placed) -> tuple[Lane, bool]:
    """Return the lane of a configuration that has proved sound, and whether its row is new."""
    key, name = lane_key(client, setup), setup.schema.name
    lane, is_new = Lane.objects.get_or_create(**key, defaults={"schema_name": name})
    if lane.position is None and len(placed.lanes) <= 1:
        place_lanes([lane])
    return lane, is_new


def _distinct(syncs: Sequence[Sync]) -> list[Sync]:
    """Leave out syncs with the schema of another: it is one lane, which both are a fault of."""
    found: list[Sync] = []
    for sync in syncs:
        if not sync.schema_id or all(earlier.schema_id != sync.schema_id for earlier in found):
            found.append(sync)
    return found


def _key(client: Client, items: list[Json], sync: Sync) -> dict[str, str] | None:
    """Return the key of a sync's lane; None where a fault hides it."""
    config = parse_items(items, decrypt=lambda value: "", element=sync.element, needed=())
    connector, faults = read_connector(
        config.connector_settings,
        api_url=config.api_url,
        modified_since_parameter=config.modified_since_parameter,
        id_field=config.id_field,
    )
    hidden = KEY_ITEMS & {item for item, _ in config.faults}
    if faults or hidden or not sync.schema_id:
        return None
    return lane_key_of(client, config.registry_id, sync.schema_id, connector)


def _lane_before(sync: Sync, key: dict[str, str] | None, before: Sequence[Lane]) -> Lane | None:
    """Return the lane that a sync was before, as far as its faults let it be known."""
    if key is not None and (lane := _with_key(key, before)) is not None:
        return lane
    for lane in before:
        same = lane.schema_id == sync.schema_id if sync.schema_id else lane.element == sync.element
        unread = not lane.collection and lane.element == sync.element
        if key is None and (same or unread):
            return lane
        if key is not None and unread:
            for name, value in key.items():
                setattr(lane, name, value)
            lane.save(update_fields=list(key))
            return lane
    return None


def _with_key(key: dict[str, str], known: Sequence[Lane]) -> Lane | None:
    """Return the lane with a key, one of those that are known if it is among them."""
    for lane in known:
        if all(getattr(lane, name) == value for name, value in key.items()):
            return lane
    return Lane.objects.filter(**key).first()


def _made(sync: Sync, key: dict[str, str] | None, items: list[Json]) -> Lane:
    if key is None:
        registry_id = named_in(by_path(items).get(("Registry",)))
        key = {**runs.app_key(), "registry_id": registry_id, "schema_id": sync.schema_id}
        return Lane.objects.create(**key, element=sync.element, schema_name=sync.schema_name)
    return Lane.objects.get_or_create(defaults={}, **key)[0]


def _describe(lane: Lane, sync: Sync) -> None:
    """Keep which element the lane is, and what its schema is called now."""
    now = {"element": sync.element, "schema_name": sync.schema_name or lane.schema_name}
    if any(getattr(lane, name) != value for name, value in now.items()):
        for name, value in now.items():
            setattr(lane, name, value)
        lane.save(update_fields=list(now))


def _learn_links(client: Client, lanes: Sequence[Lane]) -> None:
    """Read, for lanes that no run has read yet, their type and which schemas they link to."""
    for lane in lanes:
        if lane.links_to is None and lane.schema_id:
            try:
                schema = parse_schema(client.entity_schema(lane.schema_id), {})
            except Refused:
                continue  # the lane's own run says so
            lane.links_to = runs.linked_schemas(schema)
            if schema.entity_type is not lane.entity_type:
                lane.schema_snapshot = {**lane.schema_snapshot, "type": schema.type}
            lane.save(update_fields=["links_to", "schema_snapshot"])


def place_lanes(lanes: Sequence[Lane]) -> None:
    """Keep which lanes the configuration names, in its order. Others are no longer configured."""
    with transaction.atomic():
        placed = Lane.objects.of_app().filter(position__isnull=False)
        placed.exclude(pk__in=[lane.pk for lane in lanes]).update(position=None)
        for position, lane in enumerate(lanes):
            if lane.position != position:
                lane.position = position
                lane.save(update_fields=["position"])


def save_scope(lane: Lane, scope: list[Any]) -> None:
    """Keep the scope that the lane's runs use, by which other lanes know what left it."""
    if lane.scope != scope:
        lane.scope = scope
        lane.save(update_fields=["scope"])
