"""Different records that share an external id: neither may overwrite the other."""

from __future__ import annotations

from datetime import datetime

from registry_sync.core.problems import Problem
from registry_sync.core.secrets import shortened
from registry_sync.ledger.record_outcome import Outcome, RecordOutcome
from registry_sync.sync.records import Compared, SourceRecord, record_outcome


def form_that_counts(first: SourceRecord, record: SourceRecord, out: Compared) -> SourceRecord:
    """Return which of two records with one id on a page counts. If they differ, refuse both."""
    out.repeated += 1
    if first.raw_hash == record.raw_hash:
        return first
    newest = _newer(first, record)  # whatever their times: one answer, two records
    _refuse_both(out, newest)
    return newest


def _newer(first: SourceRecord, second: SourceRecord) -> SourceRecord:
    """Return the form that may come alone when only changes are read."""
    return second if is_newer(second, first.modified_at) else first


def _refuse_both(out: Compared, record: SourceRecord) -> None:
    external_id = record.external_id
    out.candidates = [c for c in out.candidates if c.record.external_id != external_id]
    out.settled = [s for s in out.settled if s.external_id != external_id]
    out.settled.append(refused_duplicate(record, "neither was written"))


def refused_duplicate(record: SourceRecord, outcome: str) -> RecordOutcome:
    """Return the outcome of a record whose id another one has; `outcome` is as in the problem."""
    problem = duplicate_problem(record.external_id, outcome)
    return record_outcome(record, Outcome.FAILED, problems=(problem,))


def duplicate_problem(external_id: str, outcome: str) -> Problem:
    """Return the problem of two records that share an id; `outcome` says what became of them."""
    return Problem(
        kind="source",
        code="id_twice",
        message=f"The registry has two different records with the id {external_id}; {outcome}.",
        remedy="The registry's owner gives every record a unique id, or the integration owner "
        "corrects External ID Field in the app's configuration.",
        field="External ID Field",
        value=shortened(external_id, 200),
    )


def is_newer(record: SourceRecord, than: datetime | None) -> bool:
    """Return whether a record has a time, and a later one than `than` where that is known."""
    return record.modified_at is not None and (than is None or record.modified_at > than)


def is_older(record: SourceRecord, earlier: dict[str, datetime | None]) -> bool:
    """Return whether a record was modified before the one of its id that came earlier."""
    when = earlier[record.external_id]
    return when is not None and record.modified_at is not None and record.modified_at < when
