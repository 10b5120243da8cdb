"""The registry's client: streaming pages of records, one in memory at a time.

On `requests`, with the guards that the field's connectors lack: an error inside a 200, HTML where
JSON was due, a page that repeats, a page without end, a redirect to elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import requests

from .auth import ClientCredentials, QueryAuth, auth_of, without_parameter
from .connector import PLACEHOLDER, Connector, Incremental, ResponseAction
from .net import Forbidden, check_scheme, open_session, origin
from .paginators import Answer, next_position, request_of
from .paths import ABSENT, Getter, compile_path, compile_template
from .problems import SourceError
from .times import read_time, write_time

Json = dict[str, Any]
RECORD_KEYS = ("data", "items", "results", "rows", "records", "objects", "value", "values")
TOTAL_KEYS = ("filtered_table_rows_count", "total", "total_count", "totalCount", "totalResults",
              "count", "page_meta.total_count", "@odata.count")  # fmt: skip
CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Page:
    """One page of records.

    `position` gives this page again, also in another process; `next_position` is None after the
    last page. `total` is the registry's own count where it tells one; `server_date` its clock.
    """

    records: list[Json]
    position: Json
    next_position: Json | None
    total: int | None
    server_date: datetime | None
    bytes: int


class Source:
    """Reads one registry by its connector. Raises SourceError, in words for its owner."""

    def __init__(
        self,
        connector: Connector,
        *,
        credential: str | None,
        allow_private: bool = False,
        user_agent: str = "RegistrySync",
        timeout: tuple[float, float] = (10, 60),
        max_page_bytes: int = 32 * 1024 * 1024,
    ) -> None:
        self.connector = connector
        self.timeout, self.max_page_bytes = timeout, max_page_bytes
        self.allow_private = allow_private
        self.requests = 0
        self.bad_cursors: tuple[int, str] = (0, "")
        self.session = open_session(allow_private=allow_private, user_agent=user_agent)
        self.auth = auth_of(connector.auth, credential, self.session)
        self._id_paths = [compile_template(path) for path in connector.id_paths]
        self._terms = connector.incremental or Incremental()
        self._cursor: Getter | None = (
            compile_path(self._terms.cursor_path) if self._terms.cursor_path else None
        )

    def close(self) -> None:
        """Let go of the connections."""
        self.session.close()

    # -- records -----------------------------------------------------------------------------

    def pages(self, since: datetime | None, *, position: Json | None = None) -> Iterator[Page]:
        """Give the pages of what changed since a time (None: of everything), from a position on."""
        state = dict(position or {})
        seen = {"last": state.pop("_last", ""), "pages": state.pop("_pages", 0)}
        where: Json | None = state or None
        while True:
            here = {**(where or {}), "_last": seen["last"], "_pages": seen["pages"]}
            answer, body, size = self._list(where, since)
            records = self._records(body)
            mark = _mark(records)
            seen["pages"] += 1
            self._stop_loops(where, records, mark, seen)
            follows = next_position(
                self.connector.paginator,
                where,
                Answer(body, _links(answer), len(records), answer.url or ""),
            )
            follows = self._bare(follows)
            if follows is not None and follows == where:
                raise _repeats(f"its next link leads to the same page, {_named(follows)}")
            seen["last"] = mark
            onward = None if follows is None else {**follows, "_last": mark, "_pages": seen["pages"]}
            yield Page(
                records=self._whole(records),
                position=here,
                next_position=onward,
                total=_total(answer, body, self.connector.paginator.total_path),
                server_date=_date(answer),
                bytes=size,
            )
            if follows is None:
                return
            where = follows

    def fetch(self, external_id: str) -> Json | None:
        """Read one record: by `detail` where there is one, else by looking through all pages."""
        if self.connector.detail is not None:
            return self._detail(external_id, missing_ok=True)
        for page in self.pages(None):
            for record in page.records:
                if self.identify(record) == external_id:
                    return record
        return None

    def identify(self, record: Json) -> str | None:
        """Take a record's external id as text; None where it has none that could be one."""
        parts = []
        for path in self._id_paths:
            value = path(record)
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
        if since is None:
            return self._terms.initial_value
        return write_time(since, self._terms)

    # -- one page ----------------------------------------------------------------------------

    def _list(
        self, where: Json | None, since: datetime | None
    ) -> tuple[requests.Response, Any, int]:
        url, extra = request_of(self.connector, where)
        text = self.since_text(since)
        params: Json = {}
        if not (where and "url" in where):
            params = {**_filled(self.connector.params, text), **extra}
        body = None
        if self.connector.json is not None:
            body = {**_filled(self.connector.json, text), **extra}
            params = {} if self.connector.method == "POST" else params
        return self._ask(self.connector.method, url, params, body)

    def _ask(
        self, method: str, url: str, params: Json, body: Json | None
    ) -> tuple[requests.Response, Any, int]:
        check_scheme(url, allow_private=self.allow_private)
        for _ in range(4):
            answer = self._send(method, url, params, body)
            if answer.status_code == 401 and isinstance(self.auth, ClientCredentials):
                self.auth.forget()
                answer = self._send(method, url, params, body)
            if not answer.is_redirect:
                content = self._read(answer)
                parsed = self._parse(answer, content)
                return answer, parsed, len(content)
            url, params = self._redirected(answer), {}
        raise _broken(f"it redirects again and again ({origin(url)})")

    def _send(self, method: str, url: str, params: Json, body: Json | None) -> requests.Response:
        self.requests += 1
        try:
            return self.session.request(
                method,
                url,
                params=params or None,
                json=body,
                headers=self.connector.headers,
                auth=self.auth,
                timeout=self.timeout,
                stream=True,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise self._unreachable(error, url) from error

    def _read(self, answer: requests.Response) -> bytes:
        """Read a body while it stays below the limit for one page."""
        parts, size = [], 0
        try:
            for part in answer.iter_content(CHUNK):
                parts.append(part)
                size += len(part)
                if size > self.max_page_bytes:
                    raise _broken(
                        f"one page is larger than {self.max_page_bytes // 2**20} MiB",
                        "asks for smaller pages (endpoint.paginator.limit)",
                    )
        except requests.RequestException as error:
            raise self._unreachable(error, answer.url or "") from error
        finally:
            answer.close()
        return b"".join(parts)

    def _parse(self, answer: requests.Response, content: bytes) -> Any:
        action = self._action(answer.status_code, content)
        if action is None and answer.status_code in (401, 403):
            raise SourceError(
                f"The registry refuses the key ({answer.status_code}).",
                remedy="The integration owner puts a valid key into API Key of the app's "
                "configuration; the registry's owner checks what it may read.",
                code="registry_unauthorised",
            )
        if action is None and not answer.ok:
            said = content[:200].decode("utf-8", "replace")
            transient = answer.status_code >= 500 or answer.status_code == 429
            raise _broken(
                f"it answered {answer.status_code} to {origin(answer.url or '')}: "
                f"{_plain(said)}",
                transient=transient,
            )
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind and "json" not in kind:
            said = content[:80].decode("utf-8", "replace")
            raise _broken(
                f"it answered {kind} where JSON was due ({_plain(said)!r}); a login page or a "
                "proxy may stand in between",
                "checks API URL, and the network's operator what stands in between",
            )
        try:
            body = json.loads(content, parse_constant=_no_constant)
        except (ValueError, UnicodeDecodeError, RecursionError) as error:
            raise _broken(f"its answer is no JSON: {error}") from error
        self._error_inside(body, action)
        return body

    def _action(self, status: int, content: bytes) -> ResponseAction | None:
        """Find what the settings say about an answer like this."""
        for action in self.connector.response_actions:
            if action.error_path:
                continue
            if action.status_code not in (None, status):
                continue
            if action.content and action.content.encode() not in content:
                continue
            self._act(action, f"it answered {status}")
            return action
        return None

    def _error_inside(self, body: Any, settled: ResponseAction | None) -> None:
        """Find an error inside a 200, where the settings say or where everybody puts it."""
        for action in self.connector.response_actions:
            found = compile_path(action.error_path)(body) if action.error_path else ABSENT
            if found not in (ABSENT, None, False, "", [], {}):
                self._act(action, f"its answer holds an error: {_plain(str(found))}")
                return
        if settled is None and isinstance(body, dict):
            for key in ("error", "errors", "exc_type"):
                said = body.get(key)
                if said and not any(isinstance(body.get(k), list) for k in RECORD_KEYS):
                    raise _broken(f"its answer holds an error: {_plain(str(said))}")

    def _act(self, action: ResponseAction, what: str) -> None:
        if action.action == "ignore":
            return
        raise _broken(what, transient=action.action in ("retry", "rate_limited"))

    # -- records of a body -------------------------------------------------------------------

    def _records(self, body: Any) -> list[Json]:
        selector = self.connector.data_selector
        if selector:
            found = compile_path(selector)(body)
            if isinstance(found, dict):
                found = list(found.values())
        else:
            found = _only_list(body)
        if found is ABSENT or not isinstance(found, list):
            raise _broken(
                f"its answer has no list of records at {selector}" if selector else
                "its answer holds no list of records, or several",
                "sets endpoint.data_selector in Connector Settings",
            )
        bad = next((item for item in found if not isinstance(item, dict)), None)
        if bad is not None:
            raise _broken(
                f"its list holds {type(bad).__name__} where records were due",
                "sets endpoint.data_selector in Connector Settings",
            )
        return found

    def _whole(self, records: list[Json]) -> list[Json]:
        """Read each record whole where the list gives it in part."""
        if self.connector.detail is None:
            return records
        whole = []
        for record in records:
            external_id = self.identify(record)
            detail = self._detail(external_id, missing_ok=True) if external_id else None
            # A record deleted between list and detail is no failure: it is simply gone.
            if detail is not None or not external_id:
                whole.append({**record, **(detail or {})})
        return whole

    def _detail(self, external_id: str, *, missing_ok: bool) -> Json | None:
        detail = self.connector.detail
        assert detail is not None
        base = self.connector.list_url.partition("?")[0]
        url = urljoin(base, detail.path.replace("{id}", quote(external_id, safe="")))
        try:
            _, body, _ = self._ask("GET", url, {}, None)
        except SourceError as error:
            if missing_ok and "answered 404" in error.message:
                return None
            raise
        found = compile_path(detail.data_selector)(body) if detail.data_selector else body
        return found if isinstance(found, dict) else None

    # -- guards ------------------------------------------------------------------------------

    def _stop_loops(self, where: Json | None, records: list[Json], mark: str, seen: Json) -> None:
        if records and mark == seen["last"]:
            raise _repeats(f"the page at {_named(where)} holds the same records as the one before")
        if seen["pages"] > self.connector.paginator.max_pages:
            raise _broken(
                f"it gave more than {self.connector.paginator.max_pages} pages",
                "sets endpoint.paginator.max_pages in Connector Settings",
            )

    def _bare(self, position: Json | None) -> Json | None:
        """Take the key out of a next link that echoes it, and keep links on their host."""
        if position is None or "url" not in position:
            return position
        url = str(position["url"])
        if isinstance(self.auth, QueryAuth):
            url = without_parameter(url, self.auth.name)
        self._same_host(url, "its next link")
        return {"url": url}

    def _redirected(self, answer: requests.Response) -> str:
        url = urljoin(answer.url or "", answer.headers.get("Location", ""))
        answer.close()
        self._same_host(url, "it redirects")
        return url

    def _same_host(self, url: str, what: str) -> None:
        home, there = urlsplit(self.connector.list_url), urlsplit(url)
        downgraded = home.scheme == "https" and there.scheme != "https"
        if there.hostname != home.hostname or downgraded:
            raise _broken(
                f"{what} leads to {origin(url)}, where the key must not go",
                "writes the address it leads to into API URL, if that is the registry",
            )

    def _unreachable(self, error: requests.RequestException, url: str) -> SourceError:
        forbidden = _cause(error, Forbidden)
        if forbidden is not None:
            return SourceError(
                f"The registry's address is not allowed: {forbidden}.",
                remedy="The integration owner corrects API URL, or the operator allows private "
                "networks.",
                code="registry_address",
            )
        return SourceError(
            f"The registry at {origin(url)} could not be reached ({type(error).__name__}).",
            remedy="Nothing to do if it passes: the next run goes on. If it stays, the registry's "
            "owner checks the service, the operator the network.",
            kind="transient",
            code="registry_unreachable",
            transient=True,
        )


def _cause(error: BaseException | None, kind: type[Forbidden]) -> BaseException | None:
    seen = 0
    while error is not None and seen < 10:
        if isinstance(error, kind):
            return error
        reason = getattr(error, "reason", None) or (error.args[0] if error.args else None)
        inner = reason if isinstance(reason, BaseException) else None
        error = error.__cause__ or inner or error.__context__
        seen += 1
    return None


def _filled(value: Any, since: str) -> Any:
    """Put `since` into the placeholders; a parameter that would be empty without it is dropped."""
    if isinstance(value, dict):
        filled = {key: _filled(item, since) for key, item in value.items()}
        return {key: item for key, item in filled.items() if item is not None}
    if isinstance(value, list):
        return [item for item in (_filled(part, since) for part in value) if item is not None]
    if isinstance(value, str) and PLACEHOLDER in value:
        return value.replace(PLACEHOLDER, since) if since else None
    return value


def _only_list(body: Any) -> Any:
    """Find the records of a body without a selector: itself, a known key, or its only list."""
    if isinstance(body, list):
        return body
    if not isinstance(body, dict):
        return ABSENT
    lists = {key: value for key, value in body.items() if isinstance(value, list)}
    known = [key for key in RECORD_KEYS if key in lists]
    if known:
        return lists[known[0]]
    records = [v for v in lists.values() if all(isinstance(item, dict) for item in v)]
    return records[0] if len(records) == 1 else ABSENT


def _mark(records: list[Json]) -> str:
    """Tell pages apart by their content: 16 hex characters; an empty page has no mark."""
    if not records:
        return ""
    body = json.dumps([records[0], records[-1], len(records)], sort_keys=True, default=str)
    return hashlib.blake2b(body.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _links(answer: requests.Response) -> dict[str, str]:
    return {name: str(link.get("url", "")) for name, link in answer.links.items()}


def _total(answer: requests.Response, body: Any, path: str) -> int | None:
    """Find the registry's own total: where the settings say, in a header, or where it usually is."""
    for text in (
        answer.headers.get("X-Total-Count", ""),
        answer.headers.get("Content-Range", "").rpartition("/")[2],
    ):
        if text.isdigit():
            return int(text)
    for key in (path,) if path else TOTAL_KEYS:
        value = compile_path(key)(body) if isinstance(body, dict) else ABSENT
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
    return None


def _date(answer: requests.Response) -> datetime | None:
    try:
        when = parsedate_to_datetime(answer.headers.get("Date", ""))
    except (ValueError, TypeError):
        return None
    return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is no JSON number")


def _plain(text: str) -> str:
    return " ".join(text.split())[:200]


def _named(position: Json | None) -> str:
    if not position:
        return "the start"
    url = position.get("url")
    return str(url).partition("?")[0] if url else ", ".join(f"{k} {v}" for k, v in position.items())


def _repeats(what: str) -> SourceError:
    return _broken(f"the registry repeats itself: {what}",
                   "corrects endpoint.paginator in Connector Settings", code="page_repeats")


def _broken(
    what: str, owner: str = "", *, transient: bool = False, code: str = "registry_answer"
) -> SourceError:
    remedy = (
        f"The integration owner {owner}."
        if owner
        else "The registry's owner checks its service; the next run tries again."
    )
    kind = "transient" if transient else "source"
    return SourceError(
        f"The registry did not answer as it should: {what}.",
        remedy=remedy,
        kind=kind,  # type: ignore[arg-type]
        code=code,
        transient=transient,
    )


