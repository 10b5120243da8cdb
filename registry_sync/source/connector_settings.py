"""Connector Settings: how a REST registry is read, declared in dlt's vocabulary.

`parse_connector` turns the JSON of the app's configuration into frozen settings, lists every
fault by its path, and refuses by name what is not built. Without settings the seed's items alone
must do: `API URL` is the list, the key is a bearer token, the records are the body's list, a next
link in the body or the `Link` header is followed.
https://dlthub.com/docs/dlt-ecosystem/verified-sources/rest_api/basic
"""

from __future__ import annotations

import re
from typing import get_args
from urllib.parse import parse_qsl, urlsplit

from registry_sync.core.problems import ConfigError
from registry_sync.core.secrets import SECRET
from registry_sync.core.types import Json
from registry_sync.source.connector import (
    SINCE,
    Action,
    Auth,
    AuthType,
    Connector,
    Detail,
    Incremental,
    Paginator,
    PaginatorType,
    ResponseAction,
    joined,
)
from registry_sync.source.settings_reader import Faults
from registry_sync.source.timestamps import read_incremental

__all__ = ["Connector", "parse_connector"]

ENDPOINT = ("path", "method", "params", "json", "data_selector", "primary_key", "paginator",
            "incremental", "detail", "response_actions")  # fmt: skip
SESSION = ("login_path", "login_body", "token_path", "template", "expiration_duration")
EXPORT = ("create", "status_path", "status_mapping", "poll_seconds", "download")
FILLED = {  # the placeholders that each way of paging fills, beside the one for the time
    "offset": ("offset", "limit"),
    "page_number": ("page", "limit"),
    "cursor": ("cursor",),
}
JOINED = re.compile(r"\b(and|or)\b|[\^&;]|\]\s*,\s*\[", re.IGNORECASE)
"""What stands between two terms of a filter, in the languages of the field's registries."""
AUTH_NEEDS = {
    "api_key": ("name",),
    "http_basic": ("username",),
    "oauth2_client_credentials": ("access_token_url", "client_id"),
}


def parse_connector(
    settings: Json | None,
    *,
    api_url: str,
    modified_since_parameter: str | None = None,
    id_field: str | None = None,
) -> Connector:
    """Read Connector Settings. Raises ConfigError with every fault, each by its path."""
    faults = Faults()
    connector = _connector(faults, settings, api_url, modified_since_parameter, id_field)
    if faults.found:
        raise ConfigError(
            "Connector Settings cannot be used: " + "; ".join(faults.found) + ".",
            remedy="The integration owner corrects Connector Settings in the app's configuration "
            "in Benchling.",
            code="connector_settings",
        )
    return connector


def _connector(
    faults: Faults, raw: object, api_url: str, since_parameter: str | None, id_field: str | None
) -> Connector:
    faults.secrets(raw, "")
    top = faults.section(raw, "", ("client", "endpoint", "registry_id_template", "identity"))
    client = faults.section(
        top.get("client"), "client", ("base_url", "headers", "auth"), ("rate", "paginator")
    )
    endpoint = faults.section(top.get("endpoint"), "endpoint", ENDPOINT, ("deletes",))
    since_parameter = (since_parameter or "").strip()
    incremental = read_incremental(faults, endpoint.get("incremental"), asked=bool(since_parameter))
    params = faults.flat(endpoint.get("params"), "endpoint.params")
    if since_parameter:
        params = {since_parameter: SINCE, **params}
    body = None
    if endpoint.get("json") is not None:
        body = faults.mapping(endpoint["json"], "endpoint.json")
    _check_holes(faults, params, body, incremental)
    headers = _headers(faults, client.get("headers"))
    auth = _auth(faults, client.get("auth"))
    paginator = _paginator(faults, endpoint.get("paginator"))
    _check_paging_holes(faults, f"{params}{body}", paginator)
    base = faults.text(client.get("base_url"), "client.base_url") or api_url.strip()
    _check_address(faults, base, "client.base_url" if client.get("base_url") else "API URL")
    path = faults.text(endpoint.get("path"), "endpoint.path")
    _check_nothing_filled(faults, {"endpoint.path": path, "client.headers": str(headers)})
    return Connector(
        list_url=joined(base, path),
        base_url=base,
        method=faults.choice(
            endpoint, "method", "endpoint", of=("GET", "POST"), default="POST" if body else "GET"
        ),
        headers=headers,
        params=params,
        json=body,
        auth=auth,
        paginator=paginator,
        data_selector=faults.path(endpoint, "data_selector", "endpoint"),
        id_paths=_id_paths(faults, id_field, endpoint.get("primary_key")),
        incremental=incremental,
        detail=_detail(faults, endpoint.get("detail")),
        response_actions=_actions(faults, endpoint.get("response_actions")),
        registry_id_template=_registry_id(faults, top.get("registry_id_template")),
        identity=faults.paths(top.get("identity"), "identity"),
    )


