"""Connector Settings: how a REST registry is read, declared in dlt's vocabulary.

`parse_connector` turns the JSON of the app's configuration into frozen settings, lists every
fault by its path, and refuses by name what is not built yet. Without settings the defaults
apply: `API URL` is the list, the key is a bearer token, the records are the body's list, and a
next link in the body or the `Link` header is followed.
https://dlthub.com/docs/dlt-ecosystem/verified-sources/rest_api/basic
"""

from __future__ import annotations

from dataclasses import replace
from typing import get_args
from urllib.parse import urlsplit

from registry_sync.core.deadlines import AnswerLimits
from registry_sync.core.problems import ConfigError
from registry_sync.core.types import Json
from registry_sync.source import placeholders
from registry_sync.source.answers.blanks import read_blanks
from registry_sync.source.answers.page_limits import PageLimits
from registry_sync.source.auth import read_auth
from registry_sync.source.connector import (
    DETAIL,
    SINCE,
    Action,
    Connector,
    Detail,
    ResponseAction,
    joined_url,
)
from registry_sync.source.deletes import Deletes, read_deletes
from registry_sync.source.paginators import read_paginator
from registry_sync.source.request import holes_of
from registry_sync.source.scope import read_scope
from registry_sync.source.settings_reader import SettingsReader
from registry_sync.source.settings_sections import CLIENT, ENDPOINT, TOP
from registry_sync.source.timestamps import read_incremental
from registry_sync.source.unused_settings import note_unsent, note_unused


def parse_connector(
    settings: Json | None,
    *,
    api_url: str,
    modified_since_parameter: str | None = None,
    id_field: str | None = None,
    strict: bool = False,
) -> Connector:
    """Return Connector Settings, parsed. Raise ConfigError with every fault, each by its path.

    With `strict`, settings that have no effect are faults, too.
    """
    connector, faults = read_connector(
        settings,
        api_url=api_url,
        modified_since_parameter=modified_since_parameter,
        id_field=id_field,
    )
    if strict:
        faults += connector.unused
    if faults:
        raise ConfigError(
            "Connector Settings cannot be used: " + "; ".join(faults) + ".",
            remedy="The integration owner corrects Connector Settings in the app's configuration "
            "in Benchling.",
            code="connector_settings",
        )
    return connector


def read_connector(
    settings: object,
    *,
    api_url: str,
    modified_since_parameter: str | None = None,
    id_field: str | None = None,
) -> tuple[Connector, tuple[str, ...]]:
    """Return Connector Settings, parsed as far as they can be, and every fault by its path."""
    reader = SettingsReader()
    connector = _connector(reader, settings, api_url, modified_since_parameter, id_field)
    return replace(connector, unused=tuple(reader.unused)), tuple(reader.faults)


def _connector(
    reader: SettingsReader,
    raw: object,
    api_url: str,
    since_parameter: str | None,
    id_field: str | None,
) -> Connector:
    reader.check_secrets(raw, "")
    reader.check_numbers(raw)
    top = reader.section(raw, "", tuple(TOP))
    client = reader.section(top.get("client"), "client", tuple(CLIENT), ("rate",))
    endpoint = reader.section(top.get("endpoint"), "endpoint", tuple(ENDPOINT))
    scope = read_scope(reader, top.get("scope"))
    note_unused(reader, client, endpoint)
    base = reader.text(client.get("base_url"), "client.base_url") or api_url.strip()
    reader.check_address(base, "client.base_url" if client.get("base_url") else "API URL")
    path = reader.text(endpoint.get("path"), "endpoint.path")
    request_settings = _request_settings(reader, endpoint, client, (since_parameter or "").strip())
    headers = _headers(reader, client.get("headers"))
    placeholders.check_unfilled(reader, {"endpoint.path": path, "client.headers": str(headers)})
    return Connector(
        list_url=_joined(reader, base, path, "endpoint.path"),
        base_url=base,
        headers=headers,
        auth=read_auth(reader, client.get("auth")),
        limits=_limits(reader, client),
        page_limits=_page_limits(reader, client, endpoint),
        data_selector=reader.path(endpoint, "data_selector", "endpoint"),
        id_paths=_id_paths(reader, id_field, endpoint.get("primary_key")),
        detail=_detail(reader, endpoint.get("detail"), base),
        response_actions=_actions(reader, endpoint.get("response_actions")),
        registry_id_template=_registry_id(reader, top.get("registry_id_template")),
        identity=reader.paths(top.get("identity"), "identity"),
        blanks=read_blanks(reader, endpoint),
        scope=scope,
        deletes=_deletes(reader, endpoint.get("deletes"), base, scoped=bool(scope)),
        **request_settings,
    )


def _joined(reader: SettingsReader, base: str, path: str, where: str) -> str:
    """Return a path appended to the base, whose own faults are noted already."""
    try:
        urlsplit(base)
    except ValueError:
        return base
    try:
        whole = joined_url(base, path)
        urlsplit(whole)
    except ValueError as error:
        reader.add(f"{where} is not a valid URL: {error}")
        return base
    return whole


