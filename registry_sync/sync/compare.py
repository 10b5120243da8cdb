"""Pages in, candidates out: identify, transform, and drop what the ledger says is unchanged."""

from __future__ import annotations

from collections.abc import Container, Sequence
from datetime import datetime

from registry_sync import ledger
from registry_sync.core.types import Json
from registry_sync.ledger.lookup import LedgerView
from registry_sync.ledger.pins import open_pins
from registry_sync.ledger.record_outcome import Outcome, RecordOutcome
from registry_sync.mapping.departures import departure
from registry_sync.models import Lane, SyncRun
from registry_sync.sync import deletion_marks, merges, pinned
from registry_sync.sync.context import RunContext
from registry_sync.sync.duplicate_ids import form_that_counts, is_newer, is_older, refused_duplicate
from registry_sync.sync.gates import allowance_use, guards
from registry_sync.sync.records import Compared, SourceRecord, candidate_of, record_outcome
from registry_sync.sync.setup import Setup
from registry_sync.sync.vanished_paths import report_vanished

UNCHANGED, FAILED = Outcome.UNCHANGED, Outcome.FAILED


def compare(
    ctx: RunContext,
    records: Sequence[SourceRecord],
    *,
    underway: Container[str],
    force: bool = False,
    position: Json | None = None,
) -> Compared:
    """Sort a page's records into unchanged, refused and to be sent.

    `underway` holds the external ids of batches not yet recorded. With `force` a record that was
    refused before is tried again even though it is the same.
    """
    run, lane = ctx.run, ctx.lane
    ids = {record.external_id for record in records}
    views = ledger.views_of(lane, ids)
    out = Compared(views)
    if not force and len(ids) == len(records):
        records = _settle_same(records, views, underway, run, out)
    if records:  # none of most pages
        out.pins, out.merges = open_pins(lane, views), merges.open_merges(lane, views)
        _compare_each(ctx, records, out, underway=underway, force=force, position=position)
        _report(ctx, out)
        merges.resolve_links(out)
        _drop_held(lane, out)
    return out


def _compare_each(
    ctx: RunContext,
    records: Sequence[SourceRecord],
    out: Compared,
    *,
    underway: Container[str],
    force: bool,
    position: Json | None,
) -> None:
    """Sort the records into `out`. Of an id that comes twice, one form counts, or none."""
    run, lane, views = ctx.run, ctx.lane, out.views
    earlier = _seen_otherwise(records, views, run)
    settled = [record for record in records if record.external_id not in underway]
    out.came_again = _came_again(settled, views, run, earlier)
    unexplained = _refused_for_nothing(records, views, run, lane)
    in_page: dict[str, SourceRecord] = {}
    duplicates: dict[str, RecordOutcome] = {}
    for record in records:
        external_id = record.external_id
        before = views.get(external_id)
        if (first := in_page.get(external_id)) is not None:
            in_page[external_id] = form_that_counts(first, record, out)
        elif external_id in underway:
            out.repeated += 1
            out.later.append(record)
        elif before is not None and _is_passed(record, before, earlier, run):
            out.repeated += 1
            if record.modified_at == earlier[external_id]:  # of many copies: one error
                duplicates[external_id] = refused_duplicate(
                    record, "the one that was read first was kept"
                )
        else:
            in_page[external_id] = record
            forced = force or external_id in unexplained
            _compare_one(record, before, ctx, out, force=forced, position=position)
    out.settled += [one for external_id, one in duplicates.items() if external_id not in in_page]


def _settle_same(
    records: Sequence[SourceRecord],
    views: dict[str, LedgerView],
    underway: Container[str],
    run: SyncRun,
    out: Compared,
) -> list[SourceRecord]:
    """Settle what is as the ledger has it, by far the most of a full read; return the rest."""
    unsettled, run_id, same = [], run.pk, out.same
    for record in records:
        external_id, _, raw_hash, _, retried, _ = record
        before = views.get(external_id)
        if (
            before is None
            or before.raw_hash != raw_hash
            or not raw_hash
            or before.seen_run_id == run_id
            or before.outcome == FAILED
            or external_id in underway
            or retried
        ):
            unsettled.append(record)
        else:
            same[external_id] = before.pk
    return unsettled


def _report(ctx: RunContext, out: Compared) -> None:
    """Report what the page's records no longer have, or have only as deleted ones."""
    deletion_marks.warn_of_marked(ctx, out.marked)
    pinned.end_outdated(ctx, out)
    entities = [c.entity for c in out.candidates if not c.is_new]
    report_vanished(ctx, [entity for entity in entities if entity.external_id not in out.marked])


def _seen_otherwise(
    records: Sequence[SourceRecord], views: dict[str, LedgerView], run: SyncRun
) -> dict[str, datetime | None]:
    """Find records that this run has seen with another content, and the time of that."""
    run_id = run.pk
    ids = [
        record.external_id
        for record in records
        if (before := views.get(record.external_id)) is not None
        and before.seen_run_id == run_id
        and "" not in (before.raw_hash, record.raw_hash)
        and before.raw_hash != record.raw_hash
        and not record.retried
    ]
    return ledger.modification_times(run, ids) if ids else {}


