"""The scope and the flag: which records are a lane's, judged on their own values."""

from __future__ import annotations

from typing import Any

import pytest

from registry_sync.core.problems import ConfigError
from registry_sync.source import patterns
from registry_sync.source.connector_settings import parse_connector, read_connector
from registry_sync.source.scope import scope_of

pytestmark = pytest.mark.once
Json = dict[str, Any]
RECORD = {"id": 1, "site": "Basel", "n": 1, "on": True, "tag": None, "in": {"deep": "x-1"}}


def parse(settings: Json) -> Any:
    return parse_connector(settings, api_url="https://r.example/list", strict=True)


@pytest.mark.parametrize(
    ("condition", "inside"),
    [
        ({"path": "site", "is": "Basel"}, True),
        ({"path": "site", "is": "basel"}, False),
        ({"path": "n", "is": 1.0}, True),
        ({"path": "n", "is": True}, False),
        ({"path": "on", "is": 1}, False),
        ({"path": "n", "is": "1"}, False),
        ({"path": "gone", "is": None}, True),
        ({"path": "tag", "is": None}, True),
        ({"path": "site", "is_not": None}, True),
        ({"path": "site", "is_not": "Basel"}, False),
        ({"path": "site", "in": ["Paris", "Basel"]}, True),
        ({"path": "n", "in": [True, "1"]}, False),
        ({"path": "in.deep", "matches": "^x-[0-9]$"}, True),
        ({"path": "in.deep", "matches": "1"}, True),
        ({"path": "n", "matches": "1"}, False),
        ({"path": "in", "is": {"deep": "x-1"}}, True),
    ],
)
def test_a_condition_compares_as_json(condition: Json, inside: bool) -> None:
    scope = parse({"scope": [condition]}).scope
    assert bool(scope.outside(RECORD)) != inside
    assert scope_of(scope.kept()) == scope
    both = parse({"scope": [{"path": "id", "is": 1}, condition]}).scope
    assert bool(both.outside(RECORD)) != inside


@pytest.mark.parametrize(
    ("deletes", "record", "marked"),
    [
        ({"path": "gone"}, {"gone": True}, True),
        ({"path": "gone"}, {"gone": "2026-01-01"}, True),
        ({"path": "gone"}, {"gone": False}, False),
        ({"path": "gone"}, {"gone": 0}, False),
        ({"path": "gone"}, {}, False),
        ({"path": "active", "values": [False]}, {"active": False}, True),
        ({"path": "active", "values": [False]}, {"active": 0}, False),
        ({"path": "active", "values": [None, 0]}, {}, True),
    ],
)
def test_a_flag(deletes: Json, record: Json, marked: bool) -> None:
    connector = parse({"endpoint": {"deletes": {"mode": "flag", **deletes}}})
    assert bool(connector.deletes.flagged(record)) == marked
    assert not parse({}).deletes.flagged(record)


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"scope": [{"path": "a"}]}, "scope[0] must have exactly one of is, is_not, in, matches"),
        ({"scope": [{"path": "a", "is": 1, "in": [1]}]}, "scope[0] must have exactly one of"),
        ({"scope": [{"is": 1}]}, "scope[0].path is required"),
        ({"scope": [{"path": "a", "matches": "("}]}, "scope[0].matches is not a valid regular"),
        ({"scope": [{"path": "a", "like": "x"}]}, "scope[0].like is unknown"),
        ({"scope": {"path": "a", "is": 1}}, "scope must be a list of conditions"),
        ({"endpoint": {"deletes": {"mode": "flag"}}}, "deletes.path is required for flag"),
        ({"endpoint": {"deletes": {"mode": "feed"}}}, "deletes.path is required for feed"),
        ({"endpoint": {"deletes": {"mode": "gone"}}}, "deletes.mode “gone” is not one of"),
        ({"endpoint": {"deletes": {"mode": "absence", "path": "a"}}},
         "deletes.path has no effect: the mode is absence"),
        ({"endpoint": {"deletes": {"guard_count": 9}}}, "guard_count has no effect"),
        ({"endpoint": {"deletes": {"mode": "absence", "primary_key": "id"}}},
         "primary_key has no effect: only ids_endpoint uses it"),
    ],
)  # fmt: skip
def test_faults_and_what_has_no_effect(settings: Json, fault: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(settings)
    assert fault in refused.value.message


def test_the_guard_is_the_smaller_limit_and_never_below_three() -> None:
    usual = parse({"endpoint": {"deletes": {"mode": "absence"}}}).deletes
    assert [usual.most(n) for n in (10, 100, 400, 2628, 10**6)] == [3, 5, 20, 50, 50]
    strict = {"mode": "absence", "guard_percent": 1, "guard_count": 1}
    assert parse({"endpoint": {"deletes": strict}}).deletes.most(10**6) == 3


def test_a_slow_expression_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "SECONDS", 0.02)
    connector, _ = read_connector(
        {"scope": [{"path": "a", "matches": "^(a|aa|a?)+$"}]}, api_url="https://r.example/list"
    )
    with pytest.raises(ConfigError, match="cannot be used"):
        connector.scope.outside({"a": "a" * 60 + "b"})


@pytest.mark.parametrize(
    ("value", "said"),
    [("retired", "“retired”"), (True, "true"), (3, "3"), (["a"], "a"), ("\udc00NaN", "“NaN”")],
)
def test_why_a_record_is_not_the_lanes_is_said_without_python(value: Any, said: str) -> None:
    settings = {"scope": [{"path": "status", "is": "released"}],
                "endpoint": {"deletes": {"mode": "flag", "path": "gone"}}}  # fmt: skip
    connector = parse(settings)
    assert connector.scope.outside({"status": value}) == f"status is {said}"
    assert connector.scope.outside({"status": None}) == "status is null"
    assert connector.scope.outside({}) == "status is missing"
    flagged = connector.deletes.flagged({"gone": value})
    assert flagged == ("" if "NaN" in said else f"gone is {said}")
