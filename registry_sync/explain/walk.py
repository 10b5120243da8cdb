"""Both systems, asked for one record within a deadline; what came is kept for the next steps."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from registry_sync import __version__, runs
from registry_sync.benchling.client import Client
from registry_sync.core.secrets import public_address
from registry_sync.core.text import number_of
from registry_sync.core.types import Json
from registry_sync.explain.deadline import SHARE, OutOfTime, TimeLimit
from registry_sync.explain.in_benchling import TenantState
from registry_sync.explain.outlook import Outlook
from registry_sync.models import Lane
from registry_sync.reporting.redaction import HIDDEN, redact, secret_mark
from registry_sync.runs.source_state import memory_of
from registry_sync.source.client import Source
from registry_sync.sync.clients import hasty_client
from registry_sync.sync.records import SourceRecord, source_records
from registry_sync.sync.setup import Setup, configure


class Walk:
    """What is known of one record so far. `marks` collects hashes of the secrets that came by."""

    def __init__(self, lane: Lane, external_id: str, marks: set[str], limit: float) -> None:
        self.lane, self.external_id, self.marks = lane, external_id, marks
        self.secrets = set[str]()
        """What signed the requests to the registry."""
        self.deadline = TimeLimit(limit)
        self.benchling: Client = hasty_client(limit)
        self.setup: Setup | None = None
        self.raw: Json | None = None
        self.kept_at: datetime | None = None
        """When the copy was kept that stands for the record, if the registry gave none."""
        self.was_asked = False
        self.ahead: Outlook | None = None
        self.state: TenantState | None = None
        self._record: SourceRecord | None = None
        self._source: Source | None = None

    # -- asking --------------------------------------------------------------------------------

    def configure(self) -> str:
        """Read the lane's configuration. Return how long Benchling took."""
        began = time.monotonic()
        key, element = settings.BENCHLING_PRIVATE_KEY, self.lane.element
        self.setup = setup = configure(self.benchling, private_key=key, element=element)
        self.marks.add(secret_mark(setup.config.api_key))
        return _took(began)

    def fetch(self) -> str:
        """Ask the registry for the record. Return how long it took. Raise SourceError."""
        began = time.monotonic()
        setup = self.known_setup()
        deadline = self.deadline.part(SHARE)
        wait = deadline.waiting("The registry")
        half = deadline.remaining() / 2
        self._source = source = Source(
            setup.connector,
            credential=setup.config.api_key,
            allow_private=settings.REGISTRY_ALLOW_PRIVATE_NETWORKS,
            user_agent=f"RegistrySync/{__version__}",
            timeout=(half, half),
            pause=wait,
            keep_alive=wait,
            memory=memory_of(setup.config, setup.connector),
        )
        try:
            self.raw = self._found(source)
        finally:
            self.secrets.update(filter(None, source.secrets()))
        self.was_asked = True
        return _took(began)

    def _found(self, source: Source) -> Json | None:
        if source.gives_one:
            return source.fetch(self.external_id)
        read = 0
        try:
            for page in source.pages(None):
                for raw in page.records:
                    read += 1
                    if source.identify(raw) == self.external_id:
                        return raw
        except OutOfTime as error:
            error.message = (
                "The registry gives whole lists only, and the record is not among the first "
                f"{number_of(read, 'record')} of its list, which were read in the time there is."
            )
            raise
        return None

    @property
    def how(self) -> str:
        """Return how the registry was asked: the method and address, without secrets."""
        setup = self.known_setup()
        detail, connector = setup.connector.detail, setup.connector
        if detail is not None:
            return f"for this record alone, at {public_address(detail.path)}"
        return f"for its list, {connector.method} {public_address(connector.list_url)}"

    @property
    def host(self) -> str:
        """Return the name of the registry's server."""
        return urlsplit(self.known_setup().config.api_url).hostname or ""

    # -- what came -----------------------------------------------------------------------------

    def known_setup(self) -> Setup:
        """Return the configuration, once it was read."""
        assert self.setup is not None
        return self.setup

    def setup_and_record(self) -> tuple[Setup, SourceRecord]:
        """Return the configuration and the record, once they were read."""
        assert self._record is not None
        return self.known_setup(), self._record

    def take_copy(self) -> bool:
        """Let the copy that was kept with an open error stand for the record, if there is one."""
        if self._source is None:
            return False
        errors = runs.open_errors(self.lane).filter(external_id=self.external_id)
        error = errors.exclude(raw=None).first()
        if error is None:
            return False
        self.raw, self.kept_at = error.raw, error.last_seen
        return True

    def record(self) -> SourceRecord | None:
        """Return the record as a run takes it; None if the registry has none."""
        if self.raw is None:
            return None
        assert self._source is not None
        fingerprint = self.known_setup().mapping.fingerprint
        (self._record,) = source_records([self.raw], self._source, fingerprint)
        return self._record

    def shown_raw(self) -> Json:
        """Return the record without its secrets, which are hidden in every other text, too."""
        shown: Json = redact(self.raw, self.marks, self.secrets)
        self.marks |= {secret_mark(secret) for secret in _hidden(self.raw, shown)}
        return shown

    def close(self) -> None:
        """Close the connections to the registry."""
        if self._source is not None:
            self._source.close()


def _took(began: float) -> str:
    return f"answered in {time.monotonic() - began:.2f} s"


def _hidden(raw: Any, shown: Any) -> Iterator[str]:
    """Yield the texts of a record that are secrets, so that they are hidden elsewhere too."""
    if isinstance(raw, dict) and isinstance(shown, dict):
        for key, value in raw.items():
            yield from _hidden(value, shown[key])
    elif isinstance(raw, list) and isinstance(shown, list):
        for value, other in zip(raw, shown, strict=True):
            yield from _hidden(value, other)
    elif shown == HIDDEN:
        yield from _texts(raw)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)
    else:
        yield str(value)
