"""Verify a lane's chain: its changes, its links, its head, its deletions and its runs' counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet, Sum

from registry_sync.core.text import number_of, were
from registry_sync.ledger import chain, digests, other_chains, retention
from registry_sync.models import ChainHead, ChainLink, Change, Lane, LedgerEntry, SyncRun

Form = ChainLink.Form
COLUMNS = ("id", *digests.OLD_COLUMNS, "kind", "digest")
ID, DIGEST = 0, -1


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of verifying a lane's chain: how many changes were verified, the first fault."""

    rows: int
    broken: str = ""
    notes: tuple[str, ...] = field(default=(), compare=False)
    """What must be known beside it, such as that a head is not signed."""


class Broken(Exception):
    """A chain is not what this app wrote; the message names where."""


def verify_chain(lane: Lane, keys: Sequence[str] = (), *, every_row: bool = True) -> Verdict:
    """Verify a lane's chain from its first change to its last, even while a run adds to it.

    `keys` are PEM keys of earlier key pairs that may have signed it. Without `every_row`, verify
    all but the single changes, which is what a page has time for.
    """
    check = ChainCheck(lane, keys, every_row=every_row)
    try:
        check.links()
        check.head()
        check.retentions()
        check.counts()
    except Broken as fault:
        return Verdict(check.present, str(fault))
    return Verdict(check.present, "", tuple(check.notes))


