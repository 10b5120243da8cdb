"""What every gate is: candidates in, those that go on and those that are settled out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from registry_sync.core.problems import Problem
from registry_sync.ledger.record_outcome import Outcome, RecordOutcome
from registry_sync.sync.records import Candidate, record_outcome


class Gate(Protocol):
    """Decides which candidates go on towards Benchling."""

    def check(
        self, candidates: Sequence[Candidate]
    ) -> tuple[Sequence[Candidate], Sequence[RecordOutcome]]:
        """Return the candidates that go on, in the order to send them, and the others' outcomes.

        Raise SyncError if the whole run must stop.
        """


def hold_back(
    candidates: Sequence[Candidate], problems_by_id: Mapping[str, Problem]
) -> tuple[list[Candidate], list[RecordOutcome]]:
    """Return the candidates that go on, and the outcomes of those that have a problem, by id."""
    going = [c for c in candidates if c.entity.external_id not in problems_by_id]
    return going, [
        record_outcome(c.record, Outcome.FAILED, problems=(problems_by_id[c.entity.external_id],))
        for c in candidates
        if c.entity.external_id in problems_by_id
    ]
