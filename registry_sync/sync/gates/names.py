"""The name gate: names, aliases and registry ids must be unique in a Benchling registry.

Compared trimmed and case-folded. The ledger's holder keeps a name; else the first in source
order gets it; the other is refused with a message that names both, and waits for that name.
https://help.benchling.com/hc/en-us/articles/9684227098893
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from registry_sync.core.problems import Problem
from registry_sync.core.secrets import shortened
from registry_sync.core.text import name_key
from registry_sync.core.types import Json
from registry_sync.ledger.record_outcome import Outcome, RecordOutcome
from registry_sync.ledger.shared_items import own_items
from registry_sync.mapping.model import Entity
from registry_sync.models import HeldAlias, Lane, LedgerEntry, TakenName
from registry_sync.sync.context import RunContext
from registry_sync.sync.gates.claims import Claims, Holder, NameClaims
from registry_sync.sync.gates.departed import departed
from registry_sync.sync.records import Candidate, record_outcome

CHUNK = 400
ADOPT = "the integration owner takes it over: manage.py adopt --id {id} --reason “…”"


class NameGate:
    """Gives each candidate its name, in order; refuses those whose name or id is taken."""

    def __init__(self, ctx: RunContext, claims: NameClaims) -> None:
        self.lane, self.claims = ctx.lane, claims

    def check(self, candidates: Sequence[Candidate]) -> tuple[list[Candidate], list[RecordOutcome]]:
        """Return the candidates that got their name, and the refused ones' outcomes."""
        keys = name_keys_of(candidate.entity for candidate in candidates)
        holders_by_key, claims = holders(self.lane, keys), self.claims.of(keys)
        going, refused = [], []
        for candidate in candidates:
            problem = conflict(candidate.entity, holders_by_key, claims)
            if problem is None:
                claims.add(candidate.entity)
                going.append(candidate)
            else:
                outcome = record_outcome(candidate.record, Outcome.FAILED, problems=(problem,))
                refused.append(outcome)
        self.claims.add(candidate.entity for candidate in going)
        return going, refused


def name_keys_of(entities: Iterable[Entity]) -> set[str]:
    """Return the keys of these entities' names, registry ids and aliases."""
    keys: set[str] = set()
    for entity in entities:
        keys |= {entity.name_key, entity.registry_key, *entity.alias_keys}
    return keys


def free(lane: Lane, keys: Sequence[str], waiting: Collection[tuple[str, str]] = ()) -> set[str]:
    """Return which of these name keys are no longer held, in the ledger or beside it.

    What a record holds itself does not count where it is `waiting` for that key.
    """
    own, taken = set(waiting), set[str]()
    for start in range(0, len(keys), CHUNK):
        chunk = keys[start : start + CHUNK]
        entries = LedgerEntry.objects.filter(lane=lane).exclude(entity_hash="")
        aliases = HeldAlias.objects.filter(lane=lane, key__in=chunk)
        for column, rows in (
            ("name_key", entries.filter(name_key__in=chunk)),
            ("id_key", entries.filter(id_key__in=chunk)),
            ("key", aliases),
        ):
            taken |= {key for key, _ in {*rows.values_list(column, "external_id")} - own}
        others = TakenName.objects.filter(lane=lane, key__in=chunk)
        taken |= set(others.values_list("key", flat=True))
    return set(keys) - taken


def held_by_others(lane: Lane, entities: Sequence[Entity]) -> list[TakenName]:
    """Return the names and ids of these entities that an entity outside the ledger holds."""
    keys = name_keys_of(entities)
    return list(TakenName.objects.filter(lane=lane, key__among=keys)) if keys else []


def holders(lane: Lane, keys: Collection[str]) -> dict[str, list[Holder]]:
    """Return the holders of these keys, by key: entities in the ledger and beside it."""
    by_key: dict[str, list[Holder]] = {}
    if not keys:
        return by_key
    own = _own_holders(lane, keys)
    departures = departed(lane, {holder.external_id for _, holder in own})
    for key, holder in own:
        became = departures.get(holder.external_id, "")
        by_key.setdefault(key, []).append(replace(holder, became=became) if became else holder)
    others = list(TakenName.objects.filter(lane=lane, key__among=keys))
    written = _written([row.entity_id for row in others if row.schema_name])
    for row in others:
        whose, of_lane = row.entity_registry_id or row.entity_id, row.entity_id in written
        holder = Holder("", whose, row.kind, row.archived, row.schema_name, of_lane=of_lane)
        by_key.setdefault(row.key, []).append(holder)
    return by_key


