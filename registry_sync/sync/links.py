"""Links between entities: who points at what, and what may be pointed at."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from registry_sync import runs
from registry_sync.benchling.schema import EntitySchema
from registry_sync.core.problems import Problem
from registry_sync.core.secrets import shortened
from registry_sync.core.text import name_key
from registry_sync.core.types import Json
from registry_sync.mapping.model import Entity
from registry_sync.models import Lane, LedgerEntry, TakenName
from registry_sync.sync.context import RunContext
from registry_sync.sync.link_targets import is_of
from registry_sync.sync.survivors import merged_away

LINK_WAITS = "link_waits"
"""The cause, in dry runs only, of what waits for a record of another lane."""


def own_links(entity: Entity, schema: EntitySchema) -> set[str]:
    """Return the registry ids of this lane's schema that an entity points at."""
    return links_by_schema(entity, schema).get(schema.id, set())


def links_by_schema(entity: Entity, schema: EntitySchema) -> dict[str, set[str]]:
    """Return the registry ids that an entity points at, by the schema that its fields name."""
    found: dict[str, set[str]] = {}
    for field in schema.fields:
        if field.link_schema_id and field.id in entity.fields:
            value = entity.fields[field.id]
            links = value if isinstance(value, list) else [value]
            ids = {link["entityRegistryId"] for link in links if isinstance(link, dict)}
            found.setdefault(field.link_schema_id, set()).update(ids)
    return {schema_id: ids for schema_id, ids in found.items() if ids}


def present(lane: Lane, registry_ids: Collection[str]) -> set[str]:
    """Return which of these registry ids are in Benchling according to the ledger.

    What was merged into another entity is not, unless links to it follow the survivor.
    """
    keys = [name_key(registry_id) for registry_id in registry_ids]
    rows = LedgerEntry.objects.filter(lane=lane, id_key__among=keys).exclude(entity_hash="")
    found = set(rows.values_list("entity_registry_id", flat=True)) & set(registry_ids)
    return found - merged_away(lane, found).keys() if found else found


def linkable(lane: Lane, registry_ids: Collection[str]) -> set[str]:
    """Return which of these may be pointed at: the app's entities and others of the schema."""
    keys = [name_key(registry_id) for registry_id in registry_ids]
    rows = TakenName.objects.filter(lane=lane, key__among=keys, kind="id")
    others = rows.filter(schema_name="", archived=False)
    found = set(others.values_list("entity_registry_id", flat=True)) & set(registry_ids)
    return found | present(lane, registry_ids)


def others_linked(lane: Lane, schema: EntitySchema) -> list[Lane]:
    """Return the other lanes whose schemas a schema's fields point at."""
    linked = {field.link_schema_id for field in schema.fields} - {schema.id, None}
    if not linked:
        return []
    return [
        other
        for other in runs.current_lanes()
        if other.schema_id in linked and other != lane and other.registry_id == lane.registry_id
    ]


def link_schema(raw: Json) -> str:
    """Return the schema that a link must name to lead to an entity; "archived" for none."""
    schema = (raw.get("schema") or {}).get("id") or "?"
    return "archived" if raw.get("archiveRecord") else str(schema)


def in_lane(ctx: RunContext, lane: Lane, registry_ids: Collection[str]) -> set[str]:
    """Return which of these may be pointed at in another lane, by its ledger or by Benchling.

    Benchling is asked about the others: they may be there although no run wrote them. An entity of
    another schema may not.
    """
    if not registry_ids:
        return set()
    linkable_ids = linkable(lane, registry_ids)
    if unknown := sorted(set(registry_ids) - linkable_ids):
        found = ctx.client.entities_registered(unknown, registry_id=lane.registry_id)
        linkable_ids |= {
            str(raw["entityRegistryId"]) for raw in found if is_of(raw, lane.schema_id)
        }
    return linkable_ids


def missing_link(entity: Entity, target: str, message: str = "", *, of: str = "") -> Problem:
    """Return the problem of an entity that waits for the one it points at.

    `message` is what Benchling answered, if it was asked. `of` names the target's lane, if that is
    another one.
    """
    return Problem(
        kind="source",
        code="link_missing",
        message=f"{entity.registry_id} points at {target}{f' of {of}' if of else ''}, which is "
        "not in Benchling" + (f" ({message.rstrip('.')})." if message else "."),
        remedy=f"The registry's owner checks the reference; once {target} is in Benchling, "
        f"{entity.registry_id} will be synced automatically. If people see {target} there, it is "
        "in another Benchling registry, or a Benchling admin gives the app access to its project.",
        value=shortened(target, 200),
        waits_for=("link", target),
    )


def missing_from(lane: Lane, entity: Entity, target: str, *, of: str = "") -> Problem:
    """Return the problem of an entity that points at what a lane lacks, or what was merged."""
    survivor = merged_away(lane, [target]).get(target)
    if survivor is None:
        return missing_link(entity, target, of=of)
    message = f"it was merged into {survivor}; decide under Merges"
    return replace(
        missing_link(entity, target, message, of=of),
        kind="mapping",
        remedy=f"The integration owner decides under Merges in the admin what becomes of {target}; "
        f"{entity.registry_id} then syncs automatically.",
    )


def missing_target(problem: Problem) -> str:
    """Return the target that a problem waits for; "" for one that was merged or is archived."""
    waits_for, target = problem.waits_for or ("", "")
    return target if waits_for == "link" and problem.kind in ("source", "transient") else ""


def waits_for_lane(problem: Problem, entity: Entity, lane: str, *, synced: bool) -> Problem:
    """Return a missing link to another lane as a dry run tells it.

    What that lane will bring is not known yet, so nothing says that the link is wrong. `synced`
    says whether the lane was ever synced.
    """
    target = problem.value
    follows = f"{entity.registry_id} waits for {target} and syncs automatically once {lane} has "
    if synced:
        doubt = (
            f"If it never does, the registry's owner checks the reference in {entity.external_id}."
        )
        return replace(
            problem, kind="transient", code=LINK_WAITS, remedy=f"{follows}synced it. {doubt}"
        )
    return replace(
        problem,
        kind="transient",
        code=LINK_WAITS,
        message=f"{entity.registry_id} points at {target} of {lane}, which has never been synced.",
        remedy=f"{follows}synced it.",
    )
