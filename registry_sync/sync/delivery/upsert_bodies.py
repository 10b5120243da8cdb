"""Rows as Benchling gets them."""

from __future__ import annotations

from collections.abc import Sequence

from registry_sync.benchling.entity_types.parts import SHARED
from registry_sync.benchling.upsert_rows import UpsertRow
from registry_sync.core.packed_json import pack
from registry_sync.core.types import Json
from registry_sync.mapping.codec import payload
from registry_sync.mapping.model import Entity
from registry_sync.models import Batch, Lane
from registry_sync.sync.context import RunContext
from registry_sync.sync.delivery.batch_items import entity_of_item
from registry_sync.sync.delivery.known_ids import name_by_id
from registry_sync.sync.delivery.shared_lists import merge_shared


def update_body(ctx: RunContext, entity: Entity) -> Json:
    """Return the body of an update, as JSON. It names no folder: an entity stays where it is."""
    body = payload(
        entity,
        ctx.setup.schema,
        registry_id=ctx.setup.config.registry_id,
        folder_id=None,
        by_id=ctx.lane.field_keys == Lane.FieldKeys.ID,
    )
    for part in SHARED.values():  # what people added to these lists is not known here
        body.pop(part.name, None)
    name_by_id(ctx, [body])
    return body


def temporary_body(ctx: RunContext, entity: Entity) -> Json:
    """Return the body of an update that gives a temporary name, or takes aliases for a moment.

    The sources of the entity say which of the two.
    """
    body = update_body(ctx, entity)
    if "aliases" in entity.sources:
        aliases = entity.fields["aliases"]
        body["aliases"] = list(aliases)
        item = {"external_id": entity.external_id, "registry_id": entity.registry_id}
        merge_shared(ctx, [{**item, "fields": {"aliases": aliases}}], [body])
    return body


def body_of_item(ctx: RunContext, item: Json, *, by_id: bool = False) -> Json:
    """Return the body of a batch's item; `by_id` names its fields by id rather than by name."""
    config = ctx.setup.config
    return payload(
        entity_of_item(item),
        ctx.setup.schema,
        registry_id=config.registry_id,
        # Set at creation only: people may move an entity, and it stays where they put it.
        folder_id=config.folder_id if item["new"] else None,
        by_id=by_id or ctx.lane.field_keys == Lane.FieldKeys.ID,
        is_new=item["new"],
    )


def row_of(external_id: str, body: Json) -> UpsertRow:
    """Return a row."""
    return UpsertRow(external_id, pack(body), by_id="id" in body)


def items_of_rows(rows: Sequence[UpsertRow], batch: Batch) -> list[Json]:
    """Return the batch items that rows were made of, in the order of the rows."""
    return batch.items(row.external_id for row in rows)
