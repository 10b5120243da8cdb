"""What a run may write: everything, nothing before a plan is signed, or what a plan has."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from registry_sync.core.types import Json
from registry_sync.models import PlanRow, Withdrawal
from registry_sync.sync.records import Candidate


class WriteAccess:
    """The access of a run that needs no plan: it may write everything."""

    def allowed(self, candidates: Sequence[Candidate]) -> Collection[str]:
        """Return the external ids of the candidates that may be written."""
        return [c.entity.external_id for c in candidates]

    def still_allowed(self, external_ids: Collection[str]) -> Collection[str]:
        """Return the external ids of records about to be sent whose entities have not changed."""
        return external_ids

    def allowed_withdrawals(
        self, rows: Sequence[Withdrawal], action: PlanRow.Action
    ) -> list[Withdrawal]:
        """Return the withdrawals whose entities may be archived, or unarchived."""
        return list(rows)

    def may_change(self, external_ids: Collection[str]) -> bool:
        """Return whether these entities may be changed now, before their records are sent.

        Call it before a registry id or a temporary name is given, and `note_changed` after.
        """
        return True

    def note_rename(self, external_id: str, temporary: Json) -> None:
        """Note what an entity will have for a moment, before it is sent: a kill may follow."""

    def note_changed(self, external_ids: Collection[str]) -> None:
        """Note how entities are that this app has just changed, before their records are sent."""


class NoWrites(WriteAccess):
    """The access of a run whose writes need a plan: it may write nothing."""

    def allowed(self, candidates: Sequence[Candidate]) -> Collection[str]:
        return ()

    def still_allowed(self, external_ids: Collection[str]) -> Collection[str]:
        return ()

    def allowed_withdrawals(
        self, rows: Sequence[Withdrawal], action: PlanRow.Action
    ) -> list[Withdrawal]:
        return []

    def may_change(self, external_ids: Collection[str]) -> bool:
        return False


ALL_WRITES, NO_WRITES = WriteAccess(), NoWrites()
