"""The settings for reading one registry, as parsed from Connector Settings. They hold no secret."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Literal, get_args
from urllib.parse import urljoin, urlsplit

from registry_sync.core.deadlines import AnswerLimits
from registry_sync.core.setting import (
    DURATION,
    MOMENT,
    PATH,
    Setting,
    SettingType,
    one_of,
    setting,
    settings_of,
    whole,
)
from registry_sync.core.types import Json
from registry_sync.source.answers.blanks import Blanks
from registry_sync.source.answers.page_limits import PageLimits
from registry_sync.source.auth import Auth
from registry_sync.source.auth.bearer import Bearer
from registry_sync.source.deletes import Deletes
from registry_sync.source.paginators import Paginator
from registry_sync.source.paginators.auto import Auto
from registry_sync.source.scope import Scope
from registry_sync.source.watermark import BLIND_LAG, GRANULARITIES, LAG

Action = Literal["retry", "fail", "ignore", "rate_limited"]
SINCE = "{incremental.start_value}"


ONE_ID = r"^(?![\s\S]*\{id\}[\s\S]*\{id\})[\s\S]*\{id\}"
LENGTH = SettingType(
    ", ".join(f"`{word}`" for word in GRANULARITIES) + ", or a duration of at most a day",
    {
        "anyOf": [
            {"enum": [*GRANULARITIES]},
            {"type": "number", "exclusiveMinimum": 0, "maximum": 86400},
            *DURATION.schema["anyOf"][1:],
        ]
    },
)


@dataclass(frozen=True, slots=True)
class Incremental:
    """How the registry is asked for changes, and how it writes its times.

    `cursor_path` is where a record has its modification time; without it the clock is the
    registry's `Date` header. `datetime_format` is strftime's, `iso`, or a key of `epochs.UNITS`.
    """

    cursor_path: str = setting(
        "",
        "Where a record has its modification time. Without it, the time of the registry's and "
        "this service's clocks that is earlier is the watermark.",
        example="modified_at",
    )
    datetime_format: str = setting(
        "iso",
        "How times are written: `iso`, `epoch` (seconds), `epoch_ms`, `epoch_us`, `epoch_ns`, or a "
        "format of strftime. See [Times](#times).",
        example="%Y-%m-%d %H:%M:%S",
    )
    timezone: str = setting(
        "UTC", "The time zone of times without an offset.", example="Europe/Berlin"
    )
    granularity: timedelta = setting(
        timedelta(seconds=1),
        "The shortest time that the registry distinguishes. Times are rounded down to it.",
        type=LENGTH, shown="second", example="day",
    )  # fmt: skip
    lag: timedelta = setting(
        LAG,
        "How much earlier than the watermark each run asks. At least one unit of a granularity "
        "above a second. 37 h without `cursor_path`, or while no record has a time there.",
        type=DURATION, shown="5 min", example="1 h",
    )  # fmt: skip
    lag_is_set: bool = False
    initial_value: str = setting(
        "",
        "The start that is sent when everything is read. Without it, the parameter with the "
        "start is left out. Required if that parameter contains other terms, or is in `json`.",
        type=MOMENT, example="1970-01-01",
    )  # fmt: skip

    client_side: bool = setting(
        False,
        "Whether the registry has no filter: all pages are read, and only records that changed "
        "since the start are synced. Needs `cursor_path`.",
        example=True,
    )

    @property
    def overlap(self) -> timedelta:
        """Return how far before the last watermark the next run asks."""
        return self.lag if self.cursor_path else self.overlap_without_times

    @property
    def overlap_without_times(self) -> timedelta:
        """Return the overlap where the watermark is a clock's time.

        A `lag` that is set without a `cursor_path` is meant for that; any other may be too short.
        """
        chosen = self.lag_is_set and not self.cursor_path
        return self.lag if chosen else max(self.lag, BLIND_LAG)


INCREMENTAL = {
    **settings_of(Incremental),
    "comparison": Setting(
        "How the registry compares with the start: `gt` leaves out records of the start's own "
        "second, and the lag is then at least a second.",
        one_of("gte", "gt", "unknown"), "unknown", "gt",
    ),
    "lookback_window": Setting("Another name for `lag`.", DURATION, example=300),
}  # fmt: skip
"""The settings of `endpoint.incremental`, by name."""


@dataclass(frozen=True, slots=True)
class ResponseAction:
    """What to do about an answer, chosen by its status, a text in it, or a path to an error."""

    action: Action = setting(
        "fail",
        "What to do: send the request again, stop the run, take the answer for an empty one, or "
        "wait as the registry asks.",
        type=one_of(*get_args(Action)), example="ignore",
    )  # fmt: skip
    status_code: int | None = setting(None, "The answer's HTTP status.", type=whole(0), example=404)
    content: str = setting(
        "",
        "A text in the answer, its records too. For a 200, `error_path` is safer.",
        example="No results",
    )
    error_path: str = setting("", "A path at which the answer has something.", example="error.code")


@dataclass(frozen=True, slots=True)
class Detail:
    """A request for one record: its own URL, or the list with a filter on its id.

    `each`: also send it for each record of the list, whose records are incomplete.
    """

    path: str = setting(
        "",
        "The address, with `{id}` once: the record's own, or the list with a filter such as "
        "`?id={id}` that returns one record or none.",
        type=SettingType("text", {"type": "string", "pattern": ONE_ID}),
        example="compounds/{id}",
    )
    data_selector: str = setting("", "The path of the record in the answer.", type=PATH,
                                 example="compound")  # fmt: skip
    each: bool = setting(
        True,
        "Whether each record of the list is completed by this request. With false, only a record "
        "that a scientist looks up or syncs alone.",
        example=False,
    )


DETAIL = settings_of(Detail, ("path",)) | {
    "concurrency": Setting("Only 1 is supported.", SettingType("1", {"const": 1}), 1, 1)
}
"""The settings of `endpoint.detail`, by name."""


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
    page_limits: PageLimits = field(default_factory=PageLimits)
    paginator: Paginator = field(default_factory=Auto)
    data_selector: str = ""
    id_paths: tuple[str, ...] = ("id",)
    incremental: Incremental | None = None
    detail: Detail | None = None
    response_actions: tuple[ResponseAction, ...] = ()
    registry_id_template: str | None = None
    identity: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    """The settings that have no effect, each a clause that begins with its path."""
    blanks: Blanks = field(default_factory=Blanks)
    scope: Scope = field(default_factory=Scope)
    deletes: Deletes = field(default_factory=Deletes)

    @property
    def sends_since(self) -> bool:
        """Return whether requests ask for changes since a time."""
        return SINCE in f"{self.params}{self.json}"

    @property
    def collection(self) -> str:
        """Return the name of the source collection: scheme, host and path of its list."""
        parts = urlsplit(self.list_url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}{parts.path}"

    def address(self, path: str) -> str:
        """Return a path appended to the base URL; a whole URL stays as it is."""
        return joined_url(self.base_url or self.list_url, path)

    def other_list(
        self, url: str, params: Json, *, data_selector: str, id_paths: tuple[str, ...]
    ) -> Connector:
        """Return how another list of the same registry is read: by GET, and paged as this one."""
        return replace(
            self, list_url=url, method="GET", params=params, json=None, detail=None,
            data_selector=data_selector, id_paths=id_paths,
        )  # fmt: skip

    @property
    def id_path(self) -> str:
        """Return where a record's id is, for display. The values of several paths are joined."""
        return " + ".join(self.id_paths)


def joined_url(base: str, path: str) -> str:
    """Return a path appended to a base URL, whether or not either has the slash between them.

    A whole URL stays as it is.
    """
    if not path:
        return base
    return urljoin(base.partition("?")[0].rstrip("/") + "/", path.lstrip("/"))
