"""Whether numbered pages begin with 0, where nothing that came shows it."""

from __future__ import annotations

from registry_sync import runs
from registry_sync.core.problems import SourceError
from registry_sync.core.text import first_ids, number_of
from registry_sync.source.client import Source
from registry_sync.source.completeness.next_page_settings import written
from registry_sync.source.paginators.page_number import PageNumber
from registry_sync.sync.context import RunContext

TRIES = 3
"""Runs that request page 0 until one gets an answer; it may be what the registry fails at."""


def check_page_0(ctx: RunContext, source: Source) -> None:
    """Request page 0 after a lane's first read of everything from page 1 on, without a total.

    Warn of records that only page 0 has. The lane keeps the result, and asks again only after
    that, or after a failure that may pass. Raise LeaseLost.
    """
    run, lane, paginator = ctx.run, ctx.lane, source.connector.paginator
    if not isinstance(paginator, PageNumber) or paginator.base_page != 1 or not run.read:
        return
    if not run.reads_all or run.dry_run or run.source_total is not None:
        return
    page_field = paginator.page_body_path or paginator.page_param
    state = lane.source_state.get("page_0", {})
    state = state if state.get("asked") == page_field else {"asked": page_field}
    failed = state.get("failed", 0)
    if not state.get("missed", failed < TRIES):
        return
    try:
        missed = _only_on_page_0(ctx, source)
    except SourceError as error:
        if error.transient:
            runs.learn(lane, ctx.lease, page_0={**state, "failed": failed + 1})
            return
        missed = []  # most registries refuse page 0
    runs.learn(lane, ctx.lease, page_0={"asked": page_field, "missed": bool(missed)})
    if not missed:
        return
    param = {"page_param": paginator.page_param} if paginator.page_param != "page" else {}
    settings = written({"type": "page_number", **param, "base_page": 0})
    runs.warn(
        run,
        ctx.lease,
        "page_0_unread",
        f"Page 0 has {number_of(len(missed), 'record')} ({first_ids(missed)}) that no page from 1 "
        "on has: the registry's first page is page 0, and it was not read. The integration owner "
        f"sets base_page in Connector Settings: {settings}.",
    )


def _only_on_page_0(ctx: RunContext, source: Source) -> list[str]:
    """Return the ids of page 0, unless it is one of the pages that were read."""
    ids = source.ids_at({"page": 0})
    seen = ctx.lane.ledger.filter(external_id__among=ids, seen_run_id=ctx.run.pk)
    if not ids or seen.exists() or set(ids) & set(source.ids_at({"page": 1})):
        return []
    return ids
