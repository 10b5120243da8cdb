"""What became of records that someone asked a run to check: passed, or still refused, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q

from registry_sync import runs
from registry_sync.models import Change, EntityError, LedgerEntry, Refusal, SyncRun
from registry_sync.reporting.catalogue import record_actor, record_cause

PILLS = {"passed": "good", "still refused": "bad", "not in the registry": "warning",
         "not checked": "quiet", "being checked": "active"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """What a run found of one record. `state` is a key of PILLS; `text` are whole sentences."""

    external_id: str
    state: str
    text: str
    error_id: int | None = None

    @property
    def pill(self) -> str:
        return PILLS[self.state]


def check_outcomes(run: SyncRun, external_ids: Sequence[str]) -> list[CheckOutcome]:
    """Return what a run that was asked for these records found of each, in the same order."""
    if run.is_active:
        text = f"Run {run.pk} checks it. {_progress(run)}"
        return [CheckOutcome(external_id, "being checked", text) for external_id in external_ids]
    lane = run.lane_id
    rows = Refusal.objects.filter(run=run, external_id__among=external_ids)
    refused = {row.external_id: row for row in rows.select_related("same_as")}
    written = set(
        Change.objects.filter(run=run, external_id__among=external_ids).values_list(
            "external_id", flat=True
        )
    )
    open_now = {
        error.external_id: error
        for error in EntityError.objects.filter(
            lane=lane, external_id__among=external_ids, closed_at__isnull=True
        ).defer("raw")
    }
    entries = LedgerEntry.objects.filter(lane=lane, external_id__among=external_ids)
    seen = set(entries.filter(seen_run_id=run.pk).values_list("external_id", flat=True))
    # A later run may have seen the record again, but this one has closed its error for good.
    closed = EntityError.objects.filter(closed_by_run=run, external_id__among=external_ids)
    seen |= set(closed.values_list("external_id", flat=True))
    missing = {
        warning["code"].partition(":")[2]: warning["text"]
        for warning in run.warnings
        if warning["code"].startswith("not_at_source:")
    }
    return [
        _outcome(run, external_id, refused, written, open_now, seen, missing)
        for external_id in external_ids
    ]


def following(run: SyncRun) -> SyncRun | None:
    """Return the run that did or does what was asked for while `run` was active; None so far."""
    later = SyncRun.objects.of_same_app(run).filter(pk__gt=run.pk)
    if run.lane_id is not None:
        later = later.filter(Q(lane=run.lane_id) | Q(lane__isnull=True))
    return later.exclude(kind__in=SyncRun.DRY).order_by("pk").first()


def _outcome(
    run: SyncRun,
    external_id: str,
    refused: dict[str, Refusal],
    written: set[str],
    open_now: dict[str, EntityError],
    seen: set[str],
    missing: dict[str, str],
) -> CheckOutcome:
    error = open_now.get(external_id)
    error_id = error.pk if error else None
    if (refusal := refused.get(external_id)) is not None:
        words = refusal.words
        title = record_cause(refusal.code).title
        who = record_actor(refusal.code, refusal.kind, error.assigned if error else "").label
        text = f"{title[0].upper()}{title[1:]}. {words.message} Who must act: {who}. {words.remedy}"
        return CheckOutcome(external_id, "still refused", text, error_id)
    if external_id in missing:
        return CheckOutcome(external_id, "not in the registry", missing[external_id], error_id)
    if error is None and (external_id in written or external_id in seen):
        text = f"Run {run.pk} wrote it to Benchling."
        if external_id not in written:
            text = "It is in Benchling with the registry's values. Nothing had to be written."
        return CheckOutcome(external_id, "passed", text)
    return CheckOutcome(external_id, "not checked", _why_not(run, error), error_id)


def _why_not(run: SyncRun, error: EntityError | None) -> str:
    if run.error:
        return f"Run {run.pk} ended before it could tell. {run.error} {run.remedy}"
    if error is None:
        return f"Run {run.pk} did not read it. It has no open error."
    return f"Run {run.pk} did not try it. {error.message} {error.remedy}"


def _progress(run: SyncRun) -> str:
    if (hold_up := runs.hold_up(run)) is not None:
        return hold_up.text
    if run.started_at is None:
        return "It is queued."
    return "It is under way."