def _came_again(
    records: Sequence[SourceRecord],
    views: dict[str, LedgerView],
    run: SyncRun,
    earlier: dict[str, datetime | None],
) -> list[tuple[SourceRecord, bool]]:
    """Find records that came on an earlier page of this reading, and whether they changed since.

    Two different records of one id and one time are no sign of a list that moved.
    """
    found: dict[str, tuple[SourceRecord, bool]] = {}
    for record in records:
        before = views.get(record.external_id)
        unnamed = record.problem is not None and record.external_id.startswith("(")
        if before is None or not _was_read(before, run) or record.retried or unnamed:
            continue  # what has no id of its own may well be on several pages
        if record.external_id not in earlier:
            found[record.external_id] = (record, False)
        elif record.modified_at != earlier[record.external_id] or record.modified_at is None:
            found[record.external_id] = (record, not is_older(record, earlier))
    return list(found.values())


def _was_read(before: LedgerView, run: SyncRun) -> bool:
    """Return whether a record was seen in this reading of the list."""
    return before.seen_run_id == run.id and before.seen_reading == run.reading_number


def _refused_for_nothing(
    records: Sequence[SourceRecord], views: dict[str, LedgerView], run: SyncRun, lane: Lane
) -> set[str]:
    """Find records that come as they were refused, and of which no error says why.

    They had left the registry, or shared an id: that may be over although they are unchanged. Only
    a reading of everything shows that an id is no longer shared.
    """
    run_id = run.pk
    ids = {
        record.external_id
        for record in records
        if (before := views.get(record.external_id)) is not None
        and before.outcome == FAILED
        and before.seen_run_id != run_id
        and before.raw_hash == record.raw_hash
    }
    return ids - ledger.still_refused(lane, ids, but_duplicates=run.reads_all) if ids else ids


def _is_passed(
    record: SourceRecord, before: LedgerView, earlier: dict[str, datetime | None], run: SyncRun
) -> bool:
    """Return whether another form of a record, seen in this run, stays the one that counts.

    An earlier reading of the same list may have seen a form that was edited since, without a time.
    """
    if record.external_id not in earlier:
        return False
    if _was_read(before, run):
        return not is_newer(record, earlier[record.external_id])
    return is_older(record, earlier)


def _drop_held(lane: Lane, out: Compared) -> None:
    """Drop candidates whose hash is another but whose values are what the ledger holds."""
    held = ledger.already_held(lane, [c.entity for c in out.candidates if not c.is_new])
    for candidate in out.candidates:
        if candidate.entity.external_id in held:
            out.settled.append(record_outcome(candidate.record, Outcome.UNCHANGED))
    out.candidates = [c for c in out.candidates if c.entity.external_id not in held]


def _compare_one(
    record: SourceRecord,
    before: LedgerView | None,
    ctx: RunContext,
    out: Compared,
    *,
    force: bool,
    position: Json | None,
) -> None:
    """Settle a record, or add its candidate."""
    if before is not None and before.raw_hash == record.raw_hash != "" and not force:
        if _was_read(before, ctx.run):
            out.repeated += 1
        else:
            outcome = FAILED if before.outcome == FAILED else UNCHANGED
            out.settled.append(record_outcome(record, outcome))
        return
    if (settled := _without_entity(record, before, ctx.setup, out)) is not None:
        out.settled.append(settled)
        return
    setup = ctx.setup
    done = deletion_marks.transformed(record, before, setup.mapping, out)
    done = pinned.respect(done, record.external_id, out)
    identity = setup.mapping.identity_of(record.raw)
    out.coerced += len(done.coercions)
    if done.entity is None or done.problems:
        out.settled.append(record_outcome(record, Outcome.FAILED, problems=done.problems))
    elif other := guards.other_substance(ctx, record.external_id, before, identity):
        out.settled.append(record_outcome(record, Outcome.FAILED, problems=(other,)))
    elif before is not None and before.entity_hash == done.entity.digest():
        out.settled.append(record_outcome(record, Outcome.UNCHANGED, identity=identity))
        allowance_use.use_up(ctx, [record.external_id])
    else:
        kind = setup.schema.entity_type
        out.candidates.append(
            candidate_of(record, done.entity, before, kind, position=position, identity=identity)
        )


def _without_entity(
    record: SourceRecord, before: LedgerView | None, setup: Setup, out: Compared
) -> RecordOutcome | None:
    """Return the outcome of a record that is unusable, has left or was merged; else None."""
    if record.problem is not None and not _is_elsewhere(record, setup):
        return record_outcome(record, FAILED, problems=(record.problem,))
    if (leaving := departure(record.raw, setup.mapping)) is not None:
        merged = record.external_id in out.merges  # its entity is archived, by who merged it
        if before is not None and before.entity_hash and not merged:
            out.departures[record.external_id] = leaving
        return record_outcome(record, UNCHANGED, how=leaving.how)
    if (merge := out.merges.get(record.external_id)) is not None:
        return merges.merged_outcome(record, merge)
    return None


def _is_elsewhere(record: SourceRecord, setup: Setup) -> bool:
    """Return whether a record without a usable id is outside the scope: then no one needs it."""
    problem = record.problem
    unnamed = problem is not None and problem.code in ("no_id", "unusable_id")
    return unnamed and bool(setup.mapping.scope.outside(record.raw))
