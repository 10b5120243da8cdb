"""A lane's open errors, grouped by cause."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Min, QuerySet

from registry_sync import runs
from registry_sync.models import EntityError, Lane
from registry_sync.reporting.catalogue import Cause, record_actor, record_cause


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """The open errors of one cause; `who` labels those who must act, the most concerned first."""

    code: str
    cause: Cause
    who: tuple[str, ...]
    count: int
    first_seen: datetime
    last_seen: datetime

    @property
    def title(self) -> str:
        return self.cause.title

    @property
    def remedy(self) -> str:
        return self.cause.remedy


def error_groups(open_errors: QuerySet[EntityError]) -> list[ErrorGroup]:
    """Return open errors by cause, the most frequent first: one query, from an index alone."""
    rows = open_errors.order_by().values_list("code", "kind", "assigned")
    counted = rows.annotate(n=Count("*"), first=Min("first_seen"), last=Max("last_seen"))
    by_code: dict[str, list[tuple[str, str, int, datetime, datetime]]] = {}
    for code, *row in counted:
        by_code.setdefault(code, []).append(tuple(row))
    found = [_group(code, parts) for code, parts in by_code.items()]
    return sorted(found, key=lambda group: (-group.count, group.code))


def groups_with_examples(lane: Lane | None, *, most: int) -> list[tuple[ErrorGroup, EntityError]]:
    """Return a lane's most frequent groups, each with its oldest error."""
    if lane is None:
        return []
    open_errors = runs.open_errors(lane)
    return [
        (group, open_errors.filter(code=group.code).order_by("first_seen", "pk")[0])
        for group in error_groups(open_errors)[:most]
    ]


def _group(code: str, parts: Iterable[tuple[str, str, int, datetime, datetime]]) -> ErrorGroup:
    parts = sorted(parts, key=lambda part: -part[2])
    actors = (record_actor(code, kind, assigned) for kind, assigned, *_ in parts)
    return ErrorGroup(
        code=code,
        cause=record_cause(code),
        who=tuple(dict.fromkeys(actor.label for actor in actors)),
        count=sum(part[2] for part in parts),
        first_seen=min(part[3] for part in parts),
        last_seen=max(part[4] for part in parts),
    )
