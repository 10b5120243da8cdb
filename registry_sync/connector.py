"""Connector Settings: how a REST registry is read, declared in dlt's vocabulary.

`parse_connector` turns the JSON of the app's configuration into frozen settings, lists every
fault by its path, and refuses by name what is not built. Without settings the seed's items alone
must do: `API URL` is the list, the key is a bearer token, the records are the body's list, a next
link in the body or the `Link` header is followed.
https://dlthub.com/docs/dlt-ecosystem/verified-sources/rest_api/basic
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, get_args
from urllib.parse import urljoin, urlsplit
from zoneinfo import ZoneInfo

from .paths import PathError, compile_path, compile_template
from .problems import ConfigError
from .watermark import Granularity

Json = dict[str, Any]
AuthType = Literal["none", "bearer", "api_key", "http_basic", "oauth2_client_credentials"]
PaginatorType = Literal[
    "auto", "single_page", "offset", "page_number", "json_link", "header_link", "cursor"
]
NOT_BUILT = {
    "auth": ("session",),
    "paginator": ("async_export", "range_header", "header_cursor"),
    "endpoint": ("deletes",),
    "incremental": ("client_side", "descending", "retention", "end_param"),
    "client": ("rate",),
}
SECRETS = ("token", "api_key", "password", "client_secret", "secret", "login_body")
ACTIONS = ("retry", "fail", "ignore", "rate_limited")
PLACEHOLDER = "{incremental.start_value}"


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

    action: str
    status_code: int | None = None
    content: str = ""
    error_path: str = ""


@dataclass(frozen=True, slots=True)
class Detail:
    """A second request for each record, where the list does not give it whole."""

    path: str
    data_selector: str = ""


@dataclass(frozen=True, slots=True)
class Connector:
    """Everything about reading one registry, without any secret."""

    list_url: str
    method: Literal["GET", "POST"] = "GET"
    headers: Json = field(default_factory=dict)
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

    @property
    def id_path(self) -> str:
        """Say where a record's id is; several paths are joined by a hyphen."""
        return " + ".join(self.id_paths)


def parse_connector(
    settings: Json | None,
    *,
    api_url: str,
    modified_since_parameter: str | None = None,
    id_field: str | None = None,
) -> Connector:
    """Read Connector Settings. Raises ConfigError with every fault, each by its path."""
    parser = _Parser()
    connector = parser.connector(settings or {}, api_url, modified_since_parameter, id_field)
    if parser.faults:
        raise ConfigError(
            "Connector Settings cannot be used: " + "; ".join(parser.faults) + ".",
            remedy="The integration owner corrects Connector Settings in the app's configuration "
            "in Benchling.",
            code="connector_settings",
        )
    return connector