class ChainCheck:
    """One reading of a chain, link by link. Its methods raise Broken."""

    def __init__(self, lane: Lane, keys: Sequence[str], *, every_row: bool) -> None:
        self.lane, self.mark = lane, lane.mark
        self.keys = [*filter(None, [settings.BENCHLING_PRIVATE_KEY]), *keys]
        self.every_row = every_row
        self.present = self.rows = self.number = 0
        self.last_id: int | None = None
        self.digest = self.row_digest = self.mark
        self.deleted_to = retention.deleted_to(lane)
        self.notes: list[str] = []
        self.is_signed = False

    def links(self) -> None:
        """Verify every link and its changes."""
        while True:
            added = self._rows_after().first()
            links = ChainLink.objects.filter(lane=self.lane, number__gt=self.number)
            chunk = list(links.order_by("number")[:500])
            for link in chunk:
                self._link(link)
            if not chunk and added is not None:  # not by a run that works at the moment
                raise Broken(f"{_named(added)} was added: no link of the chain has it.")
            if not chunk:
                return

    def _link(self, link: ChainLink) -> None:
        if link.number != self.number + 1:
            raise Broken(f"Link {self.number + 1} of the chain is missing: it was removed.")
        if digests.of_link(link, self.digest, self.mark) != link.digest:
            raise Broken(f"{_link_named(link)} was edited, or a link before it was.")
        if self.every_row and link.form != Form.RETENTION:
            self._rows(link)
        elif link.number > self.deleted_to:
            self.present += link.rows
        self.number, self.digest = link.number, link.digest
        self.rows, self.last_id = self.rows + link.rows, link.last_id
        if link.form in (Form.DELETED, Form.ROW_BY_ROW) and link.rows_digest:
            self.row_digest = link.rows_digest

    def _rows(self, link: ChainLink) -> None:
        """Verify the changes of one link."""
        rows = self._rows_after().filter(id__lte=link.last_id)
        if link.number <= self.deleted_to:
            if (extra := rows.first()) is not None:
                raise Broken(f"{_named(extra)} was added: changes of that age have been deleted.")
            return
        last, count, row_id = "", 0, None
        for row, expected in self._expected(link, rows):
            if row[DIGEST] != expected:
                raise Broken(
                    f"{_named(row)} does not match the previous row: it was edited, or a row "
                    "before it was removed or added."
                )
            last, count, row_id = expected, count + 1, row[ID]
            self.present += 1
        if count != link.rows or last != (link.rows_digest if link.rows else ""):
            where = f"after row {row_id}" if row_id is not None else "with no row"
            raise Broken(
                f"{_link_named(link)} has {number_of(link.rows, 'change')}, but ends {where} with "
                f"{count:,}: rows at its end were removed or added."
            )

    def _expected(
        self, link: ChainLink, rows: QuerySet[Change, Any]
    ) -> Iterator[tuple[Sequence[Any], str]]:
        """Yield each change of a link with the digest that it must have."""
        found = rows.values_list(*COLUMNS).iterator(2000)
        if link.form == Form.ROW_BY_ROW:
            last = self.row_digest
            for row in found:
                last = digests.of_old_change(last, row[1:-2])
                yield row, last
            return
        digest: bytes | None = None
        for row in found:
            (run_id, external_id, entity_id, field_id, named, before, after, source, created,
             *how, seen, at, kind) = row[1:-1]  # fmt: skip
            actor, trigger, fingerprint, version = how
            written = digests.Written(run_id, actor, trigger, fingerprint, version, at)
            if digest is None:
                common = written
                digest = digests.first(self.digest, self.mark, link.number, written)
            entity = digests.entity_part(external_id, entity_id, created, seen)
            own = digests.field_part(kind, field_id, named)
            values = (digests.canonical_json(value) for value in (before, after, source))
            digest = digests.of_change(digest, entity, own, *values)
            whole = written == common and (run_id, at) == (link.run_id, link.at)
            yield row, digest.hex() if whole else ""

    def head(self) -> None:
        """Verify that the chain ends where its head says, and the head's signature."""
        head = ChainHead.objects.filter(lane=self.lane).first()
        if head is None:
            if self.number:
                raise Broken("The chain has no head: it was removed.")
            self._nothing_written()
            return
        if head.links > self.number and ChainLink.objects.filter(
            lane=self.lane, number__gt=self.number
        ).exists():  # fmt: skip
            self.links()  # a run has added to it
            return self.head()
        if (head.digest, head.links, head.rows) != (self.digest, self.number, self.rows):
            raise Broken(
                f"The chain does not end after link {self.number} with "
                f"{number_of(self.rows, 'change')}, as its head says: rows at its end were removed "
                "or added, or the head was edited."
            )
        self._signature(head)

    def _nothing_written(self) -> None:
        """Verify that a lane without a chain wrote nothing, by its ledger."""
        written = LedgerEntry.objects.filter(lane=self.lane, written_run_id__isnull=False)
        entry = written.first()
        begun = ChainHead.objects.filter(lane=self.lane).exists()  # by a first run, since
        if entry is not None and not begun:
            raise Broken(
                f"The chain was removed: run {entry.written_run_id} wrote {entry.external_id}, and "
                "no link of the chain is there."
            )

    def _signature(self, head: ChainHead) -> None:
        if not self.keys:
            self.notes.append(
                "The head's signature was not checked: BENCHLING_PRIVATE_KEY is not set."
                if head.signature
                else "The head is not signed: BENCHLING_PRIVATE_KEY is not set."
            )
        elif not head.signature:
            self._unsigned(head)
        elif (signed := chain.signed_end(head, self.keys)) is None:
            raise Broken(
                "The head was not signed by this deployment's key. If another key signed it, give "
                "its public key with --key."
            )
        elif signed[0] != self.mark or signed[1].digest != head.digest:
            raise Broken("The head was edited: its signature is of another chain or another end.")
        else:
            self._signed(signed[1])

    def _signed(self, end: chain.ChainEnd) -> None:
        if (end.links, end.rows) != (self.number, self.rows):
            raise Broken("The head was edited: its signature is of other counts.")
        if fault := other_chains.missing_chain(end.others):
            raise Broken(fault)
        self.is_signed = True
        if end.unsigned:
            self.notes.append(
                f"The head is signed. The first {number_of(end.unsigned, 'change')} "
                f"{were(end.unsigned)} there before this key signed the chain."
            )

    def _unsigned(self, head: ChainHead) -> None:
        """Let a head that a migration set be unsigned until a run has ended."""
        if head.migrated_at is None or self._ran_since(head.migrated_at):
            raise Broken(
                "The head is not signed: the signature was removed, or BENCHLING_PRIVATE_KEY was "
                "not set when it was written. In the second case the next run signs it."
            )
        self.notes.append(
            "The head is not signed yet: a migration set it on "
            f"{head.migrated_at:%Y-%m-%d %H:%M} UTC. The next run signs it."
        )

    def _ran_since(self, at: datetime) -> bool:
        """Return whether a run has signed, or should have signed, since the migration."""
        ended = SyncRun.objects.filter(lane=self.lane, status__in=SyncRun.GOOD, finished_at__gt=at)
        written = ChainLink.objects.filter(lane=self.lane, form=Form.WRITTEN)
        return ended.exclude(kind__in=SyncRun.DRY).exists() or written.exists()

    def retentions(self) -> None:
        """Verify that each deletion is in the chain and in the admin's log, and no other is."""
        for fault in retention.faults(self.lane):
            raise Broken(fault)
        for text in retention.unlogged(self.lane):
            if not self.is_signed:
                raise Broken(text)
            self.notes.append(f"{text} The signed chain has it as the command made it.")

    def counts(self) -> None:
        """Verify what the runs counted against the chain."""
        for attempt in (1, 2, 3):
            fault = self._count_fault()
            if not fault:
                return
            if attempt == 3:  # else a run may have written between two queries
                raise Broken(fault)

    def _count_fault(self) -> str:
        links = ChainLink.objects.filter(lane=self.lane, run__isnull=False).order_by()
        sums = {
            run_id: tuple(values)
            for run_id, *values in links.values_list("run_id").annotate(
                Sum("created"), Sum("updated")
            )
        }
        wrote = Q(pk__in=ChainLink.objects.filter(lane=self.lane).values("run_id"))
        wrote |= Q(lane=self.lane) & (~Q(created=0) | ~Q(updated=0))
        runs = SyncRun.objects.filter(wrote).order_by("pk")
        columns = ("pk", "lane_id", "kind", "created", "updated")
        for pk, lane_id, kind, created, updated in runs.values_list(*columns):
            counted = sums.pop(pk, None)
            if (kind in SyncRun.DRY and counted is None) or lane_id != self.lane.pk:
                continue
            if (created, updated) != (counted or (0, 0)):
                was = counted or (0, 0)
                return (
                    f"Run {pk} counted {created:,} created and "
                    f"{number_of(updated, 'updated record')}, but the chain has {was[0]:,} and "
                    f"{was[1]:,}: changes were removed, or the run's counts were edited."
                )
        return f"Run {min(sums)} wrote changes, but it was removed." if sums else ""

    def _rows_after(self) -> QuerySet[Change]:
        """Return the lane's changes after the last verified link, in order."""
        rows = Change.objects.filter(lane=self.lane).order_by("id")
        return rows if self.last_id is None else rows.filter(id__gt=self.last_id)


def _named(row: Change | Sequence[Any]) -> str:
    if isinstance(row, Change):
        identity = (row.pk, row.external_id, row.field, row.at)
    else:
        identity = (row[ID], row[2], row[5], row[-3])
    return f"Row {identity[0]} ({identity[1]}, {identity[2]}, {identity[3]:%Y-%m-%d %H:%M} UTC)"


def _link_named(link: ChainLink) -> str:
    return f"Link {link.number} of the chain (run {link.run_id}, {link.at:%Y-%m-%d %H:%M} UTC)"