def _written(entity_ids: Collection[str]) -> set[str]:
    """Return which of these entities any lane of this app wrote."""
    if not entity_ids:
        return set()
    rows = LedgerEntry.objects.filter(entity_id__among=list(entity_ids)).exclude(entity_hash="")
    return set(rows.values_list("entity_id", flat=True))


def _own_holders(lane: Lane, keys: Collection[str]) -> list[tuple[str, Holder]]:
    entries = LedgerEntry.objects.filter(lane=lane).exclude(entity_hash="")
    found: list[tuple[str, Holder]] = []
    for kind, column in (("name", "name_key"), ("id", "id_key")):
        keyed = entries.filter(**{f"{column}__among": keys})
        whose = keyed.values_list(column, "external_id", "entity_registry_id")
        found += [(key, Holder(id_, registry_id, kind)) for key, id_, registry_id in whose]
    aliases = list(HeldAlias.objects.filter(lane=lane, key__among=keys))
    named = {alias.external_id for alias in aliases}
    columns = ("external_id", "entity_registry_id", "fields", "found_items")
    rows = entries.filter(external_id__among=named).only(*columns) if named else ()
    own = {row.external_id: (row, own_items(row, "aliases")) for row in rows}
    for alias in aliases:
        row, added = own.get(alias.external_id, (None, {alias.key}))
        registry_id = row.entity_registry_id if row else alias.external_id
        foreign = alias.key not in added
        found.append((alias.key, Holder(alias.external_id, registry_id, "alias", found=foreign)))
    return found


def conflict(
    entity: Entity, holders_by_key: dict[str, list[Holder]], claims: Claims
) -> Problem | None:
    """Return the problem of an entity whose name or registry id another one has, or None."""
    for key, own_kind in (
        (entity.registry_key, "id"),
        (entity.name_key, "name"),
        *((key, "alias") for key in sorted(entity.alias_keys)),
    ):
        for holder in [*holders_by_key.get(key, ()), *claims.holders(key)]:
            if holder.external_id != entity.external_id:
                return _problem(entity, key, own_kind, holder)
    return None


def _problem(entity: Entity, key: str, own_kind: str, holder: Holder) -> Problem:
    if own_kind == "id" and not holder.external_id and holder.kind == "id":
        return _taken_by_other(entity, key, holder)
    if own_kind == holder.kind == "id":
        return _same_id(entity, key, holder)
    noun = {"name": "name", "alias": "alias"}.get(own_kind, "registry id")
    value = {"name": entity.name, "id": entity.registry_id}.get(own_kind) or _alias(entity, key)
    whose = (
        holder.entity_registry_id
        if holder.external_id
        else f"{holder.entity_registry_id}, an entity {_of_schema(holder)}in Benchling"
        + ("" if holder.of_lane else " that this app did not make")
    )
    same = ""
    if not (holder.external_id or holder.archived or holder.schema_name):
        same = f" If they are the same, {ADOPT.format(id=entity.external_id)}."
    as_what = {"name": "as its name", "alias": "as an alias", "id": "as its registry id"}
    return Problem(
        kind="benchling" if holder.is_admins else "source",
        code="name_taken",
        message=f"The {noun} “{value}” of {entity.registry_id} is already used by {whose}, "
        f"{as_what[holder.kind]}. Names must be unique in a Benchling registry."
        + _left_sentence(holder),
        remedy=f"{_renames(entity, own_kind, holder)}{_with_ids(own_kind, holder)}. It will be "
        "retried once the name is free." + same,
        field={"name": "name", "alias": "aliases"}.get(own_kind, "registry id"),
        value=shortened(value, 200),
        waits_for=("name", key),
    )


def _with_ids(own_kind: str, holder: Holder) -> str:
    """Return how names get ids, if a name is one of the two that are the same."""
    if "name" not in (own_kind, holder.kind):
        return ""
    return (
        ", or have the integration owner add the id to the name with External Name Field, for "
        "example “{name} [{id}]”"
    )


