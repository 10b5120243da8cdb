"""What every gate is: candidates in, those that go on and those that are settled out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from registry_sync.ledger.record_outcome import RecordOutcome
from registry_sync.sync.records import Candidate


class Gate(Protocol):
    """Decides which candidates go on towards Benchling."""

    def check(
        self, candidates: Sequence[Candidate]
    ) -> tuple[Sequence[Candidate], Sequence[RecordOutcome]]:
        """Return the candidates that go on, in the order to send them, and the others' outcomes.

        Raises SyncError if the whole run must stop.
        """
