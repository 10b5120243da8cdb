"""What any database can hold is kept as it is, and nothing else is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_sync.core.dates import duration
from registry_sync.core.text import DEEPEST, name_key, storable

pytestmark = pytest.mark.once


def nested(levels):
    value = "deepest"
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "value, kept",
    [
        ({"a": "x\x00y"}, {"a": "x\ufffdy"}),
        ({"a": [{"b": "\ud800"}]}, {"a": [{"b": "?"}]}),
        ({"\x00": 1}, {"\ufffd": 1}),
        ([{"a": "\udfff"}, {"a": 1}], [{"a": "?"}, {"a": 1}]),
        ({"a": 2**80, "b": "\x00"}, {"a": 2**80, "b": "\ufffd"}),
        ({"a": r"\u0000"}, {"a": r"\u0000"}),
        ("\x00", "\ufffd"),
    ],
)
def test_what_no_database_holds_is_replaced(value, kept):
    assert storable(value) == kept


@pytest.mark.parametrize("value", [{"a": 2**80}, {"a": [1.5, None, True, "ü"]}, [], {}, nested(99)])
def test_what_every_database_holds_stays(value):
    assert storable(value) == value


@pytest.mark.parametrize("levels", [2 * DEEPEST + 1, 240, 300])
def test_what_is_nested_too_deeply_is_cut(levels):
    kept, seen = storable(nested(levels)), 0
    while isinstance(kept, dict):
        kept, seen = kept["a"], seen + 1
    assert (kept, seen) == ("…", 2 * DEEPEST)


@given(st.text())
def test_a_name_has_one_key_however_it_is_written(name):
    assert name_key(f" {name} ") == name_key(name) == name_key(name.strip())
    assert name_key("É") == name_key("e\u0301") != name_key("E")


def test_a_long_duration_is_told_in_years():
    assert duration(timedelta(days=2_912_110)) == "7,973 years"  # a date that means “never”
    assert duration(timedelta(days=600)) == "600 d"
