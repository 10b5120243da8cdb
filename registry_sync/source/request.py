"""The request for a page: the settings' parameters, with the placeholders filled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from registry_sync.core.types import Json
from registry_sync.source import graphql
from registry_sync.source.connector import SINCE, Connector
from registry_sync.source.paths import ABSENT


@dataclass(frozen=True, slots=True)
class Request:
    """One request to a registry."""

    method: str
    url: str
    params: Json
    json: Json | None


def page_request(connector: Connector, position: Json | None, since: Any) -> Request:
    """Return the request for the page at a position.

    `since` is the time to ask from, as the registry writes it, or "" to read everything.
    """
    paginator = connector.paginator.at(position)
    values = paginator.values(position)
    filled: Json = {SINCE: since} | {f"{{{name}}}": value for name, value in values.items()}
    params, body = (
        _filled(template, filled, graphql.query_in(template))
        for template in (connector.params, connector.json)
    )
    if position is not None and "url" in position:
        # A link is complete as it is. Where pages are requested by POST, the body goes with it.
        return Request(connector.method, str(position["url"]), {}, body)
    written = holes_of(connector.params) + holes_of(connector.json)
    names, paths = paginator.parameters(), paginator.body_paths()
    unplaced = {
        hole: value
        for hole, value in values.items()
        if f"{{{hole}}}" not in written and value != ""
    }
    for hole in [hole for hole in unplaced if hole in paths]:
        body = _placed(body or {}, paths[hole], unplaced.pop(hole))
    extra = {names[hole]: value for hole, value in unplaced.items() if names[hole]}
    if body is not None and not any(name in connector.params for name in extra):
        body = {**body, **extra}
    else:
        params = {**params, **extra}
    return Request(connector.method, _without(connector.list_url, params), params, body)


def holes_of(settings: Json | None) -> str:
    """Return the texts of settings in which placeholders for paging are filled, as one text."""
    query = graphql.query_in(settings)
    return " ".join(graphql.arguments(text) if text == query else text for text in _texts(settings))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def _without(url: str, params: Json) -> str:
    """Return an address without the parameters that are sent beside it: none goes twice."""
    parts = urlsplit(url)
    query = parts.query.split("&")
    kept = [item for item in query if unquote_plus(item.partition("=")[0]) not in params]
    return url if len(kept) == len(query) else parts._replace(query="&".join(kept)).geturl()


def _placed(body: Json, path: str, value: Any) -> Json:
    """Return a body with a value at a dotted path."""
    key, _, rest = path.partition(".")
    inner = body.get(key)
    at = _placed(inner if isinstance(inner, dict) else {}, rest, value) if rest else value
    return {**body, key: at}


def _filled(value: Any, values: Json, query: str) -> Any:
    """Fill placeholders. One that stands alone keeps its type; what holds an empty one is dropped.

    Return ABSENT for what is dropped. In a GraphQL `query`, only the time is filled everywhere.
    """
    if isinstance(value, dict):
        filled = {name: _filled(item, values, query) for name, item in value.items()}
        return {name: item for name, item in filled.items() if item is not ABSENT}
    if isinstance(value, list):
        parts = (_filled(part, values, query) for part in value)
        return [item for item in parts if item is not ABSENT]
    if not isinstance(value, str) or "{" not in value:
        return value
    is_query, document = value == query, value
    for hole, replacement in values.items():
        in_arguments = is_query and hole != SINCE
        if hole in (graphql.arguments(document) if in_arguments else document):
            if replacement == "":
                return ABSENT
            if value == hole:
                return replacement
            text = str(replacement)
            value = graphql.fill(value, hole, text) if in_arguments else value.replace(hole, text)
    return value
