"""Checks of the external registry: they read a few pages, and nothing else."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

from django.utils import timezone

from registry_sync.core.text import number_of
from registry_sync.monitoring.doctor.check_result import (
    CheckResult,
    Skipped,
    bad,
    compare_clocks,
    ok,
    register,
    warning,
)
from registry_sync.monitoring.doctor.visit import RegistryVisit
from registry_sync.source.answers.page_answer import word_of
from registry_sync.source.completeness.one_more import probe_next_page
from registry_sync.source.completeness.said_values import as_number
from registry_sync.source.connector import Incremental
from registry_sync.source.cursor_evidence import (
    ascends,
    cursor_paths,
    descends,
    format_of,
    is_mixed,
)
from registry_sync.source.json_values import distinct
from registry_sync.source.pages import Page
from registry_sync.source.paginators import Paginator
from registry_sync.source.paths import compile_path
from registry_sync.source.timestamps import read_time

COUNTING = re.compile(
    r"page|pg|p|from|.*(offset|skip|start|startat|startindex|firstresult|page(number|index|no|num))"
)
"""Words of parameters of next links that count pages or records."""
REGISTRY_CHECKS: dict[str, Callable[[RegistryVisit], CheckResult]] = {}


@register(REGISTRY_CHECKS, "Registry")
def check_first_page(visit: RegistryVisit) -> CheckResult:
    """Read the first page with the configured key."""
    page = visit.page = next(visit.source().pages(None))
    count = len(page.records)
    if not count:
        return warning(
            "The registry answers, but has no record that this key may read.",
            "The registry's owner must check what the key may read, and the integration owner API "
            "URL.",
        )
    records = number_of(count, "record")
    if page.total:
        records = f"{count:,} of {number_of(page.total, 'record')}"
    return ok(f"The key works: the first page has {records}.")


@register(REGISTRY_CHECKS, "Pages")
def check_pages(visit: RegistryVisit) -> CheckResult:
    """Check that the first page leads to the next one, or says that there is none."""
    page = visit.first()
    if page.next_position is not None:
        return ok("More pages follow.")
    sign = page.signs[0] if page.signs else None
    sentence = sign.text if sign else "The first page is the only one."
    source = visit.source()
    all_came = page.counts_all and (sign is None or sign.code != "full_page")
    if not source.connector.paginator.judges or all_came:
        return warning(sentence, sign.remedy) if sign else ok(sentence)
    found = probe_next_page(visit.source, source, page)
    if found.more:
        return bad(
            f"{sentence} A request for one page more returned other records.",
            f"The integration owner must set {found.settings} in Connector Settings.",
        )
    if sign is None:
        return ok(sentence)
    if found.more is None:
        return warning(sentence, sign.remedy)
    return warning(
        f"{sentence} A request for one page more returned no others.",
        f"The integration owner sets {found.settings} in Connector Settings.",
    )


@register(REGISTRY_CHECKS, "Clock: the registry's")
def check_registry_clock(visit: RegistryVisit) -> CheckResult:
    """Compare the service's clock with the registry's."""
    if visit.first().server_date is None:
        raise Skipped("the registry's answers have no date")
    page = next(visit.source().pages(None))  # once more, for a fresh date
    ahead = (page.server_date - timezone.now()).total_seconds() if page.server_date else 0.0
    return compare_clocks("The registry's", ahead)


@register(REGISTRY_CHECKS, "Ids")
def check_ids(visit: RegistryVisit) -> CheckResult:
    """Look in a sample for records without an id, and for duplicate ids."""
    sample = visit.sample()
    source, records = sample.source, sample.records
    if len(distinct(records)) < len(records) and len(set(_first_twice(visit))) == 2:
        records = distinct(records)  # what came again on a later page is the list's fault
    ids = [source.identify(record) for record in records]
    seen = Counter(external_id for external_id in ids if external_id is not None)
    missing, checked = ids.count(None), len(ids)
    duplicates = [external_id for external_id, count in seen.items() if count > 1]
    where = source.connector.id_path
    have = "has" if missing == 1 else "have"
    if missing:
        return bad(
            f"{missing:,} of {number_of(checked, 'record')} {have} no usable id at {where}.",
            "The integration owner must correct External ID Field; records without an id are "
            "refused.",
        )
    if duplicates:
        return bad(
            f"{number_of(checked, 'record')} {'has' if checked == 1 else 'have'} "
            f"{number_of(len(duplicates), 'duplicate id')}: {', '.join(duplicates[:5])}.",
            "The registry's owner must give every record a unique id, or the integration owner "
            "must choose another External ID Field.",
        )
    were = "was" if checked == 1 else "were"
    return ok(f"{number_of(checked, 'record')} {were} checked; every record has a unique id.")


@register(REGISTRY_CHECKS, "Total")
def check_total(visit: RegistryVisit) -> CheckResult:
    """Compare the registry's own count with what came."""
    sample = visit.sample()
    named = sample.source.connector.paginator.records_path()
    if sample.total is None:
        if named:
            return warning(
                f"Nothing at “{named}” counts all records.",
                "The integration owner must correct total_path in endpoint.paginator of Connector "
                "Settings, or remove it.",
            )
        raise Skipped("the registry does not say how many records it has")
    distinct_count = len({sample.source.identify(record) for record in sample.records})
    too_many = distinct_count > sample.total and not sample.is_least
    if too_many or (sample.ended and distinct_count < sample.total):
        return warning(
            f"The registry counts {number_of(sample.total, 'record')}, but "
            f"{number_of(distinct_count, 'distinct one')} came.",
            "The registry's owner must correct the total or give the list a stable order, or the "
            "integration owner must name another total_path in endpoint.paginator of Connector "
            "Settings.",
        )
    least = "at least " if sample.is_least else ""
    return ok(f"The registry counts {least}{number_of(sample.total, 'record')}.")


