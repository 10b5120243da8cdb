"""Whether numbered pages begin with 0: how often the registry is asked, and what is kept."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from registry_sync.core.problems import SourceError
from registry_sync.models import SyncRun
from registry_sync.reporting.catalogue.warnings import INCOMPLETE
from registry_sync.sync.page_0_check import check_page_0
from tests.support.contexts import connector_of, context
from tests.support.factories import LaneFactory, LedgerEntryFactory

pytestmark = [pytest.mark.once, pytest.mark.django_db]
CONNECTOR = connector_of({"endpoint": {"paginator": "page_number"}})
PAGES = {0: ["C-1"], 1: ["C-2"]}


def failing(**kind: bool) -> SourceError:
    return SourceError("Down.", remedy="Wait.", **kind)


PASSING, REFUSED = failing(transient=True), failing()


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        ([{0: []}, None], 1),
        ([{0: REFUSED}, None], 1),
        ([PASSING, {0: []}, None], 2),
        ([{1: PASSING}, PAGES, PAGES, {0: []}, None], 4),
        ([PASSING, PASSING, PASSING, None], 3),
        ([PAGES, PASSING, PASSING, PASSING, PAGES], 5),
    ],
)
def test_a_lane_asks_for_page_0_until_it_knows(answers: list[Any], asked: int) -> None:
    """None: a run that does not ask."""
    lane, count = LaneFactory(), 0
    for answer in answers:

        def ids_at(position: Any, answer: Any = answer) -> Any:
            nonlocal count
            count += position == {"page": 0}
            pages = {0: answer} if isinstance(answer, SourceError) else PAGES | (answer or {})
            if isinstance(found := pages[position["page"]], SourceError):
                raise found
            return found

        ctx = context(lane=lane, reads_all=True, kind=SyncRun.Kind.FULL, read=7)
        source: Any = SimpleNamespace(connector=CONNECTOR, ids_at=ids_at)
        check_page_0(ctx, source)
        codes = {warning["code"] for warning in ctx.run.warnings or ()}
        assert codes == ({"page_0_unread"} if answer is PAGES else set()) and codes <= INCOMPLETE
        SyncRun.objects.filter(pk=ctx.run.pk).update(status=SyncRun.Status.SUCCEEDED)
    assert count == asked


OFFSETS = {0: ["C-1", "C-2"], 1: ["C-2", "C-3"]}
FAR = {999: OFFSETS[0], 1000: OFFSETS[1]}


@pytest.mark.parametrize(
    ("settings", "pages", "said"),
    [
        ({"type": "offset", "offset": 1}, OFFSETS, "offset in endpoint.paginator of Connector"),
        ({"type": "offset", "offset": 1}, {0: ["C-2", "C-3"], 1: ["C-2", "C-3"]}, ""),
        ({"type": "offset", "offset": 1, "total_path": "total"}, OFFSETS, ""),
        ({"type": "offset"}, OFFSETS, ""),
        ({"type": "offset", "offset": 1}, OFFSETS, "begins there, and"),
        ({"type": "offset", "offset": 1}, OFFSETS, ": 0 instead of 1."),
        ({"type": "offset", "offset": 1000}, FAR, "begins there or earlier, and"),
        ({"type": "offset", "offset": 1000}, FAR, ": 999 or less instead of 1000."),
        ({"type": "page_number", "base_page": 5}, {4: ["C-1"], 5: ["C-2"]},
         "first page is page 4 or an earlier one, and"),
        ({"type": "page_number", "base_page": 2}, {1: ["C-1"], 2: ["C-2"]}, '"base_page": 1'),
        ({"type": "page_number", "base_page": 0}, {}, ""),
    ],
)  # fmt: skip
def test_a_list_may_begin_before_what_settings_name(settings: Any, pages: Any, said: str) -> None:
    lane = LaneFactory()
    total = 3 if "total_path" in settings else None
    ctx = context(lane=lane, reads_all=True, kind=SyncRun.Kind.FULL, read=2, source_total=total)
    for external_id in ("C-2", "C-3"):
        LedgerEntryFactory(lane=lane, external_id=external_id, seen_run_id=ctx.run.pk)
    source: Any = SimpleNamespace(
        connector=connector_of({"endpoint": {"paginator": settings}}),
        ids_at=lambda position: pages[next(iter(position.values()))],
    )
    check_page_0(ctx, source)
    texts = [warning["text"] for warning in ctx.run.warnings or ()]
    assert len(texts) == bool(said) and all(said in text and "(C-1)" in text for text in texts)
