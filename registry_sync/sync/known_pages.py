"""What earlier reads of a lane showed about its registry's pages, against false suspicions."""

from __future__ import annotations

from typing import Any

from registry_sync import runs
from registry_sync.source.loop_detection import position_mark
from registry_sync.source.pages import Page, Sign
from registry_sync.sync.context import RunContext

SUSPICIONS = ("full_page", "next_unseen")
"""Signs of an only page that say no more than that there may be others."""


class KnownPages:
    """Keeps in the lane how large a page was, and that this paginator led to a next page.

    A registry that once returned 3,000 records on a page does not cut one at 50. One that was
    seen to name a next page names none where there is none. A token that may be that of a next
    page is passed over among changes alone, where a few records are the rule.
    """

    def __init__(self, ctx: RunContext) -> None:
        self.ctx = ctx
        self.paginator = position_mark({"paginator": repr(ctx.setup.connector.paginator)})

    def explains(self, sign: Sign, page: Page) -> bool:
        """Return whether a sign is a suspicion that earlier reads dispel."""
        if sign.code not in SUSPICIONS and not sign.unsure:
            return False
        larger = self._learned("largest_page", 0) > len(page.records)
        followed: bool = self._learned("paginator", "") == self.paginator
        if sign.unsure:
            return followed and larger and not self.ctx.run.reads_all
        return followed or (larger and sign.code == "full_page")

    def note(self, page: Page) -> None:
        """Keep what a page shows. Raise LeaseLost."""
        if self.ctx.run.dry_run:
            return
        facts: dict[str, Any] = {}
        if len(page.records) > self._learned("largest_page", 0):
            facts["largest_page"] = len(page.records)
        if page.next_position is not None and page.records:
            facts["paginator"] = self.paginator
        if facts:
            runs.learn_source_facts(self.ctx.lane, self.ctx.lease, **facts)

    def _learned(self, name: str, otherwise: Any) -> Any:
        return self.ctx.lane.source_state.get(name, otherwise)
