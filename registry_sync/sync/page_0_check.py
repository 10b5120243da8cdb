"""Whether a list begins before the page or offset that settings name, where nothing shows it."""

from __future__ import annotations

from registry_sync import runs
from registry_sync.core.problems import SourceError
from registry_sync.core.text import first_ids, number_of
from registry_sync.source.client import Source
from registry_sync.source.completeness.next_page_settings import as_pasted
from registry_sync.source.paginators import Paginator
from registry_sync.source.paginators.offset import Offset
from registry_sync.source.paginators.page_number import PageNumber
from registry_sync.sync.context import RunContext

TRIES = 3
"""Runs that request page 0 until one gets an answer; it may be what the registry fails at."""


def check_page_0(ctx: RunContext, source: Source) -> None:
    """Request what is before the first page after a lane's first read of everything, with no total.

    Warn of records that only it has. The lane keeps the result, and asks again only after that, or
    after a failure that may pass. Raise LeaseLost.
    """
    run, lane, paginator = ctx.run, ctx.lane, source.connector.paginator
    first, parameter = _first(paginator)
    if first < 1 or not run.read:
        return
    if not run.reads_all or run.dry_run or run.source_total is not None:
        return
    numbered = isinstance(paginator, PageNumber)
    asked = parameter if numbered and first == 1 else f"{parameter} {first}"
    state = lane.source_state.get("page_0", {})
    state = state if state.get("asked") == asked else {"asked": asked}
    failed = state.get("failed", 0)
    if not state.get("missed", failed < TRIES):
        return
    try:
        missed = _missed(ctx, source, first - 1)
    except SourceError as error:
        if error.transient:
            runs.learn_source_facts(lane, ctx.lease, page_0={**state, "failed": failed + 1})
            return
        missed = []  # most registries refuse page 0
    runs.learn_source_facts(lane, ctx.lease, page_0={"asked": asked, "missed": bool(missed)})
    if missed:
        found = f"has {number_of(len(missed), 'record')} ({first_ids(missed)}) that"
        runs.warn(run, ctx.lease, "page_0_unread", _told(paginator, first - 1, found))


def _first(paginator: Paginator) -> tuple[int, str]:
    """Return the number of the first page or record by the settings, and the parameter for it."""
    if isinstance(paginator, PageNumber):
        return paginator.base_page, paginator.page_body_path or paginator.page_param
    if isinstance(paginator, Offset):
        return paginator.offset, paginator.offset_body_path or paginator.offset_param
    return 0, ""


def _told(paginator: Paginator, before: int, found: str) -> str:
    earlier = before > 0
    if isinstance(paginator, Offset):
        return (
            f"Offset {before} {found} did not come: the registry's list begins there"
            f"{' or earlier' if earlier else ''}, and it was not read. The integration owner "
            "corrects offset in endpoint.paginator of Connector Settings: "
            f"{before}{' or less' if earlier else ''} instead of {before + 1}."
        )
    assert isinstance(paginator, PageNumber)
    param = {"page_param": paginator.page_param} if paginator.page_param != "page" else {}
    settings = as_pasted({"type": "page_number", **param, "base_page": before})
    return (
        f"Page {before} {found} no page from {before + 1} on has: the registry's first page is "
        f"page {before}{' or an earlier one' if earlier else ''}, and it was not read. The "
        f"integration owner sets base_page in Connector Settings: {settings}"
        f"{', or a lower number' if earlier else ''}."
    )


def _missed(ctx: RunContext, source: Source, before: int) -> list[str]:
    """Return the ids before the first page that did not come; of a page, only if all of it is new.

    Some registries take page 0 for page 1.
    """
    by_page = isinstance(source.connector.paginator, PageNumber)
    ids = source.ids_at({"page": before} if by_page else {"offset": before})
    rows = ctx.lane.ledger.filter(external_id__among=ids, seen_run_id=ctx.run.pk)
    seen = set(rows.values_list("external_id", flat=True))
    if not by_page:
        missed = [external_id for external_id in ids if external_id not in seen]
        first = source.ids_at({"offset": before + 1}) if missed else []  # also out of scope
        return [external_id for external_id in missed if external_id not in first]
    if not ids or seen or set(ids) & set(source.ids_at({"page": before + 1})):
        return []
    return ids
