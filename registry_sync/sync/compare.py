"""Pages in, candidates out: identify, transform, and drop what the ledger says is unchanged."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from registry_sync.core.problems import Problem, SourceError
from registry_sync.ledger import record as ledger
from registry_sync.ledger.record import Known, Outcome, Sighting, hash_record
from registry_sync.mapping.transform import Entity, transform
from registry_sync.models import Lane, SyncRun
from registry_sync.source.client import Source, Unread
from registry_sync.sync.gates import guards
from registry_sync.sync.setup import Setup

Json = dict[str, Any]
LONGEST_ID = 255
UNCHANGED, FAILED = Outcome.UNCHANGED, Outcome.FAILED


class Arrival(NamedTuple):
    """One record as the registry gave it, or as we kept it (`retried`).

    A record without a usable id is known by its content, and carries the `problem`.
    """

    external_id: str
    raw: Json
    raw_hash: str
    modified_at: datetime | None
    retried: bool = False
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entity that is not in Benchling as it should be."""

    arrival: Arrival
    entity: Entity
    is_new: bool
    position: Json | None = None
    identity: str = ""
    """The page it came from, read again should this process die before it is in a batch."""


@dataclass(slots=True)
class Compared:
    """What a page came to: what to send, what is settled, and what came again."""

    known: dict[str, Known]
    candidates: list[Candidate] = field(default_factory=list)
    settled: list[Sighting] = field(default_factory=list)
    repeated: int = 0
    coerced: int = 0
    later: list[Arrival] = field(default_factory=list)
    """Records whose earlier form is still on its way; they are looked at again after it."""


def arrivals(
    records: Sequence[Json], source: Source, fingerprint: str, unread: Sequence[Unread] = ()
) -> list[Arrival]:
    """Give each record its external id, its hash and its time; `unread` could be had in part."""
    found = []
    for raw in records:
        raw_hash = hash_record(raw, fingerprint)
        external_id = source.identify(raw)
        problem = _unusable_id(external_id, raw)
        if external_id is None or problem is not None:
            external_id = f"(no usable id {raw_hash[:12]})"
        found.append(Arrival(external_id, raw, raw_hash, source.cursor_of(raw), problem=problem))
    return found + _in_part(unread, source, fingerprint) if unread else found


def _in_part(unread: Sequence[Unread], source: Source, fingerprint: str) -> list[Arrival]:
    """Give records whose detail could not be had: refused, and asked for again by each run."""
    found = arrivals([one.record for one in unread], source, fingerprint)
    return [
        arrival
        if arrival.problem is not None
        # Without a hash: what is read whole next time is never the same as this.
        else arrival._replace(raw_hash="", problem=_no_detail(arrival.external_id, one.why))
        for arrival, one in zip(found, unread, strict=True)
    ]


def compare(
    records: Sequence[Arrival],
    run: SyncRun,
    lane: Lane,
    setup: Setup,
    *,
    underway: Container[str],
    force: bool = False,
    position: Json | None = None,
) -> Compared:
    """Sort a page's records into unchanged, refused and to be sent.

    `underway` holds the external ids of batches not yet recorded. With `force` a record that was
    refused before is tried again even though it is the same.
    """
    known = ledger.known(lane, {record.external_id for record in records})
    out = Compared(known)
    if len({record.external_id for record in records}) < len(records):
        records = _newest_forms(records, out)
    earlier = _seen_otherwise(records, known, run)
    afresh = _refused_for_nothing(records, known, run, lane)
    in_page: dict[str, Arrival] = {}
    twins: dict[str, Sighting] = {}
    for record in records:
        first = in_page.get(record.external_id)
        before = known.get(record.external_id)
        if record.external_id in underway or first is not None:
            out.repeated += 1
            if first is None:
                out.later.append(record)
            elif first.raw_hash != record.raw_hash:  # of one time, for only the newest are here
                _refuse_twins(out, first, record)
            continue
        if record.external_id in earlier and not _is_newer(record, earlier[record.external_id]):
            out.repeated += 1
            if record.modified_at == earlier[record.external_id]:
                problem = _twins(record.external_id, "the one that was read first was kept")
                failed = sighting(record, Outcome.FAILED, problems=(problem,))
                twins[record.external_id] = failed  # of many copies: one error
            continue
        in_page[record.external_id] = record
        forced = force or record.external_id in afresh
        _compare_one(record, before, run, setup, out, force=forced, position=position)
    out.settled += [twin for external_id, twin in twins.items() if external_id not in in_page]
    _drop_held(lane, out)
    return out


def _newest_forms(records: Sequence[Arrival], out: Compared) -> list[Arrival]:
    """Leave out what the very same page has in a newer form: they must not take turns."""
    newest: dict[str, Arrival] = {}
    for record in records:
        first = newest.get(record.external_id)
        if first is None or _is_newer(record, first.modified_at):
            newest[record.external_id] = record
    kept = [r for r in records if not _is_newer(newest[r.external_id], r.modified_at)]
    out.repeated += len(records) - len(kept)
    return kept


def _seen_otherwise(
    records: Sequence[Arrival], known: dict[str, Known], run: SyncRun
) -> dict[str, datetime | None]:
    """Find records that this run has seen with another content, and the time which that bore."""
    run_id = run.pk
    ids = [
        record.external_id
        for record in records
        if (before := known.get(record.external_id)) is not None
        and before.seen_run_id == run_id
        and "" not in (before.raw_hash, record.raw_hash)
        and before.raw_hash != record.raw_hash
        and not record.retried
    ]
    return ledger.times(run, ids) if ids else {}


