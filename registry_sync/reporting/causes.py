"""Why records are not in Benchling, in few words: each cause's name, who must act, what to do.

Errors are grouped by their code. What differs from record to record is in the error itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Min, QuerySet

from registry_sync.models import EntityError

WHO = {
    EntityError.Kind.SOURCE: "the registry's owner",
    EntityError.Kind.MAPPING: "the integration owner",
    EntityError.Kind.BENCHLING: "a Benchling admin",
    EntityError.Kind.TRANSIENT: "nobody: it is tried again",
}


@dataclass(frozen=True, slots=True)
class Title:
    """A cause as it is listed: a label that follows a count, and the remedy in one sentence."""

    label: str
    remedy: str


TITLES = {
    "name_taken": Title(
        "name already used in this Benchling registry",
        "Give one of the two another name in the registry, or add the id to every name with "
        "External Name Field.",
    ),
    "not_unique": Title(
        "value already used in Benchling",
        "Give the record another value in the registry, or change the entity that has it.",
    ),
    "not_ours": Title(
        "entity was in Benchling before",
        "If both are the same, take it over under Adoptions; else give the registry's ids a "
        "prefix of their own.",
    ),
    "archived": Title(
        "archived in Benchling",
        "Unarchive what is named, or withdraw the record from the registry.",
    ),
    "permission": Title(
        "permission missing in Benchling",
        "Give the app the permission that is named; the next run tries again.",
    ),
    "refused": Title(
        "refused by Benchling",
        "Correct the record as Benchling's words say, or map the field another way.",
    ),
    "set_aside": Title(
        "set aside, tried again next time",
        "Repair the other causes first; the next run tries these again.",
    ),
    "link_missing": Title(
        "linked record not in Benchling yet",
        "Check the reference in the registry; the record follows once its target is there.",
    ),
    "dropdown_option_missing": Title(
        "option missing in a Benchling dropdown",
        "Add the option to the dropdown, or correct the value in the registry.",
    ),
    "dropdown_ambiguous": Title(
        "fits several options of a dropdown",
        "Rename or archive all but one of the options, or translate the value with a label table.",
    ),
    "required_missing": Title(
        "required value missing",
        "Fill the value in the registry, or give the field a default in Mapping Rules.",
    ),
    "several_values": Title(
        "several values for a field that takes one",
        "Leave one value in the registry, or make the Benchling field one that takes several.",
    ),
    "wrong_type": Title(
        "value of another type than the field",
        "Correct the value in the registry, or map it with a rule that reads its form.",
    ),
    "out_of_range": Title(
        "value out of range",
        "Correct the value in the registry, or widen the field's limits in Benchling.",
    ),
    "unreadable_text": Title(
        "text that cannot be stored",
        "Take the unreadable character out of the record in the registry.",
    ),
    "rule": Title(
        "mapping rule does not fit the value",
        "Change the field's rule so that it takes the value, or correct the value in the registry.",
    ),
    "name_missing": Title(
        "record without a name",
        "Name the record in the registry, or correct External Name Field.",
    ),
    "no_id": Title(
        "record without an id",
        "Give the record an id in the registry, or correct External ID Field.",
    ),
    "unusable_id": Title(
        "id that cannot be a registry id",
        "Correct External ID Field, or shorten the id in the registry.",
    ),
    "no_detail": Title(
        "record that could not be read whole",
        "Check its detail in the registry, and whether API Key may read it.",
    ),
    "id_twice": Title(
        "id borne by two records",
        "Give each record its own id in the registry, or correct External ID Field.",
    ),
    "another_substance": Title(
        "another substance under a known id",
        "Give the new substance an id of its own, or allow the correction under Allowances.",
    ),
}


@dataclass(frozen=True, slots=True)
class Group:
    """The open errors of one cause."""

    code: str
    title: Title
    who: tuple[str, ...]
    count: int
    first_seen: datetime
    last_seen: datetime


def title(code: str) -> Title:
    """Name a cause."""
    return TITLES.get(code) or Title(code.replace("_", " "), "Each record says what to do.")


def who(kind: str, assigned: str = "") -> str:
    """Say who must act: whom a person assigned it to, else whom its kind names."""
    return WHO[EntityError.Kind(assigned or kind)]


def groups(open_errors: QuerySet[EntityError]) -> list[Group]:
    """Group open errors by cause, the most frequent first: one query, from an index alone."""
    rows = open_errors.order_by().values_list("code", "kind", "assigned")
    counted = rows.annotate(n=Count("*"), first=Min("first_seen"), last=Max("last_seen"))
    by_code: dict[str, list[tuple[str, str, int, datetime, datetime]]] = {}
    for code, *row in counted:
        by_code.setdefault(code, []).append(tuple(row))
    found = [_group(code, parts) for code, parts in by_code.items()]
    return sorted(found, key=lambda group: (-group.count, group.code))


def _group(code: str, parts: Iterable[tuple[str, str, int, datetime, datetime]]) -> Group:
    parts = sorted(parts, key=lambda part: -part[2])
    return Group(
        code=code,
        title=title(code),
        who=tuple(dict.fromkeys(who(kind, assigned) for kind, assigned, *_ in parts)),
        count=sum(part[2] for part in parts),
        first_seen=min(part[3] for part in parts),
        last_seen=max(part[4] for part in parts),
    )
