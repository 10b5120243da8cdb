"""Checks of the placeholders in Connector Settings: each must be one that is filled."""

from __future__ import annotations

import re

from registry_sync.core.types import Json
from registry_sync.source.connector import SINCE, Incremental
from registry_sync.source.graphql import undeclared
from registry_sync.source.paginators import PAGINATORS, Paginator
from registry_sync.source.settings_reader import SettingsReader

JOINED = re.compile(r"\b(and|or)\b|[\^&;]|\]\s*,\s*\[", re.IGNORECASE)
"""What stands between two terms of a filter, in the languages of common registries."""


def check_unfilled(reader: SettingsReader, texts: dict[str, str]) -> None:
    """Check that no placeholder for the time is where none is filled."""
    for where, text in texts.items():
        if hole := re.search(r"\{incremental[^}]*\}", text, re.IGNORECASE):
            reader.add(
                f"{hole[0]} in {where} is not built yet: put it into endpoint.params or "
                "endpoint.json"
            )


def check_paging(reader: SettingsReader, request_text: str, paginator: Paginator) -> None:
    """Check that no placeholder for paging would be sent to the registry as it is written."""
    filled = paginator.parameters()
    paging_holes = dict.fromkeys(
        hole for kind in PAGINATORS.values() for hole in kind().parameters()
    )
    for hole in re.findall(rf"\{{({'|'.join(paging_holes)})\}}", request_text):
        if hole not in filled:
            reader.add(
                f"{{{hole}}} in endpoint is not filled by the paginator of type {paginator.type}"
            )


def check_since(
    reader: SettingsReader, params: Json, body: Json | None, incremental: Incremental | None
) -> None:
    """Check that each placeholder for the time is filled. If none is sent, everything is read."""
    request_text = f"{params}{body}"
    for hole in re.findall(r"\{(incremental[a-z_.]*)\}", request_text, re.IGNORECASE):
        if hole == "incremental.end_value":
            reader.add("{incremental.end_value} in endpoint is not built yet")
        elif f"{{{hole}}}" != SINCE:
            reader.add(f"{{{hole}}} in endpoint is unknown: write {SINCE}")
    if incremental is None:
        if SINCE in request_text:
            reader.add(f"endpoint.incremental is missing, but {SINCE} is used in endpoint")
        return
    if SINCE not in request_text and incremental.initial_value and not incremental.client_side:
        reader.unused.append(
            f"endpoint.incremental.initial_value has no effect: nothing sends {SINCE}"
        )
    if not incremental.initial_value:
        _check_left_out(reader, params)
    if SINCE in str(body) and not incremental.initial_value:
        reader.add(
            "endpoint.incremental.initial_value is missing: a full read must fill "
            f"{SINCE} in endpoint.json, for example with 1970-01-01"
        )


def _check_left_out(reader: SettingsReader, params: Json) -> None:
    """Check that a full read leaves out only the time, and no other term of its parameter."""
    for name, value in params.items():
        for text in value if isinstance(value, list) else [value]:
            if SINCE in str(text) and JOINED.search(str(text).replace(SINCE, "")):
                reader.add(
                    "endpoint.incremental.initial_value is missing: a full read would leave out "
                    f"all of endpoint.params.{name}, not only its time; with 1970-01-01, for "
                    "example, the rest is kept"
                )


def check_variables(reader: SettingsReader, body: Json | None, paginator: Paginator) -> None:
    """Check that a GraphQL query has the variables that the paginator fills."""
    for path in paginator.body_paths().values():
        if name := undeclared(body, path):
            reader.unused.append(
                f"{path} of endpoint.paginator has no effect: the query in endpoint.json has no "
                f"variable ${name}; declare it and give it to an argument"
            )
