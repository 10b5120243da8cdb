"""The registry's client: streaming pages of records, one in memory at a time.

How a registry is asked is in `paginators`, what it may answer in `exchange` and `bodies`; here is
what the sync needs of it: pages from any position, one record, its id, its time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from registry_sync.core.problems import SourceError
from registry_sync.core.types import Json
from registry_sync.source.auth import QueryAuth, without_parameter
from registry_sync.source.connector import Connector, Incremental
from registry_sync.source.http import Closed, Exchange, Reply, at_home, broken
from registry_sync.source.loop_detection import Trail
from registry_sync.source.paginators import Answer, Ask, Stuck, ask_of, next_position, unseen_path
from registry_sync.source.paths import ABSENT, Getter, compile_path, compile_template
from registry_sync.source.responses import Unusable, records_of, total_of
from registry_sync.source.timestamps import read_time, write_time

MOST_FAILING = 10
"""Details that may fail one after the other before it is taken for the registry's matter."""
MOST_BROKEN = 2
"""The same, where no answer came at all: each was tried for long."""
UNREACHABLE = "registry_unreachable"
OF_ONE_RECORD = (
    "registry_answer", "registry_not_json", "registry_page_size", "registry_elsewhere",
    UNREACHABLE,
)  # fmt: skip
"""What may be wrong with one detail while all others are answered."""
PAGING_REMEDY = (
    "If the registry has more records, the integration owner corrects that path in "
    "endpoint.paginator of Connector Settings."
)


@dataclass(frozen=True, slots=True)
class Unread:
    """A record as the list gives it, whose detail could not be had, and why."""

    record: Json
    why: SourceError


@dataclass(frozen=True, slots=True)
class Page:
    """One page of records, but for those `unread`, which the list gives in part only.

    `position` gives this page again, also in another process; `next_position` is None after the
    last page. `total` is the registry's own count where it tells one; `server_date` its clock.
    `unseen_path` is where the only page should speak of a next one, and says nothing at all.
    """

    records: list[Json]
    position: Json
    next_position: Json | None
    total: int | None
    server_date: datetime | None
    bytes: int
    unread: Sequence[Unread] = ()
    unseen_path: str = ""

    @property
    def alone(self) -> str:
        """Say that the list ended with this page, which has nothing at `unseen_path`, or ""."""
        if not self.unseen_path:
            return ""
        count = len(self.records) + len(self.unread)
        came = "1 record came" if count == 1 else f"{count:,} records came"
        return (
            f"{came} with the first page, and it was the only one: its answer has nothing at "
            f"“{self.unseen_path}”."
        )