def _refused_for_nothing(
    records: Sequence[Arrival], known: dict[str, Known], run: SyncRun, lane: Lane
) -> set[str]:
    """Find records that come as they were refused, and of which no error says why any more.

    They had left the registry meanwhile, or were twins: that may be over with nothing of them
    changed.
    """
    run_id = run.pk
    ids = {
        record.external_id
        for record in records
        if (before := known.get(record.external_id)) is not None
        and before.outcome == FAILED
        and before.seen_run_id != run_id
        and before.raw_hash == record.raw_hash
    }
    return ids - ledger.refused_still(lane, ids) if ids else ids


def _is_newer(record: Arrival, than: datetime | None) -> bool:
    return record.modified_at is not None and (than is None or record.modified_at > than)


def _drop_held(lane: Lane, out: Compared) -> None:
    """Drop candidates whose hash is another but whose values are what the ledger holds."""
    held = ledger.holding(lane, [c.entity for c in out.candidates if not c.is_new])
    for candidate in out.candidates:
        if candidate.entity.external_id in held:
            out.settled.append(sighting(candidate.arrival, Outcome.UNCHANGED))
    out.candidates = [c for c in out.candidates if c.entity.external_id not in held]


def _compare_one(
    record: Arrival,
    before: Known | None,
    run: SyncRun,
    setup: Setup,
    out: Compared,
    *,
    force: bool,
    position: Json | None,
) -> None:
    if before is not None and before.raw_hash == record.raw_hash != "" and not force:
        if before.seen_run_id == run.id:
            out.repeated += 1
        else:
            # By far the most records of a full read end here: `id` is plain where `pk` is looked
            # up, and a Sighting by position is made in half the time.
            outcome = FAILED if before.outcome == FAILED else UNCHANGED
            id_, when, retried = record.external_id, record.modified_at, record.retried
            out.settled.append(
                Sighting(id_, record.raw_hash, outcome, None, None, "", (), when, retried)
            )
        return
    if record.problem is not None:
        out.settled.append(sighting(record, Outcome.FAILED, problems=(record.problem,)))
        return
    done = transform(record.raw, record.external_id, setup.mapping)
    identity = setup.mapping.identity_of(record.raw)
    out.coerced += len(done.coercions)
    if done.entity is None or done.problems:
        out.settled.append(sighting(record, Outcome.FAILED, problems=done.problems))
    elif other := guards.other_substance(run, record.external_id, before, identity):
        out.settled.append(sighting(record, Outcome.FAILED, problems=(other,)))
    elif before is not None and before.entity_hash == done.entity.digest():
        out.settled.append(sighting(record, Outcome.UNCHANGED, identity=identity))
    else:
        is_new = before is None or not before.entity_hash
        out.candidates.append(Candidate(record, done.entity, is_new, position, identity))


def sighting(
    record: Arrival, outcome: Outcome, *, problems: tuple[Problem, ...] = (), identity: str = ""
) -> Sighting:
    """Say what came of a record that is not (or no longer) on its way."""
    return Sighting(
        external_id=record.external_id,
        raw_hash=record.raw_hash,
        outcome=outcome,
        raw=record.raw if problems else None,
        problems=problems,
        modified_at=record.modified_at,
        retried=record.retried,
        identity=identity,
    )


def _unusable_id(external_id: str | None, raw: Json) -> Problem | None:
    if external_id is None:
        return Problem(
            kind="source",
            code="no_id",
            message="A record of the registry has no id, so nothing can be kept up to date by it: "
            f"{str(raw)[:120]}",
            remedy="The registry's owner gives the record an id, or the integration owner corrects "
            "External ID Field in the app's configuration.",
            field="External ID Field",
        )
    if len(external_id) > LONGEST_ID or not external_id.isprintable():
        return Problem(
            kind="source",
            code="unusable_id",
            message=f"The id {external_id[:60]!r} cannot be a registry id: it has "
            f"{len(external_id)} characters ({LONGEST_ID} at most, all of them printable).",
            remedy="The integration owner checks External ID Field in the app's configuration.",
            field="External ID Field",
            value=external_id[:200],
        )
    return None


def _no_detail(external_id: str, why: SourceError) -> Problem:
    return Problem(
        kind="transient" if why.transient else "source",
        code="no_detail",
        message=f"{external_id} could not be read whole, and nothing was written for it. "
        + why.message,
        remedy=f"The registry's owner checks the detail of {external_id} and whether API Key may "
        "read it; each run asks for it again.",
        waits_for=("detail", ""),
    )


def _refuse_twins(out: Compared, first: Arrival, second: Arrival) -> None:
    out.candidates = [c for c in out.candidates if c.arrival.external_id != first.external_id]
    out.settled = [s for s in out.settled if s.external_id != first.external_id]
    problem = _twins(first.external_id, "neither was written")
    out.settled.append(sighting(second, Outcome.FAILED, problems=(problem,)))


def _twins(external_id: str, outcome: str) -> Problem:
    return Problem(
        kind="source",
        code="id_twice",
        message=f"The registry has two different records with the id {external_id}; {outcome}.",
        remedy="The registry's owner gives each record its own id, or the integration owner "
        "corrects External ID Field in the app's configuration.",
        field="External ID Field",
        value=external_id[:200],
    )
