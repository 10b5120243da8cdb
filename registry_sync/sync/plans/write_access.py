"""What a run may write: everything, nothing before a plan is signed, or what a plan has."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from registry_sync.models import PlanRow, Withdrawal
from registry_sync.sync.records import Candidate


class Permit:
    """The permit of a run that needs no plan: it may write everything."""

    def fitting(self, candidates: Sequence[Candidate]) -> Collection[str]:
        """Return the external ids of the candidates that may be written."""
        return [c.entity.external_id for c in candidates]

    def unmoved(self, external_ids: Collection[str]) -> Collection[str]:
        """Return the records, about to be sent, that may be written as Benchling stands now."""
        return external_ids

    def settled(self, rows: Sequence[Withdrawal], action: PlanRow.Action) -> list[Withdrawal]:
        """Return the withdrawals whose entities may be archived, or unarchived."""
        return list(rows)

    def begin(self, external_ids: Collection[str]) -> bool:
        """Return whether these entities may be changed now, ahead of their records' turn.

        Ask before a registry id or a passing name is given, and call `touched` after.
        """
        return True

    def renaming(self, external_id: str, name: str) -> None:
        """Note, before a passing name is given, how the entity will be: a kill may follow it."""

    def touched(self, external_ids: Collection[str]) -> None:
        """Note how entities are that this app has just changed, ahead of their records' turn."""


class Nothing(Permit):
    """The permit of a run whose writes need a plan: it may write nothing."""

    def fitting(self, candidates: Sequence[Candidate]) -> Collection[str]:
        return ()

    def unmoved(self, external_ids: Collection[str]) -> Collection[str]:
        return ()

    def settled(self, rows: Sequence[Withdrawal], action: PlanRow.Action) -> list[Withdrawal]:
        return []

    def begin(self, external_ids: Collection[str]) -> bool:
        return False


FREE, NOTHING = Permit(), Nothing()