def _renames(entity: Entity, own_kind: str, holder: Holder) -> str:
    """Return whose other name helps: one in the registry, if that still has both records."""
    own = _without(entity.registry_id, own_kind)
    if holder.is_admins:
        how = "removes the alias from" if holder.kind == "alias" else "renames"
        return (
            f"A Benchling admin {how} the entity {holder.entity_registry_id} in Benchling. Or "
            f"{own[0].lower()}{own[1:]} in the registry"
        )
    if holder.is_of_benchling:
        return f"{own} in the registry"
    other = _without(holder.entity_registry_id, holder.kind)
    if "alias" not in (own_kind, holder.kind):
        other = holder.entity_registry_id
        return f"Give {entity.registry_id} or {other} another name in the registry"
    return f"{own}, or {other[0].lower()}{other[1:]}, in the registry"


def _without(registry_id: str, kind: str) -> str:
    if kind == "alias":
        return f"Remove the alias from {registry_id}"
    return f"Give {registry_id} another name"


def _left_sentence(holder: Holder) -> str:
    if not holder.became:
        return ""
    whose = holder.entity_registry_id
    return (
        f" {whose} has left the registry; {holder.became}. An entity keeps its names and its id "
        "until someone changes them, also when it is archived."
    )


def _alias(entity: Entity, key: str) -> str:
    aliases = entity.fields.get("aliases") or ()
    return next((str(alias) for alias in aliases if name_key(str(alias)) == key), key)


def taken_in_benchling(entity: Entity, holder: Json, lane: Lane, key: str) -> Problem:
    """Return the problem of a new entity whose name or alias (`key`) an entity in Benchling has.

    `holder` is raw.
    """
    schema = holder.get("schema") or {}
    elsewhere = str(schema.get("name") or "") if schema.get("id") != lane.schema_id else ""
    whose = str(holder.get("entityRegistryId") or holder["id"])
    kind = "name" if name_key(holder["name"]) == key else "alias"
    of_lane = bool(elsewhere) and bool(_written([str(holder["id"])]))
    other = Holder("", whose, kind, schema_name=elsewhere, of_lane=of_lane)
    return _problem(entity, key, "name" if key == entity.name_key else "alias", other)


def _same_id(entity: Entity, key: str, holder: Holder) -> Problem:
    """Return the problem of two records whose ids are the same to Benchling."""
    ids = (
        entity.registry_id
        if holder.became
        else f"{entity.registry_id} or {holder.entity_registry_id}"
    )
    return Problem(
        kind="source",
        code="name_taken",
        message=f"The registry id {entity.registry_id} is the same as "
        f"{holder.entity_registry_id} to Benchling, which ignores case and the way an accent is "
        "written." + _left_sentence(holder),
        remedy=f"The registry's owner gives {ids} "
        "another id, or the integration owner chooses another External ID Field. It will be "
        "retried once the id is free.",
        field="registry id",
        value=shortened(entity.registry_id, 200),
        waits_for=("name", key),
    )


def _of_schema(holder: Holder) -> str:
    return f"of the schema {holder.schema_name} " if holder.schema_name else ""


def _taken_by_other(entity: Entity, key: str, holder: Holder) -> Problem:
    state = "archived in Benchling" if holder.archived else "already in Benchling"
    if holder.archived:
        remedy = "A Benchling admin unarchives it, or the registry's owner withdraws the record."
    elif holder.schema_name:
        remedy = (
            "The integration owner gives the ids of this registry their own prefix "
            "(registry_id_template in Connector Settings), or a Benchling admin unregisters it."
        )
    else:
        adopt = ADOPT.format(id=entity.external_id)
        remedy = f"If they are the same, {adopt}. Both sides are under Adoptions in the admin."
    return Problem(
        kind="benchling" if holder.archived else "mapping",
        code="archived" if holder.archived else "not_ours",
        message=f"An entity with the registry id {entity.registry_id} is {state}"
        + (f", in the schema {holder.schema_name}" if holder.schema_name else "")
        + ("." if holder.archived else " and was not made by this app; it was left unchanged."),
        remedy=remedy,
        field="registry id",
        value=shortened(entity.registry_id, 200),
        waits_for=("name", key),
    )
