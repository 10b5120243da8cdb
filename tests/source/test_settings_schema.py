"""The JSON Schema of Connector Settings accepts what drafts accept, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_sync.core.problems import ConfigError
from registry_sync.core.setting import settings_of
from registry_sync.core.types import Json
from registry_sync.source.auth import AUTH
from registry_sync.source.connector import DETAIL, INCREMENTAL, ResponseAction
from registry_sync.source.connector_settings import parse_connector, read_connector
from registry_sync.source.deletes import DELETES, USED
from registry_sync.source.paginators import GUARDED, GUARDS, PAGINATORS
from registry_sync.source.scope import CONDITION, TESTS
from registry_sync.source.settings_schema import connector_schema
from registry_sync.source.settings_sections import CLIENT, ENDPOINT, TOP

pytestmark = pytest.mark.once
SCHEMA = jsonschema_rs.Draft202012Validator(connector_schema())
SINCE = {"since": "{incremental.start_value}"}
INEXPRESSIBLE = re.compile(
    r"is a secret|contains a secret|is not a valid URL|the path .* |the template .* |"
    r"is not a time zone|"
    r"is not a valid time|datetime_format .* is neither|placeholder|is not filled by|"
    r"granularity .* is not one of|cannot be used|is not a duration|false needs one of|"
    r"regular expression|there is no scope|only ids_endpoint uses it|takes precedence|"
    r"nothing sends it|needs cursor_path|"
    r"\{incremental|initial_value is missing"
)
"""Faults that a schema cannot express, as the module's docstring lists them."""
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 5, 5.0, 2.5, "", " ", "x", "a.b", "GET", "5 min", "{id}",
    "day", "gt", "iso", "1970-01-01", "→", "a\nb", [], ["a"], [1], [None], {}, {"a": "b"},
    {"a": ["b", 1]}, {"a": {"b": 1}}, {"→": "x"}, {"a": True}, "https://r.example/a", "none",
]  # fmt: skip


def in_auth(kind: str) -> Callable[[Json], Json]:
    needed = {name: needs(AUTH[kind])[name].example for name in AUTH[kind].required}
    return lambda part: {"client": {"auth": {"type": kind, **needed, **part}}}


def in_paginator(kind: str) -> Callable[[Json], Json]:
    settings = PAGINATORS[kind].settings()
    needed = {name: each.example for name, each in settings.items() if each.required}
    return lambda part: {"endpoint": {"paginator": {"type": kind, **needed, **part}}}


def in_deletes(mode: str) -> Callable[[Json], Json]:
    needed = {"absence": {"ids_endpoint": "i"}}.get(mode) or dict.fromkeys(USED[mode][:1], "a")
    return lambda part: {"endpoint": {"deletes": {"mode": mode, **needed, **part}}}


def needs(kind: Any) -> Json:
    return settings_of(kind, kind.required)


PLACES: dict[str, tuple[Json, Callable[[Json], Json]]] = {
    "top": (TOP, lambda part: part),
    "client": (CLIENT, lambda part: {"client": part}),
    "endpoint": (
        ENDPOINT,
        lambda part: {"endpoint": {"incremental": {}, "params": SINCE, **part}},
    ),
    "incremental": (
        INCREMENTAL,
        lambda part: {"endpoint": {"params": SINCE, "incremental": part}},
    ),
    "detail": (DETAIL, lambda part: {"endpoint": {"detail": {"path": "{id}", **part}}}),
    "scope path": (
        {"path": CONDITION["path"]},
        lambda part: {"scope": [{"path": "a", "is": 1, **part}]},
    ),
    **{
        f"scope {test}": (
            {test: CONDITION[test]},
            lambda part: {"scope": [{"path": "a", **part}]},
        )
        for test in TESTS
    },
    **{f"deletes {mode}": ({n: DELETES[n] for n in USED[mode]}, in_deletes(mode)) for mode in USED},
    "actions": (
        settings_of(ResponseAction),
        lambda part: {"endpoint": {"response_actions": [{"status_code": 1, **part}]}},
    ),
    **{
        f"paginator {name}": ({**kind.settings(), **GUARDS}, in_paginator(name))
        for name, kind in PAGINATORS.items()
    },
    **{f"auth {name}": (needs(kind), in_auth(name)) for name, kind in AUTH.items()},
}


