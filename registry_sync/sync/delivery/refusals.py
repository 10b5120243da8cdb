"""Benchling's refusals in words for the person who must act."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from registry_sync.benchling.errors import Refused
from registry_sync.benchling.schema import EntitySchema
from registry_sync.core.problems import Kind, Problem, WaitsFor
from registry_sync.core.readable import readable
from registry_sync.core.secrets import shortened
from registry_sync.core.text import name_key
from registry_sync.mapping.model import Entity
from registry_sync.sync.links import missing_link


@dataclass(frozen=True, slots=True)
class RefusalKind:
    """One sort of refusal, known by Benchling's words, and what to do about it."""

    pattern: re.Pattern[str]
    kind: Kind
    code: str
    remedy: str


NEXT_RUN = "It will be retried when the record changes, or with Retry failed."
PERMISSION = RefusalKind(
    re.compile(r"permission|not allowed|forbidden|access", re.IGNORECASE),
    "benchling",
    "permission",
    "A Benchling admin gives the app the permission that is named; the next run tries again.",
)
CAUSES = (
    RefusalKind(
        re.compile(r"archived", re.IGNORECASE),
        "benchling",
        "archived",
        "A Benchling admin unarchives what is named, or the registry's owner withdraws {id}. "
        + NEXT_RUN,
    ),
    RefusalKind(
        re.compile(r"unique|already (in use|exists|taken|used)|duplicate", re.IGNORECASE),
        "source",
        "not_unique",
        "Give {id} another value in the registry, or a Benchling admin changes the entity that "
        "has it. " + NEXT_RUN,
    ),
    RefusalKind(
        re.compile(r"made by someone else"),
        "mapping",
        "not_ours",
        "If both are the same, the integration owner takes it over: manage.py adopt --id {id} "
        "--reason “…”. Both sides are under Adoptions in the admin after the next run.",
    ),
    PERMISSION,
)
AUTHOR = RefusalKind(
    re.compile(""),
    "benchling",
    "author_unknown",
    "A Benchling admin adds the user or gives the app access to them, or the registry's owner "
    "corrects the authors of {id}; the next run tries again.",
)
"""A refusal that names one of the entity's authors."""
OTHER = RefusalKind(
    re.compile(""),
    "source",
    "refused",
    "Correct {id} in the registry as Benchling's words say, or the integration owner corrects "
    "the mapping. " + NEXT_RUN,
)


def entity_problem(
    entity: Entity, refused: Refused, schema: EntitySchema, *, missing_links: Collection[str] = ()
) -> Problem:
    """Turn Benchling's words about one entity into a Problem.

    `missing_links` are the registry ids it points at that are not in Benchling yet.
    """
    message = shortened(" ".join(refused.message.split()), 500) or "it gave no reason"
    if missing_links:
        return missing_link(entity, sorted(missing_links)[0], message)
    author = next((a for a in entity.fields.get("authors") or () if _names(message, a)), "")
    cause = next((cause for cause in CAUSES if cause.pattern.search(message)), OTHER)
    is_named = _names(message, entity.registry_id) or _names(message, entity.name)
    if author and (cause in (OTHER, PERMISSION) or (cause.code == "archived" and not is_named)):
        cause = AUTHOR
    alias = "" if is_named or cause.code != "not_unique" else _alias_named(message, entity)
    field = "authors" if cause is AUTHOR else _field_named(message, schema)
    field = "aliases" if alias else field
    return Problem(
        kind=cause.kind,
        code=cause.code,
        message=f"Benchling refuses {entity.registry_id} (“{entity.name}”)"
        + (f", field “{field}”" if field else "")
        + f": {message.rstrip('.')}.",
        remedy=cause.remedy.format(id=entity.external_id),
        field=field,
        value=author if cause is AUTHOR else alias or _value_of(field, entity, schema),
        waits_for=_waits_for(cause, entity, alias),
    )


def _waits_for(cause: RefusalKind, entity: Entity, alias: str) -> WaitsFor | None:
    if cause.code == "permission":
        return "permission", ""
    if cause is AUTHOR:
        return "author", ""
    if cause.code == "not_ours":
        return "name", entity.registry_key
    if cause.code == "archived":
        return "unarchived", entity.registry_id
    name = name_key(alias) or entity.name_key
    return ("benchling name", name) if cause.code == "not_unique" else None


def set_aside(external_id: str, message: str) -> Problem:
    """Return the problem of a record whose batch failed and whose cause was not found in time."""
    reason = message.rstrip(".") or "it gave no reason"
    return Problem(
        kind="transient",
        code="set_aside",
        message=f"{external_id} was in a batch that Benchling refused ({reason}); too many "
        "of its records were refused to try each one now.",
        remedy="Nothing to do: the next run retries it. Fix the records that were named first.",
    )


def _names(message: str, author: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(author)}(?!\w)", message) is not None


def _field_named(message: str, schema: EntitySchema) -> str:
    """Find the field that the words name: the longest name that stands in them."""
    folded = name_key(message)
    named = [field.name for field in schema.fields if name_key(field.name) in folded]
    return max(named, key=len, default="")


def _alias_named(message: str, entity: Entity) -> str:
    """Return the alias that the words name, the longest of several; "" if they name none."""
    aliases = map(str, entity.fields.get("aliases") or ())
    return max((alias for alias in aliases if _names(message, alias)), key=len, default="")


def _value_of(field_name: str, entity: Entity, schema: EntitySchema) -> str:
    for field in schema.fields:
        if field.name == field_name:
            value = entity.fields.get(field.id)
            return shortened(readable(value, empty=""), 200)
    return ""
