"""The settings for reading one registry, as parsed from Connector Settings. They hold no secret."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal
from urllib.parse import urljoin, urlsplit

from registry_sync.core.deadlines import AnswerLimits
from registry_sync.core.types import Json
from registry_sync.source.auth import Auth
from registry_sync.source.auth.bearer import Bearer
from registry_sync.source.paginators import Paginator
from registry_sync.source.paginators.links import Auto
from registry_sync.source.watermark import BLIND_LAG, LAG

Action = Literal["retry", "fail", "ignore", "rate_limited"]
SINCE = "{incremental.start_value}"


@dataclass(frozen=True, slots=True)
class Incremental:
    """How the registry is asked for changes, and how it writes its times.

    `cursor_path` is where a record has its modification time; without it the clock is the
    registry's `Date` header. `datetime_format` is strftime's, or `iso`, `epoch`, `epoch_ms`.
    """

    cursor_path: str = ""
    datetime_format: str = "iso"
    timezone: str = "UTC"
    granularity: timedelta = timedelta(seconds=1)
    lag: timedelta = LAG
    lag_is_set: bool = False
    initial_value: str = ""

    @property
    def overlap(self) -> timedelta:
        """Return how far before the last watermark the next run asks."""
        return self.lag if self.cursor_path or self.lag_is_set else max(self.lag, BLIND_LAG)


@dataclass(frozen=True, slots=True)
class ResponseAction:
    """What to do about an answer, chosen by its status, a text in it, or a path to an error."""

    action: Action
    status_code: int | None = None
    content: str = ""
    error_path: str = ""


@dataclass(frozen=True, slots=True)
class Detail:
    """A request for one record: its own URL, or the list with a filter on its id.

    `each`: also send it for each record of the list, whose records are incomplete.
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
    auth: Auth = field(default_factory=Bearer)
    limits: AnswerLimits = field(default_factory=AnswerLimits)
    paginator: Paginator = field(default_factory=Auto)
    data_selector: str = ""
    id_paths: tuple[str, ...] = ("id",)
    incremental: Incremental | None = None
    detail: Detail | None = None
    response_actions: tuple[ResponseAction, ...] = ()
    registry_id_template: str | None = None
    identity: tuple[str, ...] = ()

    @property
    def collection(self) -> str:
        """Return the name of the source collection: scheme, host and path of its list."""
        parts = urlsplit(self.list_url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}{parts.path}"

    def address(self, path: str) -> str:
        """Return a path appended to the base URL; a whole URL stays as it is."""
        return joined(self.base_url or self.list_url, path)

    @property
    def id_path(self) -> str:
        """Return where a record's id is, for display. The values of several paths are joined."""
        return " + ".join(self.id_paths)


def joined(base: str, path: str) -> str:
    """Return a path appended to a base URL, whether or not either has the slash between them.

    A whole URL stays as it is.
    """
    if not path:
        return base
    return urljoin(base.partition("?")[0].rstrip("/") + "/", path.lstrip("/"))