class Source:
    """Reads one registry by its connector. Raises SourceError, in words for its owner.

    `pause` is called to wait, with seconds, so that whoever holds a lease can renew it meanwhile.
    """

    def __init__(
        self,
        connector: Connector,
        *,
        credential: str | None,
        allow_private: bool = False,
        user_agent: str = "RegistrySync",
        timeout: tuple[float, float] = (10, 60),
        max_page_bytes: int = 32 * 1024 * 1024,
        pause: Callable[[float], None] = time.sleep,
        before_request: Callable[[], None] = lambda: None,
    ) -> None:
        self.connector = connector
        self._before_request = before_request
        self._had_detail = False
        self.bad_cursors: tuple[int, str] = (0, "")
        self._exchange = Exchange(
            connector,
            credential=credential,
            allow_private=allow_private,
            user_agent=user_agent,
            timeout=timeout,
            max_page_bytes=max_page_bytes,
            pause=pause,
        )
        self._id_paths = [compile_template(path) for path in connector.id_paths]
        self._terms = connector.incremental or Incremental()
        self._cursor: Getter | None = (
            compile_path(self._terms.cursor_path) if self._terms.cursor_path else None
        )

    @property
    def requests(self) -> int:
        """Count the requests sent so far, without those that were repeated after a failure."""
        return self._exchange.requests

    def close(self) -> None:
        """Let go of the connections."""
        self._exchange.session.close()

    # -- pages -------------------------------------------------------------------------------

    def pages(self, since: datetime | None, *, position: Json | None = None) -> Iterator[Page]:
        """Give the pages of what changed since a time (None: of everything), from a position on."""
        where: Json | None = dict(position or {})
        trail = Trail(*where.pop("trail", ())) if where else Trail()
        where = where or None
        while True:
            page, where, trail = self._page(where, trail, since)
            yield page
            if page.next_position is None:
                return
            del page  # one page in memory, not two

    def _page(
        self, where: Json | None, trail: Trail, since: datetime | None
    ) -> tuple[Page, Json | None, Trail]:
        self._before_request()
        reply = self._exchange.ask(ask_of(self.connector, where, self._since(since)))
        assert reply is not None
        records, follows = self._read(reply, where)
        onward = trail.step(where, follows, records)
        most = self.connector.paginator.max_pages
        if follows is not None and onward.pages >= most:
            raise broken(
                f"it has more than {most} pages",
                "sets a greater endpoint.paginator.max_pages in Connector Settings",
            )
        total = total_of(
            reply.headers,
            reply.body,
            self.connector.paginator.total_path,
            count=len(records),
            last=where is None and follows is None,
        )
        whole, unread = self._whole_page(records)
        only = where is None and follows is None and bool(records)
        page = Page(
            records=whole,
            position=trail.stamp(where),
            next_position=None if follows is None else onward.stamp(follows),
            total=total,
            server_date=_date(reply),
            bytes=reply.size,
            unread=unread,
            unseen_path=unseen_path(self.connector.paginator, reply.body) if only else "",
        )
        return page, follows, onward

    def _read(self, reply: Reply, where: Json | None) -> tuple[list[Json], Json | None]:
        if reply.ignored:
            return [], None
        try:
            records = records_of(reply.body, self.connector.data_selector)
            answer = Answer(reply.body, reply.links, len(records), reply.url)
            follows = next_position(self.connector.paginator, where, answer)
        except Unusable as error:
            raise broken(str(error), error.remedy) from error
        except Stuck as error:
            raise broken(
                str(error), "sets endpoint.paginator in Connector Settings", code="registry_paging"
            ) from error
        return records, self._bare(follows)

    def _bare(self, position: Json | None) -> Json | None:
        """Take the key out of a next link that echoes it, and keep links on their host."""
        if position is None or "url" not in position:
            return position
        url = at_home(str(position["url"]), self.connector.list_url, "its next link leads to")
        if isinstance(self._exchange.auth, QueryAuth):
            url = without_parameter(url, self._exchange.auth.name)
        return {"url": url}

    # -- one record --------------------------------------------------------------------------

    @property
    def gives_one(self) -> bool:
        """Say whether one record can be asked for, without reading the whole list."""
        return self.connector.detail is not None

    def fetch(self, external_id: str) -> Json | None:
        """Read one record: by `detail` where there is one, else by looking through all pages.

        None where the registry has none such. What `detail` gives may lack what only the list has.
        """
        if self.connector.detail is not None:
            return self._detail(external_id)
        return self.fetch_all([external_id]).get(external_id)

    def fetch_all(self, external_ids: Iterable[str]) -> dict[str, Json]:
        """Read some records by id; without `detail` all pages are looked through once."""
        wanted = dict.fromkeys(external_ids)
        found: dict[str, Json] = {}
        if self.connector.detail is not None:
            for one in wanted:
                try:
                    record = self._detail(one)
                except SourceError as error:
                    if len(wanted) == 1 or not _is_of_one_record(error):
                        raise
                    continue
                if record is not None:
                    found[one] = record
            return found
        for page in self.pages(None):
            for record in page.records:
                external_id = self.identify(record)
                if external_id in wanted:
                    found[str(external_id)] = record
            if len(found) == len(wanted):
                break
        return found

    def read_whole(self, records: Sequence[Json]) -> tuple[list[Json], list[Unread]]:
        """Read each record whole where the list gives it in part.

        Where one after the other fails for a passing cause, the rest are not asked for now.
        """
        if self.connector.detail is None or not self.connector.detail.each:
            return list(records), []
        whole: list[Json] = []
        unread: list[Unread] = []
        failing = broken = 0
        for record in records:
            had = len(whole)
            self._complete(record, whole, unread)
            passing = len(whole) == had and unread[-1].why.transient
            failing = failing + 1 if passing else 0
            broken = broken + 1 if passing and unread[-1].why.code == UNREACHABLE else 0
            if failing >= MOST_FAILING or broken >= MOST_BROKEN:
                break
        return whole, unread

    def _whole_page(self, records: list[Json]) -> tuple[list[Json], list[Unread]]:
        """Read a page's records whole.

        Raises SourceError where the cause is the registry's rather than a record's.
        """
        whole, unread = self.read_whole(records)
        self._had_detail = self._had_detail or bool(whole)
        given_up = len(whole) + len(unread) < len(records)
        none_of_many = len(unread) == len(records) >= MOST_FAILING and not self._had_detail
        if given_up or none_of_many:
            raise unread[-1].why
        return whole, unread

    def _complete(self, record: Json, whole: list[Json], unread: list[Unread]) -> None:
        external_id = self.identify(record)
        if external_id is None:
            whole.append(record)
            return
        try:
            detail = self._detail(external_id)
        except SourceError as error:
            if not _is_of_one_record(error):
                raise
            unread.append(Unread(record, error))
            return
        if detail is None:
            said = f"its list has {external_id}, but it gives no detail of it"
            what = "checks endpoint.detail.path in Connector Settings"
            unread.append(Unread(record, broken(said, what)))
        else:
            whole.append({**record, **detail})

    def _detail(self, external_id: str) -> Json | None:
        detail = self.connector.detail
        assert detail is not None
        if external_id in (".", ".."):  # an address takes them for steps, to who knows what
            return None
        path = detail.path.replace("{id}", quote(external_id, safe=""))
        url = self.connector.address(path)
        self._before_request()
        reply = self._exchange.ask(Ask("GET", url, {}, None), missing_ok=True)
        if reply is None or reply.ignored:
            return None
        found = compile_path(detail.data_selector or "$")(reply.body)
        if isinstance(found, list) and len(found) < 2:  # the list with a filter on the id
            if not found:
                return None
            found = found[0]
        if not isinstance(found, dict) or self.identify(found) is None:
            self._exchange.refuse_error(reply.body)
        if not isinstance(found, dict):
            raise broken(
                f"the detail of {external_id} is no record",
                "sets endpoint.detail.data_selector in Connector Settings",
            )
        if self.identify(found) not in (None, external_id):
            raise broken(
                f"asked for {external_id}, it gave {self.identify(found)}",
                "corrects endpoint.detail.path in Connector Settings",
            )
        return found

    # -- what a record says ------------------------------------------------------------------

    def identify(self, record: Json) -> str | None:
        """Take a record's external id as text; None where it has none that could be one."""
        parts = []
        for path in self._id_paths:
            value = path(record)
            if type(value) is str and len(self._id_paths) == 1:  # nearly all are
                return value.strip() or None
            if isinstance(value, float) and value.is_integer():
                value = int(value)
            if isinstance(value, bool) or not isinstance(value, (str, int)):
                return None
            text = str(value).strip()
            if not text:
                return None
            parts.append(text)
        return "-".join(parts)

    def cursor_of(self, record: Json) -> datetime | None:
        """Take a record's modification time, in UTC; one that cannot be read is counted."""
        if self._cursor is None:
            return None
        value = self._cursor(record)
        when = None if value is ABSENT else read_time(value, self._terms)
        if when is None:
            count, example = self.bad_cursors
            self.bad_cursors = (count + 1, example or repr(value)[:80])
        return when

    def since_text(self, since: datetime | None) -> str:
        """Write `since` as the registry is asked; "" when everything is."""
        if since is None and self._terms.initial_value:
            since = read_time(self._terms.initial_value, self._terms)
        return "" if since is None else write_time(since, self._terms)

    def asked_from(self, since: datetime) -> datetime:
        """Say from when the registry gives records, by the text it is asked with.

        That may be a whole day, or lie before an hour that comes twice.
        """
        return min(since, read_time(self.since_text(since), self._terms) or since)

    def _since(self, since: datetime | None) -> Any:
        """Write `since` for a request, where an epoch that stands alone in JSON is a number."""
        text = self.since_text(since)
        return int(text) if text and self._terms.datetime_format.startswith("epoch") else text


def _is_of_one_record(error: SourceError) -> bool:
    return error.code in OF_ONE_RECORD or isinstance(error, Closed)


def _date(reply: Reply) -> datetime | None:
    try:
        when = parsedate_to_datetime(reply.headers.get("Date", ""))
    except (ValueError, TypeError):
        return None
    return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
