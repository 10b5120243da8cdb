"""The entities of Benchling that links lead to, and why some of them cannot be linked."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from registry_sync.benchling.client import Client
from registry_sync.benchling.schema import EntitySchema, FieldDefinition
from registry_sync.core.problems import Problem
from registry_sync.core.secrets import shortened
from registry_sync.core.types import Json
from registry_sync.mapping.model import Entity, links_of

JUDGED = ("entityRegistryId", "schema", "archiveRecord")
"""What is kept of a link target; a run may meet each of a hundred thousand."""


class LinkTargets:
    """What Benchling has of link targets, by registry id; it is asked once for each."""

    def __init__(self, client: Client, registry_id: str) -> None:
        self.client, self.registry_id = client, registry_id
        self._by_id: dict[str, Json | None] = {}

    def among(self, registry_ids: Collection[str]) -> dict[str, Json]:
        """Return those of these that are in Benchling. Raise Wait, Refused."""
        if unknown := sorted(set(registry_ids) - self._by_id.keys()):
            found = self.client.entities_registered(unknown, registry_id=self.registry_id)
            by_registry_id = {str(raw.get("entityRegistryId")): _judged(raw) for raw in found}
            self._by_id |= {registry_id: by_registry_id.get(registry_id) for registry_id in unknown}
        by_id = {registry_id: self._by_id[registry_id] for registry_id in registry_ids}
        return {registry_id: raw for registry_id, raw in by_id.items() if raw is not None}


def _judged(raw: Json) -> Json:
    return {key: raw.get(key) for key in JUDGED}


def is_of(raw: Json, schema_id: str | None) -> bool:
    """Return whether an entity may be of a schema; an answer without one does not say."""
    return (raw.get("schema") or {}).get("id") in (None, schema_id)


def unfit_links(
    entity: Entity, schema: EntitySchema, found: Iterable[Json], *, archived: Collection[str] = ()
) -> dict[str, Problem]:
    """Return, by target, the problems of links that their fields cannot have.

    `found` is what Benchling has of the targets. An archived one is a problem where it is among
    `archived`, which Benchling or a gate does not take.
    """
    problems: dict[str, Problem] = {}
    for raw in found:
        target = str(raw.get("entityRegistryId"))
        field = next((f for f in _linking(entity, schema, target) if not _takes(f, raw)), None)
        if field is not None:
            problems[target] = _of_another_schema(entity, target, field, raw)
        elif raw.get("archiveRecord") and target in archived:
            problems[target] = _archived(entity, target)
    return problems


def _linking(entity: Entity, schema: EntitySchema, target: str) -> list[FieldDefinition]:
    """Return the fields by which an entity links another one."""
    return [f for f in schema.fields if target in links_of([entity.fields.get(f.id)])]


def _takes(field: FieldDefinition, raw: Json) -> bool:
    return not field.link_schema_id or is_of(raw, field.link_schema_id)


def _of_another_schema(entity: Entity, target: str, field: FieldDefinition, raw: Json) -> Problem:
    name = (raw.get("schema") or {}).get("name") or "?"
    return Problem(
        kind="source",
        code="link_missing",
        message=f"{entity.registry_id} points at {target}, which is an entity of the schema "
        f"“{name}” in Benchling. The field “{field.name}” links entities of another schema.",
        remedy=f"The registry's owner corrects the reference in {entity.external_id}, or the "
        "integration owner maps it to a field that links that schema.",
        field=field.name,
        value=shortened(target, 200),
        waits_for=("link", target),
    )


def _archived(entity: Entity, target: str) -> Problem:
    return Problem(
        kind="benchling",
        code="link_missing",
        message=f"{entity.registry_id} points at {target}, which is archived in Benchling.",
        remedy=f"A Benchling admin unarchives {target}, or the registry's owner corrects the "
        f"reference in {entity.external_id}. The next run then syncs {entity.registry_id}.",
        value=shortened(target, 200),
        waits_for=("link", target),
    )
