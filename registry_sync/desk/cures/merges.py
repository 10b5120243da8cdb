"""Decide about entities that people merged into others: under Merges, where both are shown."""

from __future__ import annotations

from urllib.parse import urlencode

from registry_sync.desk.cures.base import Cure, CureCase, page
from registry_sync.models import Merge


class DecideMerge(Cure):
    """Lead to the merges of a lane that wait for a decision."""

    name, label, asks = "merge", "Decide", False
    permissions = ("registry_sync.change_entityerror", "registry_sync.add_syncrun")
    codes = ("merged_away",)

    def applies(self, case: CureCase) -> bool:
        """Return whether a merge waits for the decision."""
        rows = Merge.objects.filter(lane=case.lane, closed_at__isnull=True, state=Merge.State.OPEN)
        return (rows.filter(external_id__in=case.ids) if case.ids else rows).exists()

    def address(self, case: CureCase) -> str:
        """Return the list of what waits, of these records."""
        filters = {"state__exact": Merge.State.OPEN, "lane": case.lane.pk}
        named = {"q": case.ids[0]} if len(case.ids) == 1 else {}
        return page("merge_changelist", query=urlencode({**filters, **named}))