def _check_address(faults: Faults, url: str, where: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        faults.add(f"{where} is no web address")
        return
    if not usable:
        faults.add(f"{where} is no web address: it begins with https://")
    held = [name for name, value in parse_qsl(parts.query) if SECRET.fullmatch(name) and value]
    if parts.username or parts.password or held:
        faults.add(f"{where} holds a secret: put it into API Key, and say in client.auth how it "
                   "is sent")  # fmt: skip


def _headers(faults: Faults, raw: object) -> dict[str, str]:
    read = faults.flat(raw, "client.headers")
    for name, value in read.items():
        if isinstance(value, list):
            faults.add(f"client.headers.{name} must be one line of text")
        _check_sendable(faults, f"{name}{value}", f"client.headers.{name}")
    return {name: str(value) for name, value in read.items()}


def _check_sendable(faults: Faults, text: str, where: str) -> None:
    if not (text.isascii() and text.isprintable()):
        faults.add(f"{where} must be one line of plain (ASCII) text")


def _check_nothing_filled(faults: Faults, places: dict[str, str]) -> None:
    for where, text in places.items():
        if hole := re.search(r"\{incremental[^}]*\}", text, re.IGNORECASE):
            faults.add(f"{hole[0]} in {where} is not built yet: put it into endpoint.params or "
                       "endpoint.json")  # fmt: skip


def _check_paging_holes(faults: Faults, asked: str, paginator: Paginator) -> None:
    """See that no placeholder for paging would reach the registry as it is written."""
    filled = FILLED.get(paginator.type, ())
    for hole in re.findall(r"\{(offset|limit|page|cursor)\}", asked):
        if hole not in filled:
            faults.add(f"{{{hole}}} in endpoint is filled by no paginator of type {paginator.type}")


def _check_holes(
    faults: Faults, params: Json, body: Json | None, incremental: Incremental | None
) -> None:
    """See that each placeholder is one that gets filled, and that `since` is sent."""
    asked = f"{params}{body}"
    for hole in re.findall(r"\{(incremental[a-z_.]*)\}", asked, re.IGNORECASE):
        if hole == "incremental.end_value":
            faults.add("{incremental.end_value} in endpoint is not built yet")
        elif f"{{{hole}}}" != SINCE:
            faults.add(f"{{{hole}}} in endpoint is unknown: write {SINCE}")
    if incremental is None:
        if SINCE in asked:
            faults.add(f"endpoint.incremental is missing, and {SINCE} stands in endpoint")
        return
    if SINCE not in asked:
        faults.add(
            f"endpoint.incremental is set, but nothing sends {SINCE}: put it into "
            "endpoint.params or endpoint.json, or set Modified Since Parameter"
        )
    if not incremental.initial_value:
        _check_left_out(faults, params)
    if SINCE in str(body) and not incremental.initial_value:
        faults.add(
            "endpoint.incremental.initial_value is missing: a full read has to fill "
            f"{SINCE} in endpoint.json, with 1970-01-01 for instance"
        )


def _check_left_out(faults: Faults, params: Json) -> None:
    """See that a full read leaves out the time alone, and no other term of its parameter."""
    for name, value in params.items():
        for text in value if isinstance(value, list) else [value]:
            if SINCE in str(text) and JOINED.search(str(text).replace(SINCE, "")):
                faults.add(
                    "endpoint.incremental.initial_value is missing: a full read would leave out "
                    f"all of endpoint.params.{name}, not its time alone; with 1970-01-01 for "
                    "instance the rest stays"
                )


def _auth(faults: Faults, raw: object) -> Auth:
    where = "client.auth"
    known = tuple(Auth.__dataclass_fields__)
    auth = faults.section({"type": raw} if isinstance(raw, str) else raw, where, known, SESSION)
    kind = faults.choice(
        auth, "type", where, of=get_args(AuthType), default="bearer", later=("session",)
    )
    scopes = auth.get("scopes")
    read = {
        name: faults.text(auth.get(name), f"{where}.{name}")
        for name in ("name", "username", "access_token_url", "client_id")
    }
    for name in AUTH_NEEDS.get(kind, ()):
        if not read[name]:
            faults.add(f"{where}.{name} is required for {kind}")
    scheme = faults.text(auth.get("scheme"), f"{where}.scheme") or "Bearer"
    for name, text in (("name", read["name"]), ("scheme", scheme)):
        _check_sendable(faults, text, f"{where}.{name}")
    if read["access_token_url"]:
        _check_address(faults, read["access_token_url"], f"{where}.access_token_url")
    return Auth(
        type=kind,
        scheme=scheme,
        location=faults.choice(
            auth, "location", where, of=("header", "query", "cookie"), default="header"
        ),
        scopes=" ".join(
            faults.text(scope, f"{where}.scopes")
            for scope in (scopes if isinstance(scopes, list) else [scopes])
        ),
        **read,
    )


def _paginator(faults: Faults, raw: object) -> Paginator:
    where = "endpoint.paginator"
    fields = Paginator.__dataclass_fields__
    guards = ("max_pages", "stop_on_repeated_page", "stable_order")
    given = faults.section(
        {"type": raw} if isinstance(raw, str) else raw, where, (*fields, *guards, "guards"), EXPORT
    )
    given = {**faults.section(given.get("guards"), f"{where}.guards", guards), **given}
    if given.get("stop_on_repeated_page") not in (None, True):
        faults.add(f"{where}.stop_on_repeated_page cannot be turned off")
    if given.get("stable_order") not in (None, True, "true", "unknown"):
        faults.add(f"{where}.stable_order false is not built yet: send a sort parameter")
    kind = faults.choice(
        given,
        "type",
        where,
        of=get_args(PaginatorType),
        default="auto",
        later=("async_export", "range_header", "header_cursor"),
    )
    values: Json = {"type": kind}
    for name in [name for name in fields if name != "type" and given.get(name) is not None]:
        at = f"{where}.{name}"
        if name.endswith("_path"):
            values[name] = faults.path(given, name, where)
        elif isinstance(fields[name].default, int):
            least = 0 if name == "base_page" else 1
            values[name] = faults.whole(given[name], at, least=least)
        else:
            values[name] = faults.text(given[name], at)
    if kind == "cursor" and not values.get("cursor_path"):
        faults.add(f"{where}.cursor_path is required for cursor")
    if kind == "json_link" and not values.get("next_url_path", "next"):
        faults.add(f"{where}.next_url_path is required for json_link")
    return Paginator(**values)


def _detail(faults: Faults, raw: object) -> Detail | None:
    if raw is None:
        return None
    where = "endpoint.detail"
    given = faults.section(raw, where, ("path", "data_selector", "concurrency", "each"))
    path = faults.text(given.get("path"), f"{where}.path")
    if path.count("{id}") != 1:
        faults.add(f"{where}.path must hold {{id}} once")
    if given.get("concurrency") not in (None, 1):
        faults.add(f"{where}.concurrency above 1 is not built yet")
    if given.get("each") not in (None, True, False):
        faults.add(f"{where}.each is neither true nor false")
    return Detail(path, faults.path(given, "data_selector", where), given.get("each") is not False)


def _actions(faults: Faults, raw: object) -> tuple[ResponseAction, ...]:
    if raw is not None and not isinstance(raw, list):
        faults.add("endpoint.response_actions must be a list")
    found = []
    for index, item in enumerate(raw if isinstance(raw, list) else []):
        where = f"endpoint.response_actions[{index}]"
        given = faults.section(item, where, tuple(ResponseAction.__dataclass_fields__))
        code = given.get("status_code")
        action = ResponseAction(
            action=faults.choice(given, "action", where, of=get_args(Action), default="fail"),
            status_code=None if code is None else faults.whole(code, f"{where}.status_code"),
            content=faults.text(given.get("content"), f"{where}.content"),
            error_path=faults.path(given, "error_path", where),
        )
        if action.status_code is None and not action.content and not action.error_path:
            faults.add(f"{where} must say when it holds: status_code, content or error_path")
        found.append(action)
    return tuple(found)


def _id_paths(faults: Faults, id_field: str | None, primary_key: object) -> tuple[str, ...]:
    if id_field and id_field.strip():
        return faults.paths(id_field, "External ID Field")
    return faults.paths(primary_key, "endpoint.primary_key") or ("id",)


def _registry_id(faults: Faults, raw: object) -> str | None:
    text = faults.text(raw, "registry_id_template")
    if text and (text.count("{id}") != 1 or "{" in text.replace("{id}", "")):
        faults.add("registry_id_template must hold {id} once and no other path")
    return text or None