def _deletes(reader: SettingsReader, raw: object, base: str, *, scoped: bool) -> Deletes:
    found = read_deletes(reader, raw, scoped=scoped)
    if found.mode == "feed":
        _joined(reader, base, found.path, "endpoint.deletes.path")
    _joined(reader, base, found.ids_endpoint, "endpoint.deletes.ids_endpoint")
    return found


def _request_settings(
    reader: SettingsReader, endpoint: Json, client: Json, since_parameter: str
) -> Json:
    """Return the settings of the requests for pages, as arguments of Connector."""
    incremental = read_incremental(
        reader, endpoint.get("incremental"), has_since=bool(since_parameter)
    )
    params = reader.flat(endpoint.get("params"), "endpoint.params")
    if since_parameter:
        params = {since_parameter: SINCE, **params}
    body = None
    if endpoint.get("json") is not None:
        body = reader.mapping(endpoint["json"], "endpoint.json")
    paginator = read_paginator(reader, endpoint.get("paginator"), client.get("paginator"))
    placeholders.check_since(reader, params, body, incremental)
    note_unsent(reader, endpoint.get("incremental"), f"{params}{body}{endpoint.get('deletes')}")
    placeholders.check_paging(reader, holes_of(params) + holes_of(body), paginator)
    placeholders.check_variables(reader, body, paginator)
    usual = "POST" if body else "GET"
    return {
        "method": reader.choice(endpoint, "method", "endpoint", of=("GET", "POST"), default=usual),
        "params": params,
        "json": body,
        "paginator": paginator,
        "incremental": incremental,
    }


def _headers(reader: SettingsReader, raw: object) -> dict[str, str]:
    read = reader.flat(raw, "client.headers")
    for name, value in read.items():
        if isinstance(value, list):
            reader.add(f"client.headers.{name} must be one line of text")
        reader.check_sendable(f"{name}{value}", f"client.headers.{name}")
    return {name: str(value) for name, value in read.items()}


def _limits(reader: SettingsReader, client: Json) -> AnswerLimits:
    limits: Json = {}
    for name, least in (("timeout", 1), ("min_bytes_per_second", 0)):
        if client.get(name) is not None:
            limits[name] = reader.whole(client[name], f"client.{name}", least=least)
    return AnswerLimits(**limits)


def _page_limits(reader: SettingsReader, client: Json, endpoint: Json) -> PageLimits:
    limits: Json = {}
    places = (("client", client, "max_page_bytes"), ("endpoint", endpoint, "max_page_records"))
    for where, section, name in places:
        if section.get(name) is not None:
            limits[name] = reader.whole(section[name], f"{where}.{name}", least=1)
    return PageLimits(**limits)


def _detail(reader: SettingsReader, raw: object, base: str) -> Detail | None:
    if raw is None:
        return None
    where = "endpoint.detail"
    settings = reader.section(raw, where, tuple(DETAIL))
    path = reader.text(settings.get("path"), f"{where}.path")
    if path.count("{id}") != 1:
        reader.add(f"{where}.path must contain {{id}} once")
    _joined(reader, base, path, f"{where}.path")
    if settings.get("concurrency") not in (None, 1) or settings.get("concurrency") is True:
        reader.add(f"{where}.concurrency above 1 is not built yet")
    if not isinstance(settings.get("each"), bool | None):
        reader.add(f"{where}.each must be true or false")
    return Detail(
        path, reader.path(settings, "data_selector", where), settings.get("each") is not False
    )


def _actions(reader: SettingsReader, raw: object) -> tuple[ResponseAction, ...]:
    if raw is not None and not isinstance(raw, list):
        reader.add("endpoint.response_actions must be a list")
    found = []
    for index, item in enumerate(raw if isinstance(raw, list) else []):
        where = f"endpoint.response_actions[{index}]"
        settings = reader.section(item, where, tuple(ResponseAction.__dataclass_fields__))
        code = settings.get("status_code")
        action = ResponseAction(
            action=reader.choice(settings, "action", where, of=get_args(Action), default="fail"),
            status_code=None if code is None else reader.whole(code, f"{where}.status_code"),
            content=reader.text(settings.get("content"), f"{where}.content"),
            error_path=reader.path(settings, "error_path", where),
        )
        if action.status_code is None and not action.content and not action.error_path:
            reader.add(f"{where} must say when it applies: status_code, content or error_path")
        found.append(action)
    return tuple(found)


def _id_paths(reader: SettingsReader, id_field: str | None, primary_key: object) -> tuple[str, ...]:
    if id_field and id_field.strip():
        found = reader.paths(id_field, "External ID Field")
        if primary_key is not None and reader.paths(primary_key, "endpoint.primary_key") != found:
            reader.add_unused("endpoint.primary_key", "External ID Field takes precedence")
        return found
    return reader.paths(primary_key, "endpoint.primary_key") or ("id",)


def _registry_id(reader: SettingsReader, raw: object) -> str | None:
    text = reader.text(raw, "registry_id_template")
    if text and (text.count("{id}") != 1 or "{" in text.replace("{id}", "")):
        reader.add("registry_id_template must contain {id} once and no other path")
    return text or None
