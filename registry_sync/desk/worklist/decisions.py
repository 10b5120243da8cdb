"""Cards for what waits for a decision: withdrawals, adoptions, drift, merges."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from django.db.models import Exists, OuterRef, QuerySet

from registry_sync import runs
from registry_sync.desk import cures
from registry_sync.desk.drift import ARCHIVED, undecided_drift
from registry_sync.desk.worklist.base import (
    CardKind,
    Gravity,
    Overview,
    Waiting,
    WorkCard,
    link,
    press,
    rows_waiting,
)
from registry_sync.models import (
    Adoption,
    Drift,
    EntityError,
    Lane,
    LedgerEntry,
    Merge,
    Withdrawal,
)

Left = Withdrawal.State


class Decision(CardKind):
    """Rows of a table that wait for someone's decision.

    A subclass names the table's page, the query of what waits, and the cause of refused records
    whose card covers the same rows, if there is one.
    """

    page: ClassVar[str]
    query: ClassVar[str]
    found: ClassVar[str] = "found_at"
    title: ClassVar[str]
    text: ClassVar[str]
    label: ClassVar[str]
    permission: ClassVar[str]
    gravity: ClassVar[Gravity] = Gravity.WAITING
    cause: ClassVar[str] = ""

    def rows(self) -> QuerySet[Adoption | Drift | Merge | Withdrawal]:
        """Return what waits, of all lanes."""
        raise NotImplementedError

    def cards(self, overview: Overview) -> Iterable[WorkCard]:
        """Return a card for each lane in which something waits."""
        for waiting_rows in rows_waiting(self.rows(), self.found, overview):
            if waiting_rows.count > self._refused(overview, waiting_rows.lane):
                yield self._card(waiting_rows)

    def _refused(self, overview: Overview, lane: Lane) -> int:
        """Return how many records the card of the cause counts, which offers this decision."""
        groups = overview.causes.get(lane.pk, ())
        return next((group.count for group in groups if group.code == self.cause), 0)

    def _card(self, waiting_rows: Waiting) -> WorkCard:
        address = link(f"{self.page}_changelist", query=f"{self.query}&lane={waiting_rows.lane.pk}")
        return WorkCard(
            title=self.title,
            gravity=self.gravity,
            actors=("mapping",),
            text=self.text,
            lane=waiting_rows.lane,
            count=waiting_rows.count,
            since=waiting_rows.since,
            new=waiting_rows.new,
            address=address,
            presses=self.presses(waiting_rows.lane, address),
        )

    def presses(self, lane: Lane, address: str) -> tuple[cures.Offer, ...]:
        """Return the presses of a card."""
        return (press(self.label, address, self.permission),)


class StagedWithdrawals(Decision):
    """Entities that would be archived, held back until someone agrees."""

    name, page, query = "withdrawals", "withdrawal", f"state__exact={Left.STAGED}"
    title, label, permission = "withdrawal to decide", "Archive or keep", "change_lane"
    text = "The record left the registry. Nothing is archived until you decide."

    def rows(self) -> QuerySet[Withdrawal]:
        """Return the open ones that wait."""
        return Withdrawal.objects.filter(closed_at__isnull=True, state__in=Withdrawal.WAITING)


class LeftInUse(Decision):
    """Entities whose records left the registry, and that are still in use."""

    name, page, query = "left", "withdrawal", f"state__exact={Left.GONE}"
    title, label, permission = "record that left the registry", "Archive or keep", "change_lane"
    text = "The entity is still in use in Benchling. Archive it, or keep it in use."
    gravity = Gravity.NOTE

    def rows(self) -> QuerySet[Withdrawal]:
        """Return those about which nothing was decided."""
        return Withdrawal.objects.filter(closed_at__isnull=True, state=Left.GONE)


class Adoptions(Decision):
    """Entities that were in Benchling before, and that match records."""

    name, page, query = "adoptions", "adoption", f"state__exact={Adoption.State.OPEN}"
    title, label, permission = "entity to adopt or not", "Decide", "change_adoption"
    text = "It was in Benchling before and matches a record. Both sides are shown first."
    cause = "not_ours"

    def rows(self) -> QuerySet[Adoption]:
        """Return the open ones that can be adopted."""
        return Adoption.objects.filter(state=Adoption.State.OPEN, how__in=Adoption.ADOPTABLE)

    def presses(self, lane: Lane, address: str) -> tuple[cures.Offer, ...]:
        """Return the cure of adoptions."""
        return tuple(cures.all_of(lane, "adoptions"))


class DriftedValues(Decision):
    """Values that people changed in Benchling."""

    name, page, query = "drift", "drift", "closed_at__isempty=1"
    title, label, permission = "value changed in Benchling", "Restore or accept", "change_lane"
    text = "Benchling and the registry differ. Restore the registry's value, or accept Benchling's."

    def rows(self) -> QuerySet[Drift]:
        """Return the open ones that can be decided."""
        return undecided_drift()

    def presses(self, lane: Lane, address: str) -> tuple[cures.Offer, ...]:
        """Return the cures of drift."""
        return tuple(cures.all_of(lane, "drift"))


class ArchivedByPeople(Decision):
    """Entities that people archived in Benchling.

    A record that changes after that is refused: the card of that cause has it.
    """

    name, page, query = "archived", "drift", f"closed_at__isempty=1&field__exact={ARCHIVED}"
    title = "entity that people archived in Benchling"
    text = (
        "Its record has not changed in the registry since, so nothing has to be written. If the "
        "record changes, it is refused until a Benchling admin unarchives the entity."
    )
    gravity = Gravity.NOTE

    def rows(self) -> QuerySet[Drift]:
        """Return the open ones, without those whose records are refused."""
        refused = runs.only_open(EntityError.objects.filter(lane=OuterRef("lane"), code="archived"))
        rows = Drift.objects.filter(closed_at__isnull=True, field_id=ARCHIVED)
        return rows.filter(~Exists(refused.filter(external_id=OuterRef("external_id"))))

    def presses(self, lane: Lane, address: str) -> tuple[cures.Offer, ...]:
        """Return none: the desk does not unarchive what people archived."""
        return ()


class Merges(Decision):
    """Entities of this app that people merged into others."""

    name, page, query = "merges", "merge", f"state__exact={Merge.State.OPEN}"
    title, label, permission = "entity merged into another one", "Decide", "change_entityerror"
    text = "Follow the survivor, or create the entity again once its names are free."
    cause = "merged_away"

    def rows(self) -> QuerySet[Merge]:
        """Return the open ones, without those of records that have left the registry."""
        same = {"lane": OuterRef("lane"), "external_id": OuterRef("external_id")}
        is_withdrawn = Exists(LedgerEntry.objects.filter(**same, gone_run_id__isnull=False))
        missing = Exists(Withdrawal.objects.filter(**same, closed_at__isnull=True))
        return Merge.objects.filter(~is_withdrawn, ~missing, closed_at=None, state=Merge.State.OPEN)
