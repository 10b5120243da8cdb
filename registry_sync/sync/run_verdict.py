"""Green means green: what a run's numbers must satisfy before it may call itself good."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef

from registry_sync import runs
from registry_sync.core.problems import SourceError, SyncError
from registry_sync.core.text import first_ids, number_of, were
from registry_sync.models import Adoption, Lane, LedgerEntry, SyncRun
from registry_sync.reporting.catalogue.warnings import INCOMPLETE

SAYS_MORE = "the registry says that"


@dataclass(frozen=True, slots=True)
class Caution:
    """Something an owner should know; `code` keeps it to once a run."""

    code: str
    text: str


def warnings(run: SyncRun, lane: Lane) -> list[Caution]:
    """Judge a run's numbers. Raise SyncError where the run cannot be called good at all."""
    found: list[Caution] = []
    if run.read != run.unchanged + run.created + run.updated + run.failed:
        raise SyncError(
            f"The counts do not add up: {run.read} read, but {run.unchanged} unchanged, "
            f"{run.created} created, {run.updated} changed and {run.failed} refused.",
            remedy="Report this to the maintainers of Registry Sync with the run's log. The next "
            "run starts where the last good one ended.",
            kind="transient",
            code="counts",
        )
    if run.reads_all and not run.dry_run:
        found += _full_read(run, lane)
    if run.reads_all and not run.read:
        found.append(
            Caution(
                "nothing_read",
                "The registry returned no records at all. If it has some, its owner checks what "
                "the key in API Key may see, and the integration owner API URL and "
                "endpoint.data_selector in Connector Settings.",
            )
        )
    if not run.dry_run:
        found += _adoptions(lane) + _drift(lane)
    return found


def _adoptions(lane: Lane) -> list[Caution]:
    rows = lane.adoptions.filter(state=Adoption.State.OPEN).order_by()
    counted = rows.values_list("how").annotate(n=Count("pk")).order_by("how")
    ways = [f"{how} {n:,}" for how, n in counted]
    if not ways:
        return []
    count = rows.values("entity_id").distinct().count()
    return [
        Caution(
            "adoption",
            f"{count:,} {'entity was' if count == 1 else 'entities were'} in Benchling before "
            f"({', '.join(ways)}) and left unchanged. The integration owner decides: Adoptions in "
            "the admin, or manage.py adopt.",
        )
    ]


def _drift(lane: Lane) -> list[Caution]:
    rows = lane.drift.filter(closed_at=None).order_by("external_id")
    ids = list(rows.values_list("external_id", flat=True).distinct()[:4])
    if not ids:
        return []
    count = rows.values("external_id").distinct().count()
    return [
        Caution(
            "drift",
            f"People changed, renamed or archived {count:,} "
            f"{'entity' if count == 1 else 'entities'} in Benchling that now "
            f"{'differs' if count == 1 else 'differ'} from the registry ({first_ids(ids)})."
            f"{_by(lane)} The integration owner looks at Drift in the admin, and sets "
            "the lane's policy there.",
        )
    ]


def _by(lane: Lane) -> str:
    """Return who made the open edits, as far as it is known, as a sentence."""
    rows = lane.drift.filter(closed_at=None).exclude(changed_by="").order_by("changed_by")
    people = list(rows.values_list("changed_by", flat=True).distinct()[:4])
    return f" Benchling's audit log names {first_ids(people)}." if people else ""


def _full_read(run: SyncRun, lane: Lane) -> list[Caution]:
    seen = LedgerEntry.objects.filter(lane=lane, seen_run_id=run.pk).count()
    if not seen and lane.ledger.exclude(entity_hash="").exists():
        raise SourceError(
            "The registry returned no records, but it returned some before.",
            remedy="The registry's owner checks the list and what the key in API Key may see. "
            "Nothing was changed in Benchling.",
            code="empty_read",
        )
    if came_short(run, lane, seen):
        return [
            Caution(
                "short_read",
                f"The registry says it has {number_of(run.source_total or 0, 'record')}, but only "
                f"{number_of(seen, 'distinct record')} {were(seen)} returned{_twice(run)}. The "
                "next run reads everything; the registry's owner checks which it is, and gives the "
                "list a stable order.",
            )
        ]
    return []


def is_incomplete(run: SyncRun) -> bool:
    """Return whether a run was warned that it may not have read all there is."""
    if run.reading.get("held"):
        return True
    return any(warning["code"] in INCOMPLETE for warning in run.warnings)


def came_short(run: SyncRun, lane: Lane, seen: int) -> bool:
    """Return whether a read got fewer distinct records than the registry says it has.

    It counts all of the records that share an id, which are one here.
    """
    total = run.source_total
    if total is None or seen >= total:
        return False
    duplicates = errors_seen(run, lane, "id_twice")
    return seen + (max(duplicates, run.repeated) if duplicates else 0) < total


def counts_more(run: SyncRun) -> bool:
    """Return whether the registry is known to count more than it gives.

    Everything was read for this reason last time, and nothing was missing.
    """
    assert run.lane is not None
    last = runs.good_runs(run.lane).filter(reads_all=True).exclude(pk=run.pk).first()
    if last is None or run.reads_all:
        return False
    return (
        last.full_reason.startswith(SAYS_MORE)
        and not any(warning["code"] == "short_read" for warning in last.warnings)
        and last.created + last.updated == 0
    )


def _twice(run: SyncRun) -> str:
    """Return what may have caused a short read, as the end of a sentence."""
    if run.repeated:
        was = "was" if run.repeated == 1 else "were"
        return (
            f", and {run.repeated:,} {was} repeated; the list order may be unstable, or it lists "
            "records twice"
        )
    return "; the list order may be unstable, or it counts records that it does not return"


def errors_seen(run: SyncRun, lane: Lane, *codes: str) -> int:
    """Return how many records that a run saw have an open error with one of these codes."""
    seen = lane.ledger.filter(seen_run_id=run.pk, external_id=OuterRef("external_id"))
    errors = lane.errors.filter(closed_at__isnull=True, code__in=codes)
    return errors.filter(Exists(seen)).count()


def read_whole(run: SyncRun, lane: Lane) -> bool:
    """Return whether everything was read, so that what was not seen is no longer there."""
    if not run.reads_all or run.dry_run or run.only or is_incomplete(run):
        return False
    seen = LedgerEntry.objects.filter(lane=lane, seen_run_id=run.pk).count()
    return seen > 0 and not came_short(run, lane, seen)


def status(run: SyncRun, lane: Lane) -> SyncRun.Status:
    """Return the outcome: with warnings as long as an undismissed error is open."""
    if run.dry_run:
        troubled = bool(run.warnings or run.failed)
    else:
        troubled = bool(run.warnings) or runs.open_errors(lane).exists()
    return SyncRun.Status.COMPLETED_WITH_WARNINGS if troubled else SyncRun.Status.SUCCEEDED
