"""The chain of a lane's changes: a link for each transaction that wrote some, and a signed head.

A change's digest covers the change and everything before it in its lane. A link has the number and
the digest of its changes, and by how much it changed its run's counts. The head has the last link's
digest, the number of all changes, and a signature by the app's key. So whoever edits, adds or
removes anything needs that key, which is not in the database.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import cached_property

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from registry_sync.core import signing
from registry_sync.ledger import digests, other_chains
from registry_sync.ledger.other_chains import Ends
from registry_sync.models import ChainHead, ChainLink, Change, Lane, SyncRun

OTHERS = "lanes"
"""The signature's header that has the other chains. Versions that do not know it ignore it."""
LOST = "0" * 64
"""What a link builds on when the head that it should follow is gone. No chain has it before."""


@dataclass(frozen=True, slots=True)
class ChainEnd:
    """The end of a chain: what the next link builds on."""

    digest: str
    links: int
    rows: int
    unsigned: int = 0
    """How many of these changes were there before this key signed the chain."""
    others: Ends = field(default_factory=dict)
    """Where the other lanes' chains ended when a run of this lane last ended."""

    def payload(self, lane: Lane) -> bytes:
        """Return what the head's signature covers, beside the header with the other chains."""
        return digests.encode(
            {"lane": lane.mark, "digest": self.digest, "links": self.links, "rows": self.rows,
             "unsigned": self.unsigned}
        )  # fmt: skip


class Link:
    """A link that is being written, in the caller's transaction."""

    def __init__(self, lane: Lane, run: SyncRun | None, form: ChainLink.Form) -> None:
        self.lane, self.run = lane, run
        self.row = ChainLink(
            lane=lane, run=run, form=form, rows=0, created=0, updated=0, at=timezone.now()
        )
        self.end = end_of(lane)
        latest = ChainLink.objects.filter(lane=lane).aggregate(Max("number"), Max("last_id"))
        self.row.number = max(self.end.links, latest["number__max"] or 0) + 1
        self._last_id = latest["last_id__max"] or 0

    @cached_property
    def written(self) -> digests.Written:
        """Return what all its changes have in common."""
        run = self.run
        assert run is not None
        how = (run.actor, run.trigger, run.fingerprint, run.service_version)
        return digests.Written(run.pk, *how, self.row.at)

    def start(self) -> bytes:
        """Return what its first change builds on: 32 bytes."""
        return digests.first(self.end.digest, self.lane.mark, self.row.number, self.written)

    def close(self) -> None:
        """Write the link and move the lane's head to it."""
        row, lane = self.row, self.lane
        row.last_id = max(last_id(lane), self._last_id)
        row.digest = digests.of_link(row, self.end.digest, lane.mark)
        row.save(force_insert=True)
        rows = self.end.rows + row.rows
        move_head(lane, replace(self.end, digest=row.digest, links=row.number, rows=rows))


def last_id(lane: Lane) -> int:
    """Return the id of the lane's last change; 0 if it has none."""
    last = Change.objects.filter(lane=lane).order_by("-id").values_list("id", flat=True).first()
    return last or 0


def end_of(lane: Lane) -> ChainEnd:
    """Return the end that the lane's next link builds on, and lock it.

    That is what was signed. What someone wrote past the signature breaks the chain for good.
    """
    head = ChainHead.objects.select_for_update().filter(lane=lane).first()
    if head is None:
        began = not (
            ChainLink.objects.filter(lane=lane).exists()
            or Change.objects.filter(lane=lane).exists()
        )
        return ChainEnd(lane.mark if began else LOST, 0, 0)
    signed = signed_end(head, [settings.BENCHLING_PRIVATE_KEY])
    if signed is not None and signed[0] == lane.mark:
        return signed[1]
    return ChainEnd(head.digest, head.links, head.rows, unsigned=head.rows)


def signed_end(head: ChainHead, keys: list[str]) -> tuple[str, ChainEnd] | None:
    """Return the lane's mark and the end that were signed by one of these PEM keys, if any was."""
    for key in filter(None, keys):
        try:
            signed = json.loads(signing.verify(head.signature, key))
            others = signing.header_of(head.signature).get(OTHERS, {})
            return signed.pop("lane"), ChainEnd(**signed, others=others)
        except (ValueError, TypeError, KeyError, AttributeError):  # signed, but not as a head
            continue
    return None


def move_head(lane: Lane, end: ChainEnd) -> None:
    """Store the end of the lane's chain, signed by the app's key if there is one."""
    values = {
        "digest": end.digest,
        "links": end.links,
        "rows": end.rows,
        "signature": signature(end.payload(lane), end.others),
    }
    if not ChainHead.objects.filter(lane=lane).update(**values):
        ChainHead.objects.create(lane=lane, **values)


def signature(payload: bytes, others: Ends | None = None) -> str:
    """Return a payload signed by the app's key; "" without a key that can sign."""
    header = {OTHERS: others} if others else None
    try:
        return signing.sign_payload(payload, settings.BENCHLING_PRIVATE_KEY, header=header)
    except ValueError:  # doctor names it; what was written must be recorded all the same
        return ""


def sign_head(lane: Lane) -> None:
    """Sign the lane's head with where the other lanes' chains end now.

    Also where this key has not signed it yet: a migration set it, or the key is a new one.
    """
    if not settings.BENCHLING_PRIVATE_KEY:
        return
    with transaction.atomic():
        head = ChainHead.objects.select_for_update().filter(lane=lane).first()
        if head is None:
            return
        signed = signed_end(head, [settings.BENCHLING_PRIVATE_KEY])
        if signed is None:
            end = ChainEnd(head.digest, head.links, head.rows, unsigned=head.rows)
        elif signed[0] != lane.mark:
            return  # someone else's: a fault that stays
        else:
            end = signed[1]
        others = other_chains.ends(lane, end.others)
        if signed is None or others != end.others:
            move_head(lane, replace(end, others=others))


def changes_counted(run_id: int) -> tuple[int, int]:
    """Return a run's stored counts of created and updated records."""
    created, updated = SyncRun.objects.values_list("created", "updated").get(pk=run_id)
    return created, updated
