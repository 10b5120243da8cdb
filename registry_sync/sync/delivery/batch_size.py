"""How many entities a batch has: few at first, and more while batches pass."""

from __future__ import annotations

from registry_sync.benchling.upsert_rows import FEW
from registry_sync.sync.context import RunContext


def most_rows(ctx: RunContext) -> int:
    """Return how many entities a batch may have."""
    terms, limit = ctx.terms, ctx.setup.schema.entity_type.upsert_limit
    return min(terms.batch_size, terms.objects_per_hour or terms.batch_size, limit)


def most_together(ctx: RunContext) -> int:
    """Return how many entities can go if all of them have to be in one batch."""
    most = most_rows(ctx)
    return most if ctx.run.limited_at is None else min(most, FEW)


class BatchSize:
    """The size of a run's next batch, up to what the operator allows.

    A batch that had to be sent again, or that met a limit of objects, brings it back to few.
    """

    def __init__(self, ctx: RunContext) -> None:
        self.run = ctx.run
        self._in_flight = ctx.terms.in_flight
        self.most = most_rows(ctx)
        self.together = 0
        """So many must not be parted, as they link to one another."""
        self._rows = FEW
        last = self.run.batches.order_by("-number").only("size", "calls", "done_at").first()
        if last is not None and last.done_at and last.calls <= 1:
            self._rows = max(FEW, 2 * last.size)  # an earlier slice's, which passed

    @property
    def rows(self) -> int:
        """Return the size of the next batch."""
        limited = self.run.limited_at is not None
        return min(self.most, max(FEW if limited else self._rows, self.together))

    def shared(self, unsent: int | None) -> int:
        """Return the size of the next batch, given how many entities are not sent yet, if known.

        Where several batches fly, the last entities are shared among them: none is still under way
        long after the others.
        """
        if unsent is None or self._in_flight == 1 or self.together:
            return self.rows
        return min(self.rows, max(FEW, -(-unsent // self._in_flight)))

    def landed(self, rows: int, *, clean: bool) -> None:
        """Learn how a batch of so many rows ended. `clean`: it was sent once, and passed."""
        if not clean:
            self._rows = FEW
        elif rows >= self.rows:
            self._rows = 2 * rows
