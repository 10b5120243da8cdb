"""Carry records from the source to their end: compared, gated, and handed to the delivery."""

from __future__ import annotations

from collections.abc import Sequence

from registry_sync.core.types import Json
from registry_sync.ledger.record_outcome import RecordOutcome
from registry_sync.source.pages import Page
from registry_sync.sync.compare import compare
from registry_sync.sync.context import RunContext
from registry_sync.sync.delivery.protocol import Delivery
from registry_sync.sync.gates import allowance_use
from registry_sync.sync.gates.gate import Gate
from registry_sync.sync.records import Candidate, SourceRecord
from registry_sync.sync.source_tracking import SourceTracker
from registry_sync.sync.withdrawals.departures import Departures


class Carrier:
    """Takes records in and sees each one unchanged, refused, waiting or in the delivery.

    `gates` are asked in their order; each lets candidates go on or brings them to an end.
    """

    def __init__(
        self, ctx: RunContext, delivery: Delivery, gates: Sequence[Gate], tracker: SourceTracker
    ) -> None:
        self.ctx, self.delivery, self.gates, self.tracker = ctx, delivery, gates, tracker
        self.departures = Departures(ctx)

    def carry(
        self,
        records: Sequence[SourceRecord],
        *,
        page: Page | None = None,
        again: bool = False,
        force: bool = False,
        late: bool = False,
    ) -> int:
        """Settle records or add them to a batch; return how many the run had seen already.

        Outcomes are recorded together with the position that `page` reaches. Records seen before
        count as repeated unless `again`: the service then sends them twice. With `force`, a
        record that was refused before is tried again though it is the same. `late` records were
        left until an earlier form of them was recorded.
        """
        run = self.ctx.run
        position = page.position if page else None
        underway = self.delivery.underway
        out = compare(self.ctx, records, underway=underway, force=force, position=position)
        if page is not None:
            self.tracker.judge(records, out, again=again and not late)
        run.repeated += 0 if again else out.repeated
        run.coerced += out.coerced
        self.departures.follow(records, out)
        stopped = self.admit(out.candidates)
        with self.ctx.timed("upsert"):
            self.delivery.send_full_batches()
        place = self.place(page) if page and not out.later else {}
        same = list(out.same.values())
        self.delivery.record([*out.settled, *stopped], out.views, same, **place)
        if out.later:
            # An earlier form of these is still on its way: it has to land before they follow.
            self.delivery.flush()
            self.carry(out.later, page=page, again=True, late=not again)
        return out.repeated

    def admit(self, candidates: Sequence[Candidate]) -> list[RecordOutcome]:
        """Hand the delivery what passes every gate; return the outcomes of the rest."""
        going, settled = candidates, list[RecordOutcome]()
        if not candidates:
            return settled
        for gate in self.gates:
            going, stopped = gate.check(going)
            settled += stopped
        allowance_use.use_up(self.ctx, (candidate.entity.external_id for candidate in going))
        self.delivery.add(going)
        if len(settled) > 1:  # in the order of the source, whichever gate stopped them
            order = {c.entity.external_id: index for index, c in enumerate(candidates)}
            settled.sort(key=lambda outcome: order[outcome.external_id])
        return settled

    def place(self, page: Page) -> Json:
        """Return the run's columns from which another process would go on after `page`."""
        position = self.delivery.oldest_position() or page.next_position
        run = self.ctx.run
        spent = {"phase_seconds": run.phase_seconds, "waits": run.waits}
        return {"position": position, **spent, **self.tracker.place()}
