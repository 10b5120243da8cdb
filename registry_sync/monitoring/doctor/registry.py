"""Checks of the external registry: they read a few pages, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from registry_sync import __version__
from registry_sync.core.problems import SourceError
from registry_sync.core.text import number_of
from registry_sync.monitoring.doctor.finding import (
    CheckResult,
    Skipped,
    bad,
    compare_clocks,
    ok,
    register,
    warning,
)
from registry_sync.monitoring.doctor.tenant import TenantVisit
from registry_sync.source.client import Source
from registry_sync.source.connector import Connector
from registry_sync.source.one_more import ask_one_more
from registry_sync.source.pages import Page

FAR = timedelta(days=3650)
TIMEOUT = (5.0, 15.0)
"""Seconds to connect, and between two pieces of an answer."""
SAMPLE = 1000
"""Records whose ids are checked."""


@dataclass
class RegistryVisit:
    """The registry's clients for one check-up, and the first page as it was read."""

    tenant: TenantVisit
    page: Page | None = None
    closers: list[Callable[[], None]] = field(default_factory=list)

    def source(self, connector: Connector | None = None) -> Source:
        """Return a new client that reads lists only and never waits. Raises Skipped."""
        config, configured = self.tenant.configured()
        made = Source(
            replace(connector or configured, detail=None),
            credential=config.api_key,
            allow_private=settings.REGISTRY_ALLOW_PRIVATE_NETWORKS,
            user_agent=f"RegistrySync/{__version__}",
            timeout=TIMEOUT,
            pause=_refuse_to_wait,
        )
        self.closers.append(made.close)
        return made

    def first(self) -> Page:
        """Return the first page as it was read. Raises Skipped."""
        self.tenant.configured()
        if self.page is None:
            raise Skipped("the first page of the registry could not be read")
        return self.page

    def close(self) -> None:
        for close in self.closers:
            close()


REGISTRY_CHECKS: dict[str, Callable[[RegistryVisit], CheckResult]] = {}


def _refuse_to_wait(seconds: float) -> None:
    raise SourceError(
        "The registry did not answer the first request.",
        remedy="The registry's owner must check the service and the operator the network, then try "
        "again in a minute.",
        kind="transient",
        code="registry_unreachable",
        transient=True,
    )


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
    said = sign.text if sign else "The first page is the only one."
    source = visit.source()
    if not source.connector.paginator.judges or page.total == len(page.records):
        return warning(said, sign.remedy) if sign else ok(said)
    found = ask_one_more(visit.source, source, page)
    if found.more:
        return bad(
            f"{said} A request for one page more returned other records.",
            f"The integration owner must set {found.settings} in Connector Settings.",
        )
    if sign is None:
        return ok(said)
    if found.more is None:
        return warning(said, sign.remedy)
    return warning(
        f"{said} A request for one page more returned no others.",
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
    visit.first()
    source, seen, missing = visit.source(), Counter[str](), 0
    for page in source.pages(None):
        for record in page.records:
            external_id = source.identify(record)
            missing += external_id is None
            seen.update([external_id] if external_id is not None else [])
        if seen.total() + missing >= SAMPLE:
            break
    duplicates = [external_id for external_id, count in seen.items() if count > 1]
    where, checked = source.connector.id_path, seen.total() + missing
    have = "has" if missing == 1 else "have"
    if missing:
        return bad(
            f"{missing:,} of {number_of(checked, 'record')} {have} no usable id at {where}.",
            "The integration owner must correct External ID Field; records without an id are "
            "refused.",
        )
    if duplicates:
        return bad(
            f"{len(duplicates):,} ids of {checked:,} records are duplicates: "
            f"{', '.join(duplicates[:5])}.",
            "The registry's owner must give every record a unique id, or the integration owner "
            "must choose another External ID Field.",
        )
    were = "was" if checked == 1 else "were"
    return ok(f"{number_of(checked, 'record')} {were} checked; every record has a unique id.")


@register(REGISTRY_CHECKS, "Modified-since filter")
def check_since_filter(visit: RegistryVisit) -> CheckResult:
    """Request changes since a time far in the future: there can be none."""
    visit.first()
    _, connector = visit.tenant.configured()
    if connector.incremental is None:
        return warning(
            "None is configured: each run reads everything.",
            "The integration owner must set Modified Since Parameter, if the registry has one.",
        )
    page = next(visit.source().pages(timezone.now() + FAR))
    if page.records:
        return bad(
            f"For changes since a time in ten years, the registry returned {len(page.records):,} "
            "records: it ignores the filter, and each run reads everything.",
            "The integration owner must check Modified Since Parameter and the time's format in "
            "Connector Settings with the registry's owner.",
        )
    return ok("The registry applies it: a time in the future returns no records.")


@register(REGISTRY_CHECKS, "Order")
def check_order(visit: RegistryVisit) -> CheckResult:
    """Request the first page again: it must have the same records in the same order."""
    before = visit.first()
    source = visit.source()
    after = next(source.pages(None))
    was, now = ([source.identify(r) for r in page.records] for page in (before, after))
    if was == now:
        return ok("The first page was the same when read twice.")
    what = "in another order" if set(was) == set(now) else "with other records"
    return warning(
        f"The first page was read twice and came back {what}. Unless someone is editing records "
        "now, pages may miss or repeat records.",
        "The registry's owner must sort the list by something stable, such as the id, and the "
        "integration owner must add it to endpoint.params in Connector Settings.",
    )
