"""Tell this app's own archives from those of people, in a list of Benchling's entities."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from registry_sync import runs
from registry_sync.core.types import Json
from registry_sync.models import Withdrawal
from registry_sync.sync.context import RunContext
from registry_sync.sync.withdrawals.archivable import is_own_archive
from registry_sync.sync.withdrawals.departures import open_withdrawals_of

State = Withdrawal.State


def own_archives(ctx: RunContext, page: Sequence[Json]) -> set[str]:
    """Return the Benchling ids on a page that are archived as this app did it: no one's edit.

    What someone unarchived, or archived again, is no longer this app's. Raise LeaseLost.
    """
    ids = [str(raw["id"]) for raw in page]
    states = (State.ARCHIVED, State.SENT, State.UNDO)
    rows = open_withdrawals_of(ctx).filter(state__in=states, entity_id__among=ids)
    by_entity_id = {row.entity_id: row for row in rows}
    own: set[str] = set()
    for raw in page if by_entity_id else ():
        row = by_entity_id.get(str(raw["id"]))
        if row is None:
            continue
        if raw.get("archiveRecord") and is_own_archive(row, raw):
            own.add(row.entity_id)
        elif row.state == State.ARCHIVED:
            _give_up(ctx, row, archived=bool(raw.get("archiveRecord")))
    return own


def _give_up(ctx: RunContext, row: Withdrawal, *, archived: bool) -> None:
    row.state = State.THEIRS if archived else State.KEPT
    row.note = (
        "It was archived again or changed in Benchling." if archived
        else "Someone unarchived it in Benchling, so it stays in use."
    )  # fmt: skip
    with transaction.atomic():
        runs.renew(ctx.lease)
        row.save(update_fields=["state", "note"])