def faults(settings: Any) -> list[str]:
    """Return the faults of settings, as drafts have them."""
    connector, found = read_connector(settings, api_url="https://r.example/list")
    return [*found, *connector.unused]


def check(settings: Any) -> None:
    found = faults(settings)
    expressible = [fault for fault in found if not INEXPRESSIBLE.search(fault)]
    if not found or expressible:
        errors = [error.message for error in SCHEMA.iter_errors(settings)]
        assert bool(errors) == bool(found), (settings, found, errors)


@pytest.mark.parametrize("place", PLACES)
def test_each_setting_alone_is_accepted_by_both_or_by_neither(place: str) -> None:
    settings, wrap = PLACES[place]
    for name, each in settings.items():
        assert all(INEXPRESSIBLE.search(one) for one in faults(wrap({name: each.example}))), name
        for value in [*VALUES, each.example, each.default]:
            check(wrap({name: value}))
    for value in VALUES:
        check(wrap({"misspelt": value}))


@pytest.mark.parametrize("path", ["{id}{id}", "{{id}}", '?q={"a": "{id}"}', "a\n{id}", "{ID}"])
def test_an_address_has_its_id_once_whatever_else_it_has(path: str) -> None:
    check({"endpoint": {"detail": {"path": path}}})


@pytest.mark.parametrize(
    "part",
    [{"path": "https://[::1"}, {"detail": {"path": "https://[/{id}"}},
     {"deletes": {"mode": "feed", "path": "https://[x"}},
     {"deletes": {"mode": "absence", "ids_endpoint": "https://[ids"}}],
)  # fmt: skip
def test_an_address_that_is_none_is_a_fault_by_its_path(part: Json) -> None:
    (fault,) = faults({"endpoint": part})
    assert "is not a valid URL" in fault and fault.startswith("endpoint.")
    assert faults({"endpoint": {"path": "a"}, "client": {"base_url": "https://[::1"}})


@pytest.mark.parametrize("auth", [*VALUES, *AUTH, {"type": None}, {"type": 5}, {"type": "session"}])
def test_auth_by_name_or_object(auth: Any) -> None:
    check({"client": {"auth": auth}})


@given(st.data())
def test_settings_together_are_accepted_by_both_or_by_neither(data: st.DataObject) -> None:
    settings, wrap = PLACES[data.draw(st.sampled_from([*PLACES]))]
    names = data.draw(st.lists(st.sampled_from([*settings, "misspelt"]), max_size=4))
    part = {
        name: data.draw(
            st.sampled_from(VALUES) | st.just(settings[name].example)
            if name in settings else st.sampled_from(VALUES)
        )
        for name in names
    }  # fmt: skip
    check(wrap(part))


@pytest.mark.parametrize("value", VALUES)
def test_guards(value: Any) -> None:
    for guards in (value, *({name: value} for name in (*GUARDED, "guards", "misspelt"))):
        check({"endpoint": {"paginator": {"guards": guards}}})


@pytest.mark.parametrize("paginator", [*VALUES, *PAGINATORS, {"type": None}, {"type": "range"}])
@pytest.mark.parametrize("section", ["client", "endpoint"])
def test_paginators_by_name_or_object(section: str, paginator: Any) -> None:
    check({section: {"paginator": paginator}})


def test_a_setting_of_another_type_has_no_effect() -> None:
    settings = {"client": {"auth": {"type": "bearer", "username": "me"}}}
    assert faults(settings) == ["client.auth.username has no effect: the type is bearer"]
    parse_connector(settings, api_url="https://r.example/list")
    with pytest.raises(ConfigError, match="username has no effect: the type is bearer"):
        parse_connector(settings, api_url="https://r.example/list", strict=True)
