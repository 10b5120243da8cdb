"""A great change asks first: what would overwrite much of Benchling at once stops the run.

The integration owner overrides it, once and with a reason, or the cause is fixed in the registry.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import QuerySet

from registry_sync import runs
from registry_sync.benchling.entity_types.parts import PART_KEYS
from registry_sync.core.problems import ConfigError, Problem, SourceError
from registry_sync.core.secrets import shortened
from registry_sync.core.text import number_of
from registry_sync.ledger.lookup import LedgerView
from registry_sync.ledger.record_outcome import RecordOutcome
from registry_sync.mapping.departures import has_left
from registry_sync.mapping.empty_hints import empty_hint
from registry_sync.mapping.model import FieldMapping
from registry_sync.mapping.rules import RuleError, apply
from registry_sync.models import Allowance, Change, Lane, LedgerEntry, SyncRun
from registry_sync.source.paths import ABSENT
from registry_sync.sync.context import RunContext
from registry_sync.sync.gates.allowance_use import is_overridden
from registry_sync.sync.gates.renamed_keys import renamed_keys
from registry_sync.sync.plans.plan_gate import hold_unplanned
from registry_sync.sync.records import Candidate, SourceRecord

What = Allowance.What
LEAST = 500
"""Updates that never stop a run, however small the ledger."""
EVIDENCE = 10
"""Records that a path must be missing from before anything is made of it."""
FIRST_PAGE = " of the first page"


class UpdateGuard:
    """Stops a run before it has changed more than a share of what the ledger holds.

    Counted are entities changed since the last good run, also by runs that failed in between:
    a run that stopped does not become small by having stopped. An entity that is changed back
    counts once, not twice.
    """

    def __init__(self, ctx: RunContext) -> None:
        self.ctx, self.run, self.lane = ctx, ctx.run, ctx.lane
        self.percent = ctx.terms.great_change_percent
        self._off = ctx.run.kind in (SyncRun.Kind.PLAN, SyncRun.Kind.APPLY)
        self._holds = False
        self._limit = self._held = self._since = 0
        self._count: int | None = None

    def check(
        self, candidates: Sequence[Candidate]
    ) -> tuple[Sequence[Candidate], Sequence[RecordOutcome]]:
        """Count the updates and let all candidates go on.

        Above the limit they are left for a plan where the lane needs one; else it raises
        SourceError.
        """
        updates = [c.entity.external_id for c in candidates if not c.is_new]
        if updates and not self._off and not self._holds:
            self._count_updates(updates)
        if self._holds and candidates:
            return (), hold_unplanned(self.ctx, candidates)
        return candidates, ()

    def _count_updates(self, updates: Sequence[str]) -> None:
        if self._count is None:
            self._begin()
            if self._off:
                return
        changes = self._changes().filter(external_id__among=updates)
        counted = set(changes.values_list("external_id", flat=True).distinct())
        self._count = (self._count or 0) + len(set(updates) - counted)
        if self._count > self._limit and not is_overridden(self.ctx, What.GREAT_CHANGE):
            if self.run.dry_run or self.lane.plans_for != Lane.PlansFor.GREAT_CHANGES:
                raise self._stop(updates)
            self._holds = True
            return
        self._off = self._count > self._limit

    def _begin(self) -> None:
        last = self.ctx.last_good
        self._off = last is None or last.fingerprint != self.run.fingerprint
        self._since = last.pk if last else 0
        self._held = LedgerEntry.objects.filter(lane=self.lane).exclude(entity_hash="").count()
        self._limit = max(LEAST, self._held * self.percent // 100)
        self._count = self._changes().values("external_id").distinct().count()

    def _changes(self) -> QuerySet[Change]:
        rows = Change.objects.filter(lane=self.lane, run_id__gt=self._since, created=False)
        return rows.exclude(run__kind=SyncRun.Kind.APPLY)  # which were signed

    def _stop(self, updates: Sequence[str]) -> SourceError:
        return SourceError(
            f"More than {self._limit:,} of the {number_of(self._held, 'entity', 'entities')} in "
            f"Benchling would be changed at once (including {', '.join(updates[:3])}), though the "
            "mapping is the same. Nothing beyond that limit was written.",
            remedy="The registry's owner says whether so many records were meant to change. If "
            "so, the integration owner overrides it once: manage.py allow great-change --reason "
            "“…”, or Overrides in the admin. If not, the registry is corrected and the next "
            "run continues automatically.",
            code="great_change",
        )


def check_paths(ctx: RunContext, records: Sequence[SourceRecord]) -> list[str]:
    """Return the mapped paths that no record of the first page has, and nothing had before.

    Raise SourceError where they held values before, ConfigError where every record would be
    refused for it.
    """
    run, lane, mapping = ctx.run, ctx.lane, ctx.setup.mapping
    records = [record for record in records if not has_left(record.raw, mapping)]
    if len(records) < EVIDENCE:
        _check_renamed(ctx, records)
        return []
    # What changed lately may well be alike; what everything lacks is the configuration's fault.
    whole = run.reads_all
    if whole and all(
        record.problem is not None and record.problem.code == "no_id" for record in records
    ):
        raise _never("the id", "External ID Field", records)
    if whole and all(mapping.name(record.raw) in (ABSENT, None, "") for record in records):
        raise _never("the name", f"External Name Field, “{mapping.name_path}”", records)
    absent = [m for m in mapping.fields if m.path and _absent(m, records)]
    if not absent:
        return []
    counts = _held_before(lane, absent, records)
    lost = [m for m in absent if counts.get(m.field.id, 0) >= EVIDENCE]
    if lost and not is_overridden(ctx, What.PATH_GONE, paths=[m.path for m in lost]):
        runs.save_columns(run, ctx.lease, lost_paths=sorted(m.path for m in lost))
        raise _paths_gone(lost, len(records))
    missing = [m for m in absent if m not in lost]
    _check_renamed(ctx, records)
    for mapped in missing:
        if whole and mapped.field.is_required:
            field_text = f"the required field “{mapped.field.name}”"
            raise _never(field_text, f"its path “{mapped.path}”", records)
    return [mapped.path for mapped in missing]


def check_named(ctx: RunContext, records: Sequence[SourceRecord]) -> None:
    """Raise SourceError before records that were asked for by id lose what has a new key."""
    records = [record for record in records if not has_left(record.raw, ctx.setup.mapping)]
    _check_renamed(ctx, records, by_id=True)


def _check_renamed(
    ctx: RunContext, records: Sequence[SourceRecord], *, by_id: bool = False
) -> None:
    """Raise SourceError before few records clear what they now have under another key."""
    absent = [m for m in ctx.setup.mapping.fields if m.path and _absent(m, records)]
    found = renamed_keys(ctx, absent, records, by_id=by_id) if records else {}
    lost = [mapped for mapped in absent if mapped.path in found]
    if lost and not is_overridden(ctx, What.PATH_GONE, paths=[m.path for m in lost]):
        runs.save_columns(ctx.run, ctx.lease, lost_paths=sorted(m.path for m in lost))
        new = " and ".join(f"“{found[m.path]}”" for m in lost)
        place = "" if by_id else FIRST_PAGE
        raise _paths_gone(lost, len(records), f" They have the same values at {new}.", place)


def check_values(
    ctx: RunContext, records: Sequence[SourceRecord], settled: Sequence[RecordOutcome]
) -> None:
    """Look for a field that takes no value of the first page at all.

    Raise ConfigError: it was mapped wrongly, or has another type in Benchling now. That an
    option is missing is a record's own error, unless the field only now became a dropdown.
    """
    last = ctx.last_good
    types = last.mapping.get("types", {}) if last else {}
    for mapped in ctx.setup.mapping.fields:
        was = types.get(mapped.field.id, mapped.field.kind)
        refusals = [
            problem
            for outcome in settled
            for problem in outcome.problems
            if problem.field == mapped.field.name
            and problem.code != "required_missing"
            and (problem.code == "wrong_type" or was != mapped.field.kind)
        ]
        if len(refusals) < EVIDENCE:
            continue
        values = [mapped.get(record.raw) for record in records]
        if len(refusals) == sum(value not in (ABSENT, None, "", []) for value in values):
            hints = (empty_hint(value, mapped.field) for value in values)
            part = refusals[0].remedy if mapped.field.id in PART_KEYS else ""
            raise _unfit(mapped, was, refusals, next(filter(None, hints), part))


def other_substance(
    ctx: RunContext, external_id: str, before: LedgerView | None, identity: str
) -> Problem | None:
    """Find a known id that has become another substance, by the paths of `identity`."""
    if before is None or not is_other_substance(before.identity, identity):
        return None
    if is_overridden(ctx, What.IDENTITY, external_id):
        return None
    return substance_problem(external_id, before.identity, identity)


def is_other_substance(was: str, identity: str) -> bool:
    """Return whether two identities are known and differ."""
    # "[]": an empty list, before it counted as unknown.
    return bool(was and identity) and was not in (identity, "[]")


def substance_problem(external_id: str, was: str, identity: str) -> Problem:
    """Return the problem of a known id that is another substance now."""
    return Problem(
        kind="source",
        code="another_substance",
        message=f"{external_id} was “{shortened(was, 200)}” and is now “{shortened(identity, 200)}”"
        ": another substance under a known id. Nothing was written for it.",
        remedy=f"The registry's owner gives the new substance its own id. If {external_id} "
        "was only corrected, the integration owner overrides it once: manage.py allow identity "
        f"--id {external_id} --reason “…”, or Overrides in the admin.",
        field="identity",
        value=shortened(identity, 200),
        waits_for=("allowance", external_id),
    )


def _absent(mapped: FieldMapping, records: Sequence[SourceRecord]) -> bool:
    if any(not mapped.is_missing(record.raw) for record in records):
        return False
    try:  # a constant or a default gives the value all the same
        return apply(mapped.steps, ABSENT) is ABSENT
    except RuleError:
        return True


def _held_before(
    lane: Lane, absent: Sequence[FieldMapping], records: Sequence[SourceRecord]
) -> dict[str, int]:
    """Count in how many of these records each field had a value when they were last written."""
    ids = [record.external_id for record in records]
    rows = LedgerEntry.objects.filter(lane=lane, external_id__among=ids)
    counts: dict[str, int] = {}
    for fields in rows.values_list("fields", flat=True):
        for mapped in absent:
            if mapped.is_held(fields):
                counts[mapped.field.id] = counts.get(mapped.field.id, 0) + 1
    return counts


def _paths_gone(
    lost: Sequence[FieldMapping], count: int, evidence: str = "", place: str = FIRST_PAGE
) -> SourceError:
    named = " and ".join(f"“{m.path}” (for “{m.field.name}”)" for m in lost)
    return SourceError(
        f"None of the {number_of(count, 'record')}{place} has {named}, which had values before."
        f"{evidence} Nothing was written.",
        remedy="If the registry renamed it, the integration owner corrects the row in Field "
        "Configurations. If it is gone for good, manage.py allow path-gone --reason “…” lets one "
        "run pass, which keeps the values in Benchling, or clears them if endpoint.absent is "
        "“clear”.",
        code="path_gone",
    )


def _unfit(mapped: FieldMapping, was: str, refusals: Sequence[Problem], hint: str) -> ConfigError:
    retyped = f" (it was {was} when the last run ended well)" if was != mapped.field.kind else ""
    return ConfigError(
        f"The field “{mapped.field.name}” is of type {mapped.field.type}{retyped} and takes none "
        f"of the {number_of(len(refusals), 'value')} of the first page. {refusals[0].message}",
        remedy=hint
        or "A Benchling admin gives the field its former type back, or the integration owner "
        "maps another field, or this one with a rule (Mapping Rules) that fits.",
        code="field_type",
    )


def _never(missing: str, where: str, records: Sequence[SourceRecord]) -> ConfigError:
    keys = ", ".join(sorted(records[0].raw)[:12])
    return ConfigError(
        f"None of the {number_of(len(records), 'record')} of the first page has {missing} at "
        f"{where}. A record has: {keys}.",
        remedy="The integration owner corrects it in the app's configuration in Benchling.",
        code="path_never",
    )