class _Parser:
    """Reads settings and gathers faults, so that an owner sees all of them at once."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def connector(
        self, raw: Json, api_url: str, since_parameter: str | None, id_field: str | None
    ) -> Connector:
        self._secrets(raw, "")
        top = self._section(
            raw, "", ("client", "endpoint", "registry_id_template", "identity"), {}
        )
        client = self._section(
            top.get("client"), "client", ("base_url", "headers", "auth"), NOT_BUILT
        )
        known = (
            "path", "method", "params", "json", "data_selector", "primary_key", "paginator",
            "incremental", "detail", "response_actions",
        )  # fmt: skip
        endpoint = self._section(top.get("endpoint"), "endpoint", known, NOT_BUILT)
        params = self._mapping(endpoint.get("params"), "endpoint.params")
        incremental = self._incremental(endpoint.get("incremental"), since_parameter)
        if since_parameter and incremental is not None:
            params = {since_parameter: PLACEHOLDER, **params}
        body = endpoint.get("json")
        if body is not None and not isinstance(body, dict):
            self.faults.append("endpoint.json must be an object")
            body = None
        connector = Connector(
            list_url=self._list_url(api_url, client.get("base_url"), endpoint.get("path")),
            method=self._one_of(
                endpoint, "method", ("GET", "POST"), "endpoint", "POST" if body else "GET"
            ),
            headers=self._mapping(client.get("headers"), "client.headers"),
            params=params,
            json=body,
            auth=self._auth(client.get("auth")),
            paginator=self._paginator(endpoint.get("paginator")),
            data_selector=self._path(endpoint, "data_selector", "endpoint"),
            id_paths=self._id_paths(id_field, endpoint.get("primary_key")),
            incremental=incremental,
            detail=self._detail(endpoint.get("detail")),
            response_actions=self._actions(endpoint.get("response_actions")),
            registry_id_template=self._registry_id(top.get("registry_id_template")),
            identity=self._paths(top.get("identity"), "identity"),
        )
        if incremental is not None and PLACEHOLDER not in f"{connector.params}{connector.json}":
            self.faults.append(
                f"endpoint.incremental is set, but nothing sends {PLACEHOLDER}: put it into "
                "endpoint.params or endpoint.json, or set Modified Since Parameter"
            )
        return connector

    # -- parts ---------------------------------------------------------------------------------

    def _list_url(self, api_url: str, base_url: object, path: object) -> str:
        base = self._string(base_url, "client.base_url") or api_url
        url = urljoin(base if base.endswith("/") or not path else base + "/",
                      self._string(path, "endpoint.path").lstrip("/")) if path else base
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            self.faults.append(f"API URL {url!r} is no web address")
        if urlsplit(url).password:
            self.faults.append("API URL holds a password: it belongs into API Key")
        return url

    def _auth(self, raw: object) -> Auth:
        if raw is None:
            return Auth()
        if isinstance(raw, str):
            raw = {"type": raw}
        known = ("type", "scheme", "name", "location", "username", "access_token_url",
                 "client_id", "scopes")  # fmt: skip
        auth = self._section(raw, "client.auth", known, {}, secrets=True)
        kind = self._kind(auth, "client.auth", get_args(AuthType), "auth", "bearer")
        parsed = Auth(
            type=kind,
            scheme=self._string(auth.get("scheme"), "client.auth.scheme") or "Bearer",
            name=self._string(auth.get("name"), "client.auth.name"),
            location=self._one_of(
                auth, "location", ("header", "query", "cookie"), "client.auth", "header"
            ),
            username=self._string(auth.get("username"), "client.auth.username"),
            access_token_url=self._string(
                auth.get("access_token_url"), "client.auth.access_token_url"
            ),
            client_id=self._string(auth.get("client_id"), "client.auth.client_id"),
            scopes=" ".join(auth["scopes"]) if isinstance(auth.get("scopes"), list)
            else self._string(auth.get("scopes"), "client.auth.scopes"),
        )
        needs = {
            "api_key": ("name",),
            "http_basic": ("username",),
            "oauth2_client_credentials": ("access_token_url", "client_id"),
        }
        for name in needs.get(kind, ()):
            if not getattr(parsed, name):
                self.faults.append(f"client.auth.{name} is required for {kind}")
        return parsed

    def _paginator(self, raw: object) -> Paginator:
        if raw is None:
            return Paginator()
        if isinstance(raw, str):
            raw = {"type": raw}
        names = tuple(Paginator.__dataclass_fields__)
        paginator = self._section(
            raw, "endpoint.paginator", (*names, "guards", "stop_on_repeated_page"), {}
        )
        kind = self._kind(
            paginator, "endpoint.paginator", get_args(PaginatorType), "paginator", "auto"
        )
        values: Json = {"type": kind}
        for name in names[1:]:
            if name in paginator:
                default = Paginator.__dataclass_fields__[name].default
                read = self._whole if isinstance(default, int) else self._string
                values[name] = read(paginator[name], f"endpoint.paginator.{name}")
        parsed = Paginator(**values)
        if kind == "cursor" and not parsed.cursor_path:
            self.faults.append("endpoint.paginator.cursor_path is required for cursor")
        for name in ("total_path", "has_more_path", "next_url_path", "cursor_path"):
            self._path(values, name, "endpoint.paginator")
        if parsed.limit < 1:
            self.faults.append("endpoint.paginator.limit must be at least 1")
        return parsed

    def _incremental(self, raw: object, since_parameter: str | None) -> Incremental | None:
        if raw is None:
            return Incremental() if since_parameter else None
        known = (*Incremental.__dataclass_fields__, "comparison", "lookback_window")
        settings = self._section(raw, "endpoint.incremental", known, NOT_BUILT)
        where = "endpoint.incremental"
        zone = self._string(settings.get("timezone"), f"{where}.timezone") or "UTC"
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError):
            self.faults.append(f"{where}.timezone {zone!r} is no time zone")
        initial = self._string(settings.get("initial_value"), f"{where}.initial_value")
        if initial:
            try:
                datetime.fromisoformat(initial)
            except ValueError:
                self.faults.append(f"{where}.initial_value {initial!r} is no ISO time")
        granularity = self._one_of(
            settings, "granularity", get_args(Granularity), where, "second"
        )
        return Incremental(
            cursor_path=self._path(settings, "cursor_path", where),
            datetime_format=self._string(settings.get("datetime_format"), f"{where}.datetime_format")
            or "iso",
            timezone=zone,
            granularity=granularity,
            lag=self._lag(settings.get("lag", settings.get("lookback_window")), granularity),
            initial_value=initial,
        )

    def _lag(self, raw: object, granularity: str) -> timedelta:
        """Read a lag: seconds, or `5 min`, `1 h`, `2 d`. By day or minute it is that at least."""
        least = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1)}.get(
            granularity, timedelta(days=1) if granularity == "day" else timedelta()
        )
        if raw is None:
            return max(timedelta(minutes=5), least)
        units = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|m|min|h|d)?\s*", str(raw))
        if isinstance(raw, bool) or not found:
            self.faults.append(f"endpoint.incremental.lag {raw!r} is no span: write 300 or '5 min'")
            return least
        return max(timedelta(seconds=float(found[1]) * units[found[2] or "s"]), least)

    def _detail(self, raw: object) -> Detail | None:
        if raw is None:
            return None
        settings = self._section(
            raw, "endpoint.detail", ("path", "data_selector", "concurrency"), {}
        )
        path = self._string(settings.get("path"), "endpoint.detail.path")
        if "{id}" not in path:
            self.faults.append("endpoint.detail.path must hold {id}")
        if settings.get("concurrency") not in (None, 1):
            self.faults.append("endpoint.detail.concurrency above 1 is not built yet")
        return Detail(path, self._path(settings, "data_selector", "endpoint.detail"))

    def _actions(self, raw: object) -> tuple[ResponseAction, ...]:
        if raw is None:
            return ()
        if not isinstance(raw, list):
            self.faults.append("endpoint.response_actions must be a list")
            return ()
        found = []
        for index, item in enumerate(raw):
            where = f"endpoint.response_actions[{index}]"
            known = ("status_code", "content", "error_path", "action")
            settings = self._section(item, where, known, {})
            code = settings.get("status_code")
            found.append(
                ResponseAction(
                    action=self._one_of(settings, "action", ACTIONS, where, "fail"),
                    status_code=None if code is None else self._whole(code, f"{where}.status_code"),
                    content=self._string(settings.get("content"), f"{where}.content"),
                    error_path=self._path(settings, "error_path", where),
                )
            )
        return tuple(found)

    def _id_paths(self, id_field: str | None, primary_key: object) -> tuple[str, ...]:
        if id_field:
            return self._paths(id_field, "External ID Field")
        return self._paths(primary_key, "endpoint.primary_key") or ("id",)

    def _registry_id(self, raw: object) -> str | None:
        text = self._string(raw, "registry_id_template")
        if text and text.count("{id}") != 1 or text.replace("{id}", "").count("{"):
            self.faults.append("registry_id_template must hold {id} once and no other path")
        return text or None

    # -- values --------------------------------------------------------------------------------

    def _section(
        self,
        raw: object,
        where: str,
        known: tuple[str, ...],
        not_built: dict[str, tuple[str, ...]],
        *,
        secrets: bool = False,
    ) -> Json:
        if raw is None:
            return {}
        if not isinstance(raw, dict):
            self.faults.append(f"{where or 'the settings'} must be an object")
            return {}
        later = not_built.get(where.rpartition(".")[2], ())
        for name in raw:
            at = f"{where}.{name}" if where else name
            if name in later and raw[name] not in (None, False, {"mode": "none"}):
                self.faults.append(f"{at} is not built yet")
            elif name not in known and name not in later and name not in SECRETS:
                self.faults.append(f"{at} is unknown")
        return raw

    def _secrets(self, raw: object, where: str) -> None:
        """Refuse secrets: this JSON can be read by everyone who may see the configuration."""
        if not isinstance(raw, dict):
            return
        for name, value in raw.items():
            at = f"{where}.{name}" if where else str(name)
            held = str(name).lower()
            secret_header = where == "client.headers" and held in ("authorization", "cookie")
            if (held in SECRETS and where.endswith("auth")) or secret_header:
                self.faults.append(f"{at} is a secret: put it into API Key")
            self._secrets(value, at)

    def _kind(
        self, raw: Json, where: str, built: tuple[str, ...], part: str, default: str
    ) -> Any:
        kind = raw.get("type", default)
        if kind in NOT_BUILT[part]:
            self.faults.append(f"{where}.type '{kind}' is not built yet")
        elif kind not in built:
            self.faults.append(f"{where}.type {kind!r} is none of {', '.join(built)}")
        else:
            return kind
        return default

    def _one_of(
        self, raw: Json, name: str, allowed: tuple[str, ...], where: str, default: str
    ) -> Any:
        value = raw.get(name, default)
        if value not in allowed:
            self.faults.append(f"{where}.{name} {value!r} is none of {', '.join(allowed)}")
            return default
        return value

    def _string(self, raw: object, where: str) -> str:
        if raw is None:
            return ""
        if not isinstance(raw, str):
            self.faults.append(f"{where} must be text")
            return ""
        return raw.strip()

    def _whole(self, raw: object, where: str) -> int:
        if isinstance(raw, bool) or not isinstance(raw, int):
            self.faults.append(f"{where} must be a whole number")
            return 1
        return raw

    def _mapping(self, raw: object, where: str) -> Json:
        if raw is None:
            return {}
        if not isinstance(raw, dict):
            self.faults.append(f"{where} must be an object")
            return {}
        return dict(raw)

    def _path(self, raw: Json, name: str, where: str) -> str:
        text = self._string(raw.get(name), f"{where}.{name}")
        if text:
            try:
                compile_path(text)
            except PathError as error:
                self.faults.append(f"{where}.{name}: {error}")
        return text

    def _paths(self, raw: object, where: str) -> tuple[str, ...]:
        items = raw if isinstance(raw, list) else [raw] if raw else []
        for item in items:
            try:
                compile_template(self._string(item, where))
            except PathError as error:
                self.faults.append(f"{where}: {error}")
        return tuple(item for item in items if isinstance(item, str))
