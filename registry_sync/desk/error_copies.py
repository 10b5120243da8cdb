"""A list of refused records to send to whoever repairs them: as a text, and as rows of a CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from registry_sync import runs
from registry_sync.core.dates import stamp
from registry_sync.core.readable import readable
from registry_sync.core.text import number_of
from registry_sync.core.types import Json
from registry_sync.desk.error_waits import waits_of
from registry_sync.models import EntityError, Lane, SyncRun
from registry_sync.reporting.catalogue import record_actor_key, record_cause
from registry_sync.reporting.error_groups import ErrorGroup, error_groups
from registry_sync.reporting.redaction import redact
from registry_sync.source.paths import PathError, compile_template

HEADER = (
    "external id", "name", "cause", "what is wrong", "Benchling field", "registry path", "value",
    "what to do", "what it waits for", "first seen",
)  # fmt: skip
CHUNK = 500
IN_TEXT = 1000
"""Records that the text names at most; the CSV has all."""


@dataclass(frozen=True, slots=True)
class ErrorCopy:
    """The open errors of a lane that are copied: those of one cause, or of one actor."""

    lane: Lane
    name: str
    groups: Sequence[ErrorGroup]
    errors: QuerySet[EntityError]

    @property
    def count(self) -> int:
        """Return how many records it has."""
        return sum(group.count for group in self.groups)


@dataclass(frozen=True, slots=True)
class RecordLine:
    """What a list says of one record, without secrets."""

    external_id: str
    name: str
    code: str
    message: str
    field: str
    path: str
    value: str
    remedy: str
    waits: str
    first_seen: Any

    def cells(self) -> tuple[Any, ...]:
        """Return it as a row under HEADER."""
        title = record_cause(self.code).title
        return (
            self.external_id, self.name, title, self.message, self.field, self.path, self.value,
            self.remedy, self.waits, self.first_seen,
        )  # fmt: skip


def error_copy(lane: Lane, *, code: str = "", actor: str = "") -> ErrorCopy:
    """Return a lane's open errors, of one cause or those that an actor must repair, or all."""
    rows = runs.open_errors(lane)
    rows = rows.filter(code=code) if code else rows
    rows = _of_actor(rows, actor) if actor else rows
    return ErrorCopy(lane, runs.LaneNames().of(lane), error_groups(rows), rows)


def _of_actor(rows: QuerySet[EntityError], actor: str) -> QuerySet[EntityError]:
    """Return the errors that an actor must repair, as other faces say: by error, not by cause."""
    found = rows.order_by().values_list("code", "kind", "assigned").distinct()
    of_actor = Q(pk__in=[])
    for code, kind, assigned in found:
        if record_actor_key(code, kind, assigned) == actor:
            of_actor |= Q(code=code, kind=kind, assigned=assigned)
    return rows.filter(of_actor)


def lines_of(copy: ErrorCopy) -> Iterator[RecordLine]:
    """Yield each record, cause by cause, the oldest first; no cursor is held open."""
    summary = _summary(copy)
    name_of, paths = _naming(summary), _paths(summary)
    for group in copy.groups:
        found = copy.errors.filter(code=group.code)
        after = found = found.order_by("first_seen", "pk")
        while errors := list(after[:CHUNK]):
            yield from _lines(copy, errors, name_of, paths)
            last = errors[-1]
            beyond = Q(first_seen__gt=last.first_seen) | Q(pk__gt=last.pk)
            after = found.filter(beyond, first_seen__gte=last.first_seen)


def _lines(
    copy: ErrorCopy,
    errors: Sequence[EntityError],
    name_of: Callable[[Json | None], str],
    paths: dict[str, str],
) -> Iterator[RecordLine]:
    for error in errors:
        error.lane = copy.lane
    marks, waits = _marks(errors), waits_of(errors)
    ids = [error.external_id for error in errors]
    entries = copy.lane.ledger.filter(external_id__in=ids)
    names = dict(entries.values_list("external_id", "name"))
    for error in errors:
        named = {error.field or "value": error.value}
        yield RecordLine(
            external_id=error.external_id,
            name=redact(name_of(error.raw) or names.get(error.external_id, ""), marks),
            code=error.code,
            message=redact(error.message, marks),
            field=error.field,
            path=paths.get(error.field, ""),
            value=str(next(iter(redact(named, marks).values()))),
            remedy=error.remedy,
            waits=redact(waits[error.pk], marks),
            first_seen=error.first_seen,
        )


def copy_as_text(copy: ErrorCopy) -> str:
    """Return the list as a text for a mail or a ticket."""
    now, where = stamp(timezone.now()), f" of {copy.name}" if copy.name else ""
    are = "is" if copy.count == 1 else "are"
    head = f"{number_of(copy.count, 'record')}{where} {are} not up to date in Benchling"
    parts = [f"{head}, as of {now}."]
    records = islice(lines_of(copy), IN_TEXT)
    by_code: dict[str, list[RecordLine]] = {}
    for line in records:
        by_code.setdefault(line.code, []).append(line)
    for group in copy.groups:
        if group.code in by_code:
            parts += _group_text(group, by_code[group.code])
    if copy.count > IN_TEXT:
        parts.append(f"These are the first {IN_TEXT:,} records. The CSV has all {copy.count:,}.")
    return "\n\n".join(parts) + "\n"


def _group_text(group: ErrorGroup, lines: Sequence[RecordLine]) -> list[str]:
    remedies = {line.remedy for line in lines}
    remedy = remedies.pop() if len(remedies) == 1 else group.remedy
    head = (
        f"{number_of(group.count, 'record')}: {group.title}\n"
        f"Who must act: {', or '.join(group.who)}\nWhat to do: {remedy}\n"
        f"Since: {stamp(group.first_seen)}"
    )
    return [head, *(_record_text(line, remedy) for line in lines)]


def _record_text(line: RecordLine, remedy: str) -> str:
    found = [f"- {line.external_id}{f' “{line.name}”' if line.name else ''}: {line.message}"]
    if line.field:
        path = f" (in the registry: {line.path})" if line.path else ""
        found.append(f"  Field: {line.field}{path}")
    if line.value:
        found.append(f"  Value: {line.value}")
    if line.remedy and line.remedy != remedy:
        found.append(f"  What to do: {line.remedy}")
    return "\n".join(found)


# -- what the records are called ---------------------------------------------------------------


def _summary(copy: ErrorCopy) -> Json:
    """Return the mapping of the newest run that refused one of these records."""
    newest = copy.errors.order_by("-run_id").values_list("run__mapping", flat=True).first()
    return newest or {}


def _naming(summary: Json) -> Callable[[Json | None], str]:
    """Return a function from a record as the registry gave it to its name; "" for none."""
    try:
        get = compile_template(str(summary.get("name") or ""))
    except PathError:
        return lambda raw: ""

    def name_of(raw: Json | None) -> str:
        found = get(raw) if isinstance(raw, dict) else None
        return found if isinstance(found, str) else readable(found, empty="") if _is(found) else ""

    return name_of


def _is(value: Any) -> bool:
    return isinstance(value, (int, float))


def _paths(summary: Json) -> dict[str, str]:
    """Return the registry's path of each Benchling field."""
    rows = summary.get("rows") or []
    return {str(row.get("field")): str(row.get("path") or "") for row in rows}


def _marks(errors: Sequence[EntityError]) -> list[str]:
    """Return the marks of the registry's keys that the runs of these errors used."""
    of = {error.run_id for error in errors}
    used = SyncRun.objects.filter(pk__in=of).order_by()
    found = used.values_list("mapping__key_mark", flat=True).distinct()
    return [str(mark) for mark in found if mark]
