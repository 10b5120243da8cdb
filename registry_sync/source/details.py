"""Records that the list gives in part, completed by a request for each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from urllib.parse import quote

from registry_sync.core.problems import SourceError
from registry_sync.core.types import Json
from registry_sync.source.answers.list_items import RecordList
from registry_sync.source.errors import AccessDenied, bad_answer
from registry_sync.source.http import Exchange, Reply
from registry_sync.source.pages import Unread
from registry_sync.source.paths import compile_path
from registry_sync.source.request import Request
from registry_sync.source.unanswered import UNREACHABLE

MOST_FAILING = 10
"""Details that may fail in a row before the registry itself is considered the cause."""
MOST_BROKEN = 2
"""The same for details without any answer: each attempt takes long."""
OF_ONE_RECORD = (
    "registry_answer", "registry_not_json", "registry_page_size", "registry_elsewhere",
    UNREACHABLE,
)  # fmt: skip
"""The causes that may concern one detail while all others are answered."""


class DetailReader:
    """Reads single records by `endpoint.detail`. Raises SourceError."""

    def __init__(self, exchange: Exchange, identify: Callable[[Json], str | None]) -> None:
        self._exchange = exchange
        self._identify = identify
        self._had_detail = False

    def read(self, external_id: str) -> Json | None:
        """Return one record by its id, as far as its detail has it; None if there is none."""
        connector = self._exchange.connector
        detail = connector.detail
        assert detail is not None
        if external_id in (".", ".."):  # these would lead to another path of the registry
            return None
        url = connector.address(detail.path.replace("{id}", quote(external_id, safe="")))
        reply = self._exchange.send(Request("GET", url, {}, None), missing_ok=True)
        if reply is None or reply.ignored:
            return None
        found = compile_path(detail.data_selector or "$")(reply.body)
        if isinstance(found, list) and len(found) < 2:  # the list with a filter on the id
            if not found:
                return None
            found = found[0]
        return self._checked(found, external_id, reply)

    def _checked(self, found: object, external_id: str, reply: Reply) -> Json:
        own_id = self._identify(found) if isinstance(found, dict) else None
        if own_id is None:
            self._exchange.refuse_error(reply.body)
        if not isinstance(found, dict):
            raise bad_answer(
                f"the detail of {external_id} is not a record",
                "sets endpoint.detail.data_selector in Connector Settings",
            )
        if own_id not in (None, external_id):
            raise bad_answer(
                f"the detail of {external_id} has the id {own_id}",
                "corrects endpoint.detail.path in Connector Settings",
            )
        return found

    def read_many(self, external_ids: Collection[str]) -> dict[str, Json]:
        """Return records by id, without those whose own detail fails."""
        found: dict[str, Json] = {}
        for external_id in external_ids:
            try:
                record = self.read(external_id)
            except SourceError as error:
                if len(external_ids) == 1 or not is_of_one_record(error):
                    raise
                continue
            if record is not None:
                found[external_id] = record
        return found

    def complete(self, records: Sequence[Json]) -> tuple[list[Json], list[Unread]]:
        """Return records completed by their details, and those whose detail cannot be read.

        Stop early, and leave the rest out of both, if too many fail in a row for passing causes.
        """
        detail = self._exchange.connector.detail
        if detail is None or not detail.each:
            return list(records), []
        whole: list[Json] = []
        unread: list[Unread] = []
        failing = broken = 0
        for record in records:
            had = len(whole)
            self._complete_one(record, whole, unread)
            passing = len(whole) == had and unread[-1].why.transient
            failing = failing + 1 if passing else 0
            broken = broken + 1 if passing and unread[-1].why.code == UNREACHABLE else 0
            if failing >= MOST_FAILING or broken >= MOST_BROKEN:
                break
        return whole, unread

    def complete_page(self, listed: RecordList) -> tuple[list[Json], list[Unread]]:
        """Return a page's records completed, and those that cannot be read in full.

        Raise SourceError if the cause is the registry rather than a record.
        """
        records = [record for record in listed.records if id(record) not in listed.refused]
        refused = [record for record in listed.records if id(record) in listed.refused]
        whole, unread = self.complete(records)
        self._had_detail = self._had_detail or bool(whole)
        given_up = len(whole) + len(unread) < len(records)
        none_of_many = len(unread) == len(records) >= MOST_FAILING and not self._had_detail
        if given_up or none_of_many:
            raise unread[-1].why
        return whole, [*unread, *(self._refused(record, listed) for record in refused)]

    def _refused(self, record: Json, listed: RecordList) -> Unread:
        message = self._exchange.connection.quote(listed.refused[id(record)])
        failure = f"it has an error in place of a value: {message.rstrip('.')}"
        return Unread(record, bad_answer(failure), failed=True)

    def _complete_one(self, record: Json, whole: list[Json], unread: list[Unread]) -> None:
        external_id = self._identify(record)
        if external_id is None:
            whole.append(record)
            return
        try:
            detail = self.read(external_id)
        except SourceError as error:
            if not is_of_one_record(error):
                raise
            unread.append(Unread(record, error))
            return
        if detail is None:
            failure = f"its list has {external_id}, but there is no detail of it"
            owner = "checks endpoint.detail.path in Connector Settings"
            unread.append(Unread(record, bad_answer(failure, owner)))
        else:
            whole.append({**record, **detail})


def is_of_one_record(error: SourceError) -> bool:
    """Return whether a detail's failure may concern its record alone."""
    return error.code in OF_ONE_RECORD or isinstance(error, AccessDenied)
