"""JSON that people write is read, or refused with a reason."""

from __future__ import annotations

import pytest

from registry_sync.benchling.app_config import parse_items
from registry_sync.core.json_text import is_too_deep, parse_json
from registry_sync.core.problems import ConfigError
from registry_sync.drafts.rule_form import to_rule

pytestmark = pytest.mark.once
DEEP = ["[" * 20_000, "[" * 500 + "]" * 500, '{"a":' * 20_000, '{"a":' * 101 + "1" + "}" * 101]


@pytest.mark.parametrize("text", DEEP, ids=range(len(DEEP)))
def test_what_is_nested_too_deep_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match="nested more than 100 levels deep"):
        parse_json(text)
    with pytest.raises(ValueError, match=r"not valid JSON .it is nested more than 100 levels"):
        to_rule({"rule": "json", "json": text})


@pytest.mark.parametrize("name", ["Connector Settings", "Mapping Rules"])
def test_an_item_of_the_configuration_is_refused_by_name(name: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_items([{"path": [name], "value": DEEP[0]}], decrypt=str)
    assert f"{name} is not valid JSON: it is nested more than" in refused.value.message


def test_a_hundred_levels_are_read() -> None:
    assert parse_json("[" * 100 + "]" * 100)
    assert parse_json('{"a": [1, null]}') == {"a": [1, None]}


def test_a_value_that_holds_itself_many_times_is_judged_at_once() -> None:
    value: list[object] = []
    for _ in range(99):
        value = [value] * 10
    assert not is_too_deep(value)
    value.append(value)
    assert is_too_deep(value)
