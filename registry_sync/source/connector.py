"""What Connector Settings come to: frozen settings for reading one registry, without any secret."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal
from urllib.parse import urljoin, urlsplit

from registry_sync.core.types import Json
from registry_sync.source.watermark import Granularity

AuthType = Literal["none", "bearer", "api_key", "http_basic", "oauth2_client_credentials"]
PaginatorType = Literal[
    "auto", "single_page", "offset", "page_number", "json_link", "header_link", "cursor"
]
Action = Literal["retry", "fail", "ignore", "rate_limited"]
SINCE = "{incremental.start_value}"


@dataclass(frozen=True, slots=True)
class Auth:
    """How requests are signed; the secret itself is `API Key` of the app's configuration."""

    type: AuthType = "bearer"
    scheme: str = "Bearer"
    name: str = ""
    location: Literal["header", "query", "cookie"] = "header"
    username: str = ""
    access_token_url: str = ""
    client_id: str = ""
    scopes: str = ""


@dataclass(frozen=True, slots=True)
class Paginator:
    """How the next page is found."""

    type: PaginatorType = "auto"
    limit: int = 500
    limit_param: str = "limit"
    offset_param: str = "offset"
    total_path: str = ""
    page_param: str = "page"
    page_size_param: str = ""
    base_page: int = 1
    has_more_path: str = ""
    next_url_path: str = "next"
    links_next_key: str = "next"
    cursor_path: str = ""
    cursor_param: str = "cursor"
    initial_cursor: str = ""
    max_pages: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Incremental:
    """How the registry is asked for changes, and how it writes its times.

    `cursor_path` is where a record bears its modification time; without it the clock is the
    registry's `Date` header. `datetime_format` is strftime's, or `iso`, `epoch`, `epoch_ms`.
    """

    cursor_path: str = ""
    datetime_format: str = "iso"
    timezone: str = "UTC"
    granularity: Granularity = "second"
    lag: timedelta = timedelta(minutes=5)
    initial_value: str = ""


@dataclass(frozen=True, slots=True)
class ResponseAction:
    """What to do about an answer: by status, by text in it, or by a path that must be absent."""

    action: Action
    status_code: int | None = None
    content: str = ""
    error_path: str = ""


@dataclass(frozen=True, slots=True)
class Detail:
    """A request for one record: its own address, or the list with a filter on its id.

    `each`: also for each record of the list, as the list does not give it whole.
    """

    path: str
    data_selector: str = ""
    each: bool = True


@dataclass(frozen=True, slots=True)
class Connector:
    """Everything about reading one registry, without any secret."""

    list_url: str
    base_url: str = ""
    method: Literal["GET", "POST"] = "GET"
    headers: dict[str, str] = field(default_factory=dict)
    params: Json = field(default_factory=dict)
    json: Json | None = None
    auth: Auth = Auth()
    paginator: Paginator = Paginator()
    data_selector: str = ""
    id_paths: tuple[str, ...] = ("id",)
    incremental: Incremental | None = None
    detail: Detail | None = None
    response_actions: tuple[ResponseAction, ...] = ()
    registry_id_template: str | None = None
    identity: tuple[str, ...] = ()

    @property
    def collection(self) -> str:
        """Name the source collection: scheme, host and path of its list."""
        parts = urlsplit(self.list_url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}{parts.path}"

    def address(self, path: str) -> str:
        """Append a path to the base address; a whole address stays as it is."""
        return joined(self.base_url or self.list_url, path)

    @property
    def id_path(self) -> str:
        """Say where a record's id is; several paths are joined by a hyphen."""
        return " + ".join(self.id_paths)


def joined(base: str, path: str) -> str:
    """Append a path to a base address, whether or not either has the slash between them.

    A whole address stays as it is.
    """
    if not path:
        return base
    return urljoin(base.partition("?")[0].rstrip("/") + "/", path.lstrip("/"))