@register(REGISTRY_CHECKS, "Order")
def check_order(visit: RegistryVisit) -> CheckResult:
    """Request the first page again: it must have the same records in the same order."""
    if fault := _falling(visit):
        return fault
    was, now = _first_twice(visit)
    if was == now:
        return ok("The first page was the same when read twice.")
    difference = "in another order" if set(was) == set(now) else "with other records"
    return warning(
        f"The first page was read twice and came back {difference}. Unless someone is editing "
        "records now, pages may miss or repeat records.",
        "The registry's owner must sort the list by something stable, such as the id, and the "
        "integration owner must add it to endpoint.params in Connector Settings.",
    )


def _first_twice(visit: RegistryVisit) -> tuple[tuple[str | None, ...], ...]:
    """Return the first page's ids as they came first, and as they come now."""
    source, before = visit.source(), visit.first()
    pages = (before, next(source.pages(None)))
    return tuple(tuple(source.identify(record) for record in page.records) for page in pages)


def _falling(visit: RegistryVisit) -> CheckResult | None:
    """Find a list that is sorted by a time that changes, and counted."""
    sample = visit.sample()
    if not _is_counted(sample.source.connector.paginator, visit.first()):
        return None
    terms = sample.source.connector.incremental
    paths = [terms.cursor_path] if terms and terms.cursor_path else cursor_paths(sample.records)
    for path in paths:
        values = [compile_path(path)(record) for record in sample.records]
        incremental = terms if terms and terms.cursor_path else Incremental(
            datetime_format=format_of(values) or "iso"
        )  # fmt: skip
        times = [when for value in values if (when := read_time(value, incremental)) is not None]
        newest_first = descends(times)
        if newest_first or (ascends(times) and is_mixed(sample.records)):
            order = ", the newest first," if newest_first else ""
            return bad(
                f"The list is sorted by {path}{order} and its pages are counted: a "
                "record that is edited during a read moves, and others are missed.",
                "The integration owner must sort the list by something that does not change, such "
                "as the id, by a parameter in endpoint.params of Connector Settings; the "
                "registry's owner knows its name.",
            )
    return None


def _is_counted(paginator: Paginator, page: Page) -> bool:
    url = str((page.next_position or {}).get("url", ""))
    counts = any(
        COUNTING.fullmatch(word_of(name)) and as_number(value) is not None
        for name, value in parse_qsl(urlsplit(url).query)
    )
    return page.next_position is not None and (paginator.counted or counts)
