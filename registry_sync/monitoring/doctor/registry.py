"""What a check-up looks at in the external registry: a few pages are read, nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from registry_sync import __version__
from registry_sync.core.problems import SourceError
from registry_sync.monitoring.doctor.finding import Point, Unseen
from registry_sync.monitoring.doctor.tenant import Visit, clock
from registry_sync.source.client import PAGING_REMEDY, Page, Source

FAR = timedelta(days=3650)
TIMEOUT = (5.0, 15.0)
"""Seconds to connect, and between two pieces of an answer."""
SAMPLE = 1000
"""Records whose ids are looked at."""


@dataclass
class Reading:
    """The registry's client for one visit, and the first page as it came."""

    visit: Visit
    page: Page | None = None
    taken: list[Callable[[], None]] = field(default_factory=list)

    def source(self) -> Source:
        """Make a client that reads lists only, and waits for nothing. Raises Unseen."""
        config, connector = self.visit.configured()
        made = Source(
            replace(connector, detail=None),
            credential=config.api_key,
            allow_private=settings.REGISTRY_ALLOW_PRIVATE_NETWORKS,
            user_agent=f"RegistrySync/{__version__}",
            timeout=TIMEOUT,
            pause=_impatient,
        )
        self.taken.append(made.close)
        return made

    def first(self) -> Page:
        """Give the first page as it came. Raises Unseen."""
        self.visit.configured()
        if self.page is None:
            raise Unseen("the registry did not give its first page")
        return self.page

    def close(self) -> None:
        for close in self.taken:
            close()


def _impatient(seconds: float) -> None:
    raise SourceError(
        "The registry did not answer at the first try.",
        remedy="The registry's owner checks the service, the operator the network; ask again in a "
        "minute.",
        kind="transient",
        code="registry_unreachable",
        transient=True,
    )


def reach(reading: Reading) -> Point:
    """Read the first page with the key that is configured."""
    page = reading.page = next(reading.source().pages(None))
    name, count = "Registry", len(page.records)
    if not count:
        return Point(
            name, "warning", "The registry answers, and has no record that this key may read.",
            "The registry's owner checks what the key may read; the integration owner, API URL.",
        )  # fmt: skip
    total = f" of {page.total:,}" if page.total else ""
    return Point(name, "ok", f"The key works: {count:,}{total} records came with the first page.")


def paging(reading: Reading) -> Point:
    """Look whether the first page leads to the next one, or says that there is none."""
    page = reading.first()
    if page.alone:
        return Point("Pages", "warning", page.alone, PAGING_REMEDY)
    said = "The first page is the only one." if page.next_position is None else "More pages follow."
    return Point("Pages", "ok", said)


def registry_clock(reading: Reading) -> Point:
    """Compare our clock with the registry's."""
    theirs = reading.first().server_date
    if theirs is None:
        raise Unseen("the registry's answers bear no date")
    return clock("Clock: the registry's", "The registry's", _ahead(reading))


def _ahead(reading: Reading) -> float:
    """Ask once more, for a date that is fresh."""
    page = next(reading.source().pages(None))
    return (page.server_date - timezone.now()).total_seconds() if page.server_date else 0.0


def ids(reading: Reading) -> Point:
    """Look for records without an id, and for ids that come twice, in a sample."""
    reading.first()
    source, seen, missing = reading.source(), Counter[str](), 0
    for page in source.pages(None):
        for record in page.records:
            external_id = source.identify(record)
            missing += external_id is None
            seen.update([external_id] if external_id is not None else [])
        if seen.total() + missing >= SAMPLE:
            break
    twice = [external_id for external_id, count in seen.items() if count > 1]
    where, looked = source.connector.id_path, seen.total() + missing
    if missing:
        return Point(
            "Ids", "bad", f"{missing:,} of {looked:,} records have no usable id at {where}.",
            "The integration owner corrects External ID Field; records without one are refused.",
        )  # fmt: skip
    if twice:
        return Point(
            "Ids", "bad", f"{len(twice):,} ids of {looked:,} records come more than once: "
            f"{', '.join(twice[:5])}.",
            "The registry's owner gives each record an id of its own, or the integration owner "
            "names another External ID Field.",
        )  # fmt: skip
    return Point("Ids", "ok", f"{looked:,} records were looked at; each has an id of its own.")


def since_filter(reading: Reading) -> Point:
    """Ask what changed since a time far ahead: nothing can have."""
    reading.first()
    _, connector = reading.visit.configured()
    name = "Modified-since filter"
    if connector.incremental is None:
        return Point(
            name, "warning", "None is configured: each run reads everything.",
            "The integration owner sets Modified Since Parameter, if the registry has one.",
        )  # fmt: skip
    page = next(reading.source().pages(timezone.now() + FAR))
    if page.records:
        return Point(
            name, "bad", f"Asked for what changed in ten years, it gave {len(page.records):,} "
            "records: it ignores the filter, and each run reads everything.",
            "The integration owner checks Modified Since Parameter and the time's format in "
            "Connector Settings with the registry's owner.",
        )  # fmt: skip
    return Point(name, "ok", "It is honoured: a time far ahead gives nothing.")


def order(reading: Reading) -> Point:
    """Ask for the first page again: it must bring the same records in the same order."""
    before = reading.first()
    source = reading.source()
    after = next(source.pages(None))
    was, now = ([source.identify(r) for r in page.records] for page in (before, after))
    if was == now:
        return Point("Order", "ok", "The first page came twice with the same records.")
    if set(was) == set(now):
        said = "The first page came twice in another order."
    else:
        said = "The first page came twice with other records."
    return Point(
        "Order", "warning", f"{said} If nobody edits now, pages may miss records or repeat them.",
        "The registry's owner sorts the list by something that does not change, such as the id; "
        "the integration owner adds it to endpoint.params in Connector Settings.",
    )  # fmt: skip
