"""What the line expects of a delivery: the real one writes, the dry run's only reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from registry_sync import ledger
from registry_sync.core.types import Json
from registry_sync.ledger.record_outcome import RecordOutcome
from registry_sync.mapping.model import Entity
from registry_sync.sync.records import Candidate


class Delivery(Protocol):
    """Takes candidates in order and sees each one written or refused."""

    @property
    def underway(self) -> Mapping[str, str]:
        """Return by external id the registry ids of what is taken and not yet recorded."""

    def recover(self) -> None:
        """Finish what an earlier process of this run left on its way."""

    def add(self, candidates: Sequence[Candidate]) -> None:
        """Take candidates that passed every gate."""

    def send_full_batches(self) -> None:
        """Send what fills a batch; the rest waits for more."""

    def flush(self, *, together: bool = False) -> None:
        """Send everything, and see it landed and recorded; `together` in one batch if it fits."""

    def rename(self, entities: Sequence[Entity]) -> None:
        """Give entities a temporary name, so that others can take theirs."""

    def record(
        self,
        outcomes: Sequence[RecordOutcome],
        views: dict[str, ledger.LedgerView],
        same: Sequence[int] = (),
        **run_values: Any,
    ) -> None:
        """Record outcomes that need no sending; `views` is what the ledger holds of them.

        `same` are the ledger's rows of further records, which are as the ledger has them.
        """

    def oldest_position(self) -> Json | None:
        """Return the position of the first candidate that is in no batch yet, or None."""

    def conclude(self) -> None:
        """Settle what waited until every record was read."""
