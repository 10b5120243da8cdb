"""What a run would do about withdrawals, as a dry run shows it. Nothing is written."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from datetime import datetime
from functools import cached_property

from django.db import transaction
from django.db.models import Q

from registry_sync import runs
from registry_sync.benchling import archiving
from registry_sync.benchling.errors import Refused
from registry_sync.core.text import first_ids, number_of
from registry_sync.models import LedgerEntry, PlanRow, Withdrawal
from registry_sync.sync.context import RunContext
from registry_sync.sync.plans.plan_recorder import NoPlan
from registry_sync.sync.survivors import followed_by
from registry_sync.sync.withdrawals import policy
from registry_sync.sync.withdrawals.archivable import (
    containers_shown,
    follower_note,
    is_in_use,
    why_left,
)
from registry_sync.sync.withdrawals.departures import Departures, open_withdrawals_of
from registry_sync.sync.withdrawals.feed import Feed
from registry_sync.sync.withdrawals.incoming_links import incoming_links
from registry_sync.sync.withdrawals.listings import APART, Listings

Action, State = PlanRow.Action, Withdrawal.State
LOOKED_UP = 500
"""Entities that are looked up in Benchling, with their containers."""


class WithdrawalForecast:
    """Reports to the listener which entities would be archived, staged or unarchived."""

    def __init__(self, ctx: RunContext, departures: Departures, plan: NoPlan) -> None:
        self.ctx, self.departures, self.plan = ctx, departures, plan

    def report(self) -> None:
        """Report it. Raise SyncError if Benchling or the registry cannot be read."""
        back = self._back()
        self._report_unarchived(back)
        if not policy.archives(self.ctx.lane):
            self._report_deleted()
        going = {row.external_id: row for row in policy.to_archive(self.ctx)}
        fresh = self._fresh() if policy.archives(self.ctx.lane) else []
        back &= going.keys()
        decision = policy.decide(self.ctx, len(fresh) - sum(_is_new(going[id_]) for id_ in back))
        going = {id_: row for id_, row in going.items() if id_ not in back}
        if decision.guarded:
            staged = [id_ for id_, row in going.items() if _is_new(row)] + fresh
            self._report_staged(staged, decision.most)
            going, fresh = {id_: r for id_, r in going.items() if not _is_new(r)}, []
        self._report_archived([*going, *fresh], going)

    def _report_unarchived(self, back: set[str]) -> None:
        """Report the archives to undo, by decision or because their records are `back`."""
        returned = Q(state__in=Withdrawal.ARCHIVED_HERE, external_id__among=list(back))
        rows = open_withdrawals_of(self.ctx).filter(Q(state=State.UNDO) | returned).order_by("pk")
        ids = []
        for row in self._still_archived(list(rows)):
            reason = "Someone decided to undo its archive."
            if row.external_id in back:
                reason = "This app archived it, and its record is back."
            self.ctx.listener.finding(row.external_id, "unarchived", [reason])
            ids.append(row.external_id)
        self.plan.add_withdrawals(self._entries(ids), Action.UNARCHIVE)

    def _still_archived(self, rows: Sequence[Withdrawal]) -> list[Withdrawal]:
        """Return the rows without those that a killed process left with an entity in use."""
        doubtful = [r.entity_id for r in rows if r.state != State.ARCHIVED and r.entity_id]
        found = self.ctx.client.entities_by_id(doubtful) if doubtful else []
        in_use = {str(raw["id"]) for raw in found if is_in_use(raw)}
        return [row for row in rows if row.entity_id not in in_use]

    def _report_staged(self, ids: Sequence[str], most: int) -> None:
        text = (
            f"{number_of(len(ids), 'record')} left at once, more than {most:,}: they would wait "
            "for a decision."
        )
        for external_id in ids:
            self.ctx.listener.finding(external_id, "staged", [text])
        be = "is" if len(ids) == 1 else "are"
        self._warn(
            "withdrawals_staged",
            f"{number_of(len(ids), 'record')} that {be} in Benchling left the registry "
            f"({first_ids(ids)}), more than the {most:,} that this lane may lose at once. A "
            "run lets them wait for a decision of the integration owner, and archives none of "
            "them.",
        )

    def _warn(self, code: str, text: str) -> None:
        runs.warn(self.ctx.run, self.ctx.lease, code, text)

    @cached_property
    def _listing(self) -> tuple[datetime | None, Container[str]]:
        if self.ctx.setup.connector.deletes.mode != "absence":
            return None, ()
        return Listings(self.ctx).predict(self.departures.met)

    @cached_property
    def _deleted(self) -> list[str]:
        """Return what the registry's list of deletions has, and is in Benchling."""
        if self.ctx.setup.connector.deletes.mode != "feed" or self.ctx.run.only:
            return []
        return Feed(self.ctx).predict()

    def _report_deleted(self) -> None:
        for external_id in self._deleted:
            reason = "The registry's list of deletions has it. Nothing is changed."
            self.ctx.listener.finding(external_id, "reported as withdrawn", [reason])
        if self._deleted:
            text = f"In the registry's list of deletions: {first_ids(self._deleted)}. Nothing is "
            self._warn("withdrawn", f"{text}archived.")

    def _fresh(self) -> list[str]:
        """Return the records that a run now would count as withdrawn, and that are not kept yet."""
        allowed = policy.BY_MODE[self.ctx.setup.connector.deletes.mode]
        found = [
            id_
            for id_, departure in self.departures.seen_leaving.items()
            if departure.how in allowed
        ]
        found += [external_id for external_id in self._deleted if external_id not in found]
        began, listed = self._listing
        if began is not None:
            rows = policy.covered(self.ctx).filter(state=State.ABSENT, listed_at__lte=began - APART)
            ids = rows.order_by("external_id").values_list("external_id", flat=True)
            found += [external_id for external_id in ids if external_id not in listed]
        return found

    def _back(self) -> set[str]:
        """Return the records whose withdrawals a run now would close."""
        began, listed = self._listing
        rows = open_withdrawals_of(self.ctx).filter(how=Withdrawal.How.ABSENCE)
        ids = rows.values_list("external_id", flat=True) if began is not None else ()
        return self.departures.returned | {id_ for id_ in ids if id_ in listed}

    def _report_archived(self, ids: Sequence[str], rows: Mapping[str, Withdrawal]) -> None:
        entries, kept = self._entries(ids), list[LedgerEntry]()
        exclusions = self._exclusions(entries[:LOOKED_UP])
        containers = self._containers(
            [e for e in entries[:LOOKED_UP] if e.external_id not in exclusions]
        )
        links = (
            incoming_links([e.entity_registry_id for e in entries], self.ctx.lane) if ids else {}
        )
        for entry in entries:
            row, count = rows.get(entry.external_id), containers.get(entry.entity_id, 0)
            lines = [f"{entry.entity_registry_id} “{entry.name}”, as "
                    f"“{self.ctx.lane.withdrawn_reason}”."]  # fmt: skip
            if pointing := links.get(entry.entity_registry_id):
                lines.append(f"Entities link to it: {', '.join(pointing)}.")
            if count:
                lines.append(f"{number_of(count, 'container')} hold it.")
            shown = containers_shown(row) if row is not None else 0
            stays = count > shown and not self.ctx.lane.withdrawn_held
            if why := exclusions.get(entry.external_id):
                lines, stays = [f"{entry.entity_registry_id} “{entry.name}”. {why}"], True
            outcome = "left in use" if stays else "archived"
            kept += [] if stays else [entry]
            self.ctx.listener.finding(entry.external_id, outcome, lines)
        self.plan.add_withdrawals(kept, Action.ARCHIVE)
        if kept:
            self._count(len(kept))

    def _count(self, archived: int) -> None:
        """Save how many entities would be archived. Raise LeaseLost."""
        run = self.ctx.run
        with transaction.atomic():
            runs.renew(self.ctx.lease)
            run.archived = archived
            type(run).objects.filter(pk=run.pk).update(archived=archived)

    def _entries(self, ids: Sequence[str]) -> list[LedgerEntry]:
        rows = self.ctx.lane.ledger.filter(external_id__among=list(ids))
        return list(rows.order_by("pk"))

    def _exclusions(self, entries: Sequence[LedgerEntry]) -> dict[str, str]:
        """Return why entities may not be archived by this app, by external id."""
        client = self.ctx.client
        raws = client.entities_by_id([entry.entity_id for entry in entries]) if entries else []
        by_id = {str(raw["id"]): raw for raw in raws}
        shared = followed_by(self.ctx.lane, list(by_id))
        found = {by.external_id: follower_note(shared[by.entity_id])
                 for by in entries if by.entity_id in shared}  # fmt: skip
        for entry in entries:
            raw = by_id.get(entry.entity_id)
            if left := why_left(raw, entry, entry.entity_registry_id, client.app_id):
                _, found[entry.external_id] = left
        return found

    def _containers(self, entries: list[LedgerEntry]) -> dict[str, int]:
        try:
            ids = [entry.entity_id for entry in entries]
            return dict(archiving.containers_of(self.ctx.client, ids)) if ids else {}
        except Refused:  # a run says so, and leaves them
            return {}


def _is_new(row: Withdrawal) -> bool:
    return row.state == State.GONE
