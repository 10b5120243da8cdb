"""The registry as one check-up sees it: its clients, its first page, and a sample of its list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from django.conf import settings

from registry_sync import __version__
from registry_sync.core.types import Json
from registry_sync.monitoring.doctor.check_result import Skipped
from registry_sync.monitoring.doctor.tenant import TenantVisit
from registry_sync.runs.source_state import memory_of
from registry_sync.source.client import Source
from registry_sync.source.connector import Connector
from registry_sync.source.errors import refuse_to_wait
from registry_sync.source.pages import Page

TIMEOUT = (5.0, 15.0)
"""Seconds to connect, and between two pieces of an answer."""
SAMPLE = 1000
"""Records that are read of a list."""


@dataclass(frozen=True, slots=True)
class ListSample:
    """The first records of a list, in their order; `ended` if these are all.

    `is_least`: there may be more than the registry's total.
    """

    source: Source
    records: list[Json]
    ended: bool
    total: int | None
    is_least: bool = False


@dataclass
class RegistryVisit:
    """The registry's clients for one check-up, and what was read of its list."""

    tenant: TenantVisit
    page: Page | None = None
    sampled: ListSample | None = None
    closers: list[Callable[[], None]] = field(default_factory=list)

    def source(self, connector: Connector | None = None) -> Source:
        """Return a new client that reads lists only and never waits. Raise Skipped."""
        config, configured = self.tenant.configured()
        source = Source(
            replace(connector or configured, detail=None),
            credential=config.api_key,
            allow_private=settings.REGISTRY_ALLOW_PRIVATE_NETWORKS,
            user_agent=f"RegistrySync/{__version__}",
            timeout=TIMEOUT,
            pause=refuse_to_wait,
            patient=False,
            memory=memory_of(config, connector or configured),
        )
        self.closers.append(source.close)
        return source

    def first(self) -> Page:
        """Return the first page as it was read. Raise Skipped."""
        self.tenant.configured()
        if self.page is None:
            raise Skipped("the first page of the registry could not be read")
        return self.page

    def sample(self) -> ListSample:
        """Return the list's first records, read once. Raise Skipped."""
        self.first()
        if self.sampled is None:
            source = self.source()
            records: list[Json] = []
            ended, total, is_least = True, None, False
            named = source.connector.paginator.records_path()
            for number, page in enumerate(source.pages(None)):
                records += page.records
                # A number that only later pages have counts what is on them.
                if page.total is not None and (named or total is not None or not number):
                    total, is_least = page.total, page.is_least
                if len(records) >= SAMPLE:
                    ended = page.next_position is None
                    break
            self.sampled = ListSample(source, records, ended, total, is_least)
        return self.sampled

    def close(self) -> None:
        for close in self.closers:
            close()
