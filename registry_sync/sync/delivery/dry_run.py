"""A dry run's delivery: the same candidates, the same checks, and nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from registry_sync import ledger, runs
from registry_sync.core.problems import Kind, Problem, WaitsFor
from registry_sync.core.text import first_ids, name_key
from registry_sync.core.types import Json
from registry_sync.ledger.record_outcome import Outcome, RecordOutcome
from registry_sync.ledger.shared_items import own_items
from registry_sync.mapping.model import Entity
from registry_sync.models import EntityError, LedgerEntry
from registry_sync.runs import schema_view
from registry_sync.sync.context import RunContext
from registry_sync.sync.delivery.dry_run_waits import DryRunWaits
from registry_sync.sync.delivery.link_forecast import LinkForecast
from registry_sync.sync.gates import names
from registry_sync.sync.gates.claims import NameClaims
from registry_sync.sync.plans.plan_recorder import NoPlan
from registry_sync.sync.records import Candidate
from registry_sync.sync.withdrawals import policy

LEFT = {
    "scope": "Left the lane's scope",
    "flag": "Deleted, as the registry's record says",
    "tombstone": "Marked as deleted in the registry",
    "": "Left the registry",
}
"""How records left, by `RecordOutcome.how`."""


class DryRunDelivery:
    """The delivery that writes nothing: it counts, and tells the listener what would happen."""

    def __init__(self, ctx: RunContext, claims: NameClaims, plan: NoPlan) -> None:
        self.run, self.lane, self.setup = ctx.run, ctx.lane, ctx.setup
        self.lease = ctx.lease
        self.client, self.claims, self.listener = ctx.client, claims, ctx.listener
        self.underway: dict[str, str] = {}
        self._links = LinkForecast(ctx, claims)
        self._waits = DryRunWaits(ctx, claims, self._links)
        self._plan = plan
        self.seen: dict[str, bool] = {}
        """The records that were refused before, and whether they came as they were then."""
        self.refused: dict[str, str] = {}
        """The hashes of records that this run refused and that did not pass since."""
        ledger.delete_predicted(ctx.run)

    def recover(self) -> None:
        pass

    def rename(self, entities: Sequence[Entity]) -> None:
        pass

    def send_full_batches(self) -> None:
        pass

    def flush(self, *, together: bool = False) -> None:
        pass

    def oldest_position(self) -> Json | None:
        return None

    def record(
        self,
        outcomes: Sequence[RecordOutcome],
        views: dict[str, ledger.LedgerView],
        same: Sequence[int] = (),
        **run_values: Any,
    ) -> None:
        """Count what would not be sent, and tell what would be refused.

        What waits for another record is looked at again at the end, as the sync does.
        """
        self.run.read += len(same)
        self.run.unchanged += len(same)
        self._see(outcomes)
        withdrawn = [s for s in outcomes if s.gone and _held(views, s)]
        self._report_withdrawn([s for s in withdrawn if not self._may_go(s)])
        self._waits.outcomes += [s for s in outcomes if _waits(s)]
        self._refuse([s for s in outcomes if not _waits(s)])

    def _see(self, outcomes: Sequence[RecordOutcome]) -> None:
        for outcome in outcomes:
            if outcome.outcome == Outcome.FAILED:
                self.seen[outcome.external_id] = not outcome.problems
                self.refused[outcome.external_id] = outcome.raw_hash

    def conclude(self) -> None:
        """Settle what waited until every record was seen."""
        while passing := self._waits.pass_some():
            self.add(passing)
        self._refuse([self._waits.explained(waiting) for waiting in self._waits.outcomes])
        self._waits.outcomes = []

    def _may_go(self, outcome: RecordOutcome) -> bool:
        """Return whether the policy archives what left in this way: then the forecast tells."""
        allowed = policy.BY_MODE[self.setup.connector.deletes.mode]
        return policy.archives(self.lane) and outcome.how in allowed

    def _report_withdrawn(self, outcomes: Sequence[RecordOutcome]) -> None:
        """Say of each record how it left, and warn of all that left in the same way."""
        by_way: dict[str, list[str]] = {}
        for outcome in outcomes:
            reason = f"{LEFT.get(outcome.how, LEFT[''])}. Nothing is changed."
            self.listener.finding(outcome.external_id, "reported as withdrawn", [reason])
            by_way.setdefault(outcome.how, []).append(outcome.external_id)
        if by_way:
            ways = [f"{LEFT.get(how, LEFT[''])}: {first_ids(ids)}." for how, ids in by_way.items()]
            text = f"{' '.join(ways)} Nothing is archived."
            runs.warn(self.run, self.lease, "withdrawn", text)

    def _refuse(self, outcomes: Sequence[RecordOutcome]) -> None:
        failed = [outcome for outcome in outcomes if outcome.outcome == Outcome.FAILED]
        on_file = self._on_file([s.external_id for s in failed if not s.problems])
        for outcome in outcomes:
            self._count(outcome.outcome)
        self._keep(
            [
                (s.external_id, s.problems or (on_file.get(s.external_id) or _unknown(s),))
                for s in failed
            ]
        )

    def _keep(self, refused: Sequence[tuple[str, Sequence[Problem]]]) -> None:
        """Keep what would be refused, each record with its cause, for the run's page and CSV."""
        ledger.save_predicted(self.run, refused)
        for external_id, problems in refused:
            texts = [f"{p.message} {p.remedy}" for p in problems]
            self.listener.finding(external_id, "refused", texts)

    def add(self, candidates: Sequence[Candidate]) -> None:
        """Ask Benchling, read-only, what only Benchling knows; count the rest as written."""
        elsewhere = self._names_elsewhere(candidates)
        in_benchling = self._links.elsewhere({t for c in candidates for t in c.entity.links})
        rows = LedgerEntry.objects.filter(
            lane=self.lane, external_id__in=[c.entity.external_id for c in candidates]
        )
        old = {row.external_id: row for row in rows.exclude(entity_hash="")}
        errors = self._on_file([c.entity.external_id for c in candidates])
        self.seen |= dict.fromkeys(errors, False)
        refused: list[tuple[str, Sequence[Problem]]] = []
        going: list[Candidate] = []
        for candidate in candidates:
            entity = candidate.entity
            self.refused.pop(entity.external_id, None)
            keys = [entity.name_key, *sorted(entity.alias_keys)]
            named = next((elsewhere[key] for key in keys if key in elsewhere), None)
            problem = (named if candidate.is_new else None) or self._links.problem(
                entity, in_benchling
            )
            if problem is not None:
                self._count(Outcome.FAILED)
                refused.append((entity.external_id, (problem,)))
            else:
                self._would_write(candidate, old.get(entity.external_id))
                going.append(candidate)
        self._keep(refused)
        self._plan.add(going)

    def _would_write(self, candidate: Candidate, before: LedgerEntry | None) -> None:
        entity, schema = candidate.entity, schema_view(self.lane)
        field_names = {field.id: field.name for field in self.setup.schema.fields}
        self._count(Outcome.CREATED if candidate.is_new else Outcome.UPDATED)
        if before is not None and before.name_key != entity.name_key:
            self._waits.given_up.add(before.name_key)
        if before is not None and "aliases" in entity.fields:
            self._waits.given_up |= own_items(before, "aliases") - entity.alias_keys
        self.listener.finding(
            entity.external_id,
            "created" if candidate.is_new else "changed",
            [
                f"{field_names.get(field_id, field_id)}: {schema.text(field_id, was)} → "
                f"{schema.text(field_id, now)}"
                for field_id, was, now in ledger.differences(before, entity)
            ],
        )

    def _count(self, outcome: LedgerEntry.Outcome) -> None:
        self.run.read += 1
        setattr(self.run, outcome, getattr(self.run, outcome) + 1)

    def _on_file(self, external_ids: Sequence[str]) -> dict[str, Problem]:
        """Return the causes of records that came unchanged and were refused before."""
        errors = EntityError.objects.filter(
            lane=self.lane, closed_at__isnull=True, external_id__in=list(external_ids)
        )
        return {error.external_id: _problem_of(error) for error in errors}

    def _names_elsewhere(self, candidates: Sequence[Candidate]) -> dict[str, Problem]:
        """Find names and aliases of new entities that another entity in Benchling has."""
        entities = [c.entity for c in candidates if c.is_new]
        new = {key: entity for entity in entities for key in entity.alias_keys}
        new |= {entity.name_key: entity for entity in entities}
        texts = [text for e in entities for text in (e.name, *(e.fields.get("aliases") or ()))]
        registry_id = self.setup.config.registry_id
        bearers = self.client.entities_named(texts, registry_id=registry_id)
        problems: dict[str, Problem] = {}
        for raw in bearers:
            for text in (raw["name"], *(raw.get("aliases") or ())):
                entity = new.get(name_key(text))
                if entity is not None and raw.get("entityRegistryId") != entity.registry_id:
                    key = name_key(text)
                    problems[key] = names.taken_in_benchling(entity, raw, self.lane, key)
        return problems


def _unknown(outcome: RecordOutcome) -> Problem:
    """Return the problem of a record that was refused before, for a cause that is not kept."""
    return Problem(
        kind="transient",
        code="refused",
        message=f"{outcome.external_id} was refused by an earlier run and has not changed since.",
        remedy="Retry failed tries it again.",
    )


def _problem_of(error: EntityError) -> Problem:
    """Return an open error as the problem that it was."""
    waits_for = cast(WaitsFor, (error.waits_for, error.waits_key)) if error.waits_for else None
    return Problem(
        kind=cast(Kind, error.kind),
        code=error.code,
        message=error.message,
        remedy=error.remedy,
        field=error.field,
        value=error.value,
        waits_for=waits_for,
    )


def _held(views: dict[str, ledger.LedgerView], outcome: RecordOutcome) -> bool:
    before = views.get(outcome.external_id)
    return before is not None and bool(before.entity_hash)


def _waits(outcome: RecordOutcome) -> bool:
    """Return whether a record waits for what another record of this run may bring."""
    waits_for = outcome.problems[0].waits_for if outcome.problems else None
    return waits_for is not None and waits_for[0] in ("link", "name")
