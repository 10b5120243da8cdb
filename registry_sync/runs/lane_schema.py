"""A lane's Benchling schema as last read: field names and types, labels of options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from registry_sync.benchling.entity_types import CustomEntity
from registry_sync.benchling.entity_types.parts import plain_part
from registry_sync.benchling.schema import EntitySchema
from registry_sync.core.readable import EMPTY, readable
from registry_sync.core.types import Json
from registry_sync.models import Lane
from registry_sync.runs.lease import Lease, renew


@dataclass(frozen=True, slots=True)
class SchemaView:
    """Names and labels of a lane's schema, with which faces show stored field and option ids.

    What was never read is shown as its id. What Benchling no longer has keeps its last name or
    label.
    """

    snapshot: Json

    def field_name(self, field_id: str) -> str:
        """Return a field's name, or its id."""
        return str(self._field(field_id).get("name") or field_id)

    def option_label(self, field_id: str, option_id: str) -> str:
        """Return the label of a dropdown's option, or its id."""
        return str(self._options(field_id).get(option_id) or option_id)

    def labelled(self, field_id: str, value: Any) -> Any:
        """Return a stored value with the labels of options in place of their ids.

        A list stays a list. A value of a field that is no dropdown stays as it is.
        """
        options = self._options(field_id)
        if isinstance(value, list):
            return [self.labelled(field_id, item) for item in value]
        return options.get(value, value) if isinstance(value, str) else value

    def text(self, field_id: str, value: Any, *, empty: str = EMPTY) -> str:
        """Return a stored value as people read it, with the labels of options.

        `empty` stands for null, an empty text and an empty list.
        """
        value = plain_part(field_id, value)
        return readable(value, lambda text: self.option_label(field_id, text), empty=empty)

    @property
    def may_link(self) -> bool:
        """Return whether entities of the schema can link to others; unknown counts as yes."""
        fields = (self.snapshot.get("fields") or {}).values()
        return not fields or any("_link" in str(field.get("type")) for field in fields)

    def _field(self, field_id: str) -> Json:
        return dict((self.snapshot.get("fields") or {}).get(field_id) or {})

    def _options(self, field_id: str) -> dict[str, str]:
        return self._field(field_id).get("options") or {}


def schema_view(lane: Lane | None) -> SchemaView:
    """Return the names and labels of a lane's schema; an empty view where there is no lane."""
    return SchemaView(lane.schema_snapshot if lane is not None else {})


def save_schema(lane: Lane, lease: Lease, schema: EntitySchema) -> None:
    """Keep the schema that was just read, where it differs from the one kept.

    Options and fields that are gone stay in it: the change history still names them. Dropdowns
    that were not read this time keep their options. Raise LeaseLost.
    """
    before: dict[str, Json] = lane.schema_snapshot.get("fields", {})
    fields = dict(before)
    for field in schema.fields:
        options_before: dict[str, str] = before.get(field.id, {}).get("options", {})
        read = {option.id: option.label for option in field.options or ()}
        fields[field.id] = {"name": field.name, "type": field.kind}
        if options := options_before | read:
            fields[field.id]["options"] = options
    links = linked_schemas(schema)
    alike = fields == before and lane.entity_type is schema.entity_type
    if alike and lane.links_to == links:
        return
    if not alike:
        kept: Json = {"fields": fields}
        if schema.entity_type is not CustomEntity:
            kept["type"] = schema.type
        lane.schema_snapshot, lane.schema_read_at = kept, timezone.now()
    lane.links_to = links
    with transaction.atomic():
        renew(lease)
        lane.save(update_fields=["schema_snapshot", "schema_read_at", "links_to"])


def linked_schemas(schema: EntitySchema) -> list[str]:
    """Return the ids of the schemas that a schema's fields point at."""
    fields = (field for field in schema.fields if not field.archived)
    return sorted({field.link_schema_id for field in fields if field.link_schema_id})
