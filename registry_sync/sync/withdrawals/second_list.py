"""A list of the registry beside that of the records: of deletions, or of all ids."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

from registry_sync import runs
from registry_sync.core.problems import SourceError
from registry_sync.core.types import Json
from registry_sync.source.answers.record_list import Memory
from registry_sync.source.connector import Connector
from registry_sync.source.deletes import Deletes
from registry_sync.source.pages import Page
from registry_sync.sync.clients import entries_of
from registry_sync.sync.context import RunContext

PLACES = "entries_at"
"""The lane's fact: where the entries of such lists were, by the list's address."""
SETTINGS = ("API URL, client.base_url and endpoint.path", "endpoint.path")
"""What the errors of the records' list say to check."""


class SecondList:
    """Reads one such list, and keeps in the lane where its entries are.

    `setting` has its address, and `name` is what messages call it.
    """

    def __init__(self, ctx: RunContext, address: str, *, setting: str, name: str) -> None:
        self.ctx, self._address, self._setting, self._name = ctx, address, setting, name
        self.connector = list_connector(ctx.setup.connector, address)
        place = ctx.lane.source_state.get(PLACES, {}).get(address, "")
        pacer = ctx.pacer
        self._source = entries_of(
            ctx.setup, self.connector, pacer.pause, pacer.keep_alive, Memory(place)
        )
        self.identify: Callable[[Json], str | None] = self._source.identify
        self.cursor_of: Callable[[Json], datetime | None] = self._source.cursor_of

    def pages(self, since: datetime | None) -> Iterator[Page]:
        """Yield the pages of what was added since a time (None: of everything).

        Raise LeaseLost, SourceError.
        """
        try:
            for page in self._source.pages(since):
                self._learn(page)
                yield page
        except SourceError as error:
            raise self._named(error) from error
        finally:
            self._source.close()

    def _learn(self, page: Page) -> None:
        place = page.learned.get("records_at")
        if place and not self.ctx.run.dry_run:
            places = {**self.ctx.lane.source_state.get(PLACES, {}), self._address: place}
            runs.learn_source_facts(self.ctx.lane, self.ctx.lease, **{PLACES: places})

    def _named(self, error: SourceError) -> SourceError:
        """Return an error that says which list it is about, and which setting has its address."""
        remedy = error.remedy
        for setting in SETTINGS:
            remedy = remedy.replace(setting, self._setting)
        return SourceError(
            f"{self._name} could not be read. {error.message}",
            remedy=remedy,
            kind=error.kind,
            code=error.code,
            transient=error.transient,
        )


def list_connector(connector: Connector, address: str) -> Connector:
    """Return how a second list of the registry is read: by GET, and paged as the first is."""
    deletes: Deletes = connector.deletes
    parts = urlsplit(connector.address(address))
    params: dict[str, list[str]] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        params.setdefault(name, []).append(value)
    return connector.other_list(
        parts._replace(query="").geturl(),
        {name: values if len(values) > 1 else values[0] for name, values in params.items()},
        data_selector=deletes.data_selector,
        id_paths=deletes.primary_key or connector.id_paths,
    )
