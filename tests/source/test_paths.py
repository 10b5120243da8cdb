"""Paths into a record: what they find, that absent is not null, and that no record breaks them."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_sync.core.problems import ConfigError
from registry_sync.source import patterns
from registry_sync.source.path_parents import parent_path
from registry_sync.source.paths import ABSENT, PathError, compile_path, compile_template

pytestmark = pytest.mark.once
RECORD: dict[str, Any] = {
    "name": "ASPIRIN",
    "none": None,
    "empty": "",
    "flag": False,
    "tags": ["a", "b", "c"],
    "one": ["a"],
    "no": [],
    "deep": {"no": [], "null": None, "holes": [None, {"x": 1}]},
    "nested": {"deep": {"value": 7}, "null": None},
    "a.b": "literal",
    "a": {"b": "nested", "c.d": {"e": 1}},
    "MW (g/mol)": 180.16,
    "is approved?": True,
    "@odata.nextLink": "link",
    "properties": [
        {"name": "CAS", "value_string": "50-78-2"},
        {"name": "Common Name", "value_string": "aspirin"},
        {"name": "Synonym", "value_string": "ASA"},
        {"name": "Synonym", "value_string": "a]b"},
    ],
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("name", "ASPIRIN"),
        (" name ", "ASPIRIN"),
        ("$.name", "ASPIRIN"),
        ("none", None),
        ("empty", ""),
        ("flag", False),
        ("missing", ABSENT),
        ("name.first", ABSENT),
        ("none.x", ABSENT),
        ("tags.x", ABSENT),
        ("nested.deep.value", 7),
        ("nested.null", None),
        ("nested.null.x", ABSENT),
        ("nested.deep.other", ABSENT),
        ("a.b", "literal"),
        ('"a.b"', "literal"),
        ("a.'c.d'.e", 1),
        ("a['c.d'].e", 1),
        ("MW (g/mol)", 180.16),
        ("is approved?", True),
        ("@odata.nextLink", "link"),
        ("tags[0]", "a"),
        ("tags[-1]", "c"),
        ("tags[9]", ABSENT),
        ("tags[*]", ["a", "b", "c"]),
        ("one[*]", ["a"]),
        ("tags[0:1]", ["a"]),
        ("name[0]", ABSENT),
        ("missing[*].x", ABSENT),
        ("no[*]", []),
        ("no[0:2]", []),
        ("no[*].x", []),
        ("none[*]", []),
        ("deep.no[*].x.y", []),
        ("deep.null[*]", []),
        ("deep.missing[*]", ABSENT),
        ("deep.holes[*].x", [1]),
        ("tags[*].x", ABSENT),
        ("no[0]", ABSENT),
        ("properties[?name=='[*]'].value_string", ABSENT),
        ("properties[?name=='CAS'].value_string", "50-78-2"),
        ("properties[?name=='Common Name'].value_string", "aspirin"),
        ('properties[?name=="Common Name"].value_string', "aspirin"),
        ("properties[?(@.name=='CAS')].value_string", "50-78-2"),
        ("properties[?@.name=='CAS'].value_string", "50-78-2"),
        ("properties[?name=='Synonym'].value_string", ["ASA", "a]b"]),
        ("properties[?value_string=='a]b'].name", "Synonym"),
        ("properties[?name=='IUPAC'].value_string", ABSENT),
        ("properties[*].name", ["CAS", "Common Name", "Synonym", "Synonym"]),
        ("$", RECORD),
    ],
)
def test_paths(path: str, expected: Any) -> None:
    found = compile_path(path)(RECORD)
    assert found is expected if expected in (ABSENT, None) else found == expected


@pytest.mark.parametrize("path", ["", "  ", "a[", "a[?", "a..", "a['b", "a[0].x y", "a b[0]"])
def test_a_path_that_cannot_be_read_says_which(path: str) -> None:
    with pytest.raises(PathError, match="path") as caught:
        compile_path(path)
    assert path.strip() in str(caught.value)


def test_absent_is_not_null() -> None:
    assert ABSENT is not None and not ABSENT and repr(ABSENT) == "ABSENT"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{name} [{nested.deep.value}]", "ASPIRIN [7]"),
        ("CDD-{name}", "CDD-ASPIRIN"),
        ("{name}", "ASPIRIN"),
        ("name", "ASPIRIN"),
        ("tags", ["a", "b", "c"]),
        ("{MW (g/mol)} g", "180.16 g"),
        ("{properties[?name=='CAS'].value_string}!", "50-78-2!"),
        ("{name} {missing}", ABSENT),
        ("{name} {none}", None),
        ("{name} {empty}", None),
        ("{flag}", "false"),
        ("{one}", '["a"]'),
    ],
)
def test_templates(template: str, expected: Any) -> None:
    found = compile_template(template)(RECORD)
    assert found is expected if expected in (ABSENT, None) else found == expected


def test_numbers_in_a_template_read_as_a_person_writes_them() -> None:
    fill = compile_template("{n}-{m}")
    assert fill({"n": 1976.0, "m": 2.5}) == "1976-2.5"


@pytest.mark.parametrize("template", ["{name", "name}", "{a}{", "{}", "{a[}"])
def test_a_template_that_cannot_be_read_is_refused(template: str) -> None:
    with pytest.raises(PathError):
        compile_template(template)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from("abc") | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=15,
)
PATHS = [
    "a", "a.b", "a.b.c", "a[0]", "a[-2].b", "a[*]", "a[*].b", "a[0:2].b", "a.*", "a..b",
    "a[?b=='x'].c", "a[?b==1]", "a[?b>1].c", "'a.b'.c", "$", "a[?b].c",
]  # fmt: skip


@given(JSON, st.sampled_from(PATHS))
def test_no_record_breaks_a_path(record: Any, path: str) -> None:
    compile_path(path)(record)


@given(JSON, st.sampled_from(PATHS[:-1]))
def test_no_record_breaks_a_template(record: Any, path: str) -> None:
    found = compile_template("{a} - {" + path + "}")(record)
    assert found is ABSENT or found is None or isinstance(found, str)


KEYS = st.text(
    st.characters(exclude_characters="[]\"'*{}.", exclude_categories=["Cs"]), min_size=1
).filter(lambda key: key.strip() == key and key not in ("$", "@") and not key.startswith("$."))


@given(st.lists(KEYS, min_size=1, max_size=4), JSON)
def test_every_chain_of_plain_keys_finds_its_value(keys: list[str], value: Any) -> None:
    record: Any = value
    for key in reversed(keys):
        record = {key: record}
    found = compile_path(".".join(keys))(record)
    assert found is value
    assert compile_path(".".join([*keys, "nowhere"]))({}) is ABSENT


@given(st.text(max_size=20))
def test_any_text_is_a_path_or_a_path_error(text: str) -> None:
    try:
        compile_template(text)({"a": 1})
    except PathError as error:
        assert str(error)


@pytest.mark.parametrize(
    "path, empty",
    [
        ("salts[*].names[*]", {"salts": [{"names": []}]}),
        ('"odd.key"[*]', {"odd.key": []}),
        ("['salts'][*]", {"salts": []}),
        ("salts[*].name", {"salts": [{"name": None}]}),
    ],
)
def test_the_emptied_list_is_no_absence(path, empty):
    assert compile_path(path)(empty) is not ABSENT


SLOW = "a[?(@.b =~ '(a+)+$')].b"
TRICKY = ["(a+)+$", "(a|aa)+$", "(a*)*$", "([a-z]+)*=", "(.*a){25}$"]


@pytest.mark.parametrize("pattern", TRICKY)
@pytest.mark.parametrize("form", ["a[?(@.b =~ '{}')].b", "a[0].b.`sub(/{}/, x)`"])
def test_a_regular_expression_is_bounded_in_time(
    pattern: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patterns, "SECONDS", 0.02)
    record = {"a": [{"b": "a" * 400 + "!"}]}
    began = time.thread_time()
    with contextlib.suppress(ConfigError):
        compile_path(form.replace("{}", pattern))(record)
    assert time.thread_time() - began < 2


def test_a_regular_expression_that_takes_too_long_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert patterns.SECONDS == 0.5
    monkeypatch.setattr(patterns, "SECONDS", 0.05)
    with pytest.raises(ConfigError, match=r"\(a\+\)\+\$ .* takes longer than 0.05 s") as caught:
        compile_path(SLOW)({"a": [{"b": "a" * 3000 + "!"}]})
    assert caught.value.code == "slow_pattern" and "integration owner" in caught.value.remedy
    with pytest.raises(ConfigError, match="more than 100,000"):
        compile_path(SLOW)({"a": [{"b": "a" * 100_001}]})


def test_many_values_that_take_long_together_end_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "PATIENCE", 0.1)
    get = compile_path("a[?(@.b =~ '(aa+)+$')].b")
    with pytest.raises(ConfigError, match="too long on many values"):
        for _ in range(1000):
            get({"a": [{"b": "a" * 200 + "!"}]})


def test_regular_expressions_read_as_before() -> None:
    record = {"a": [{"b": "µ-opioid"}, {"b": "kappa"}, {"b": 5}, {"c": 1}, {"b": "x(1)"}]}
    for pattern, found in (
        (r"^\\w-", "µ-opioid"),
        ("(?i)KAPPA$", "kappa"),
        (r"\\((?=\\d)", "x(1)"),
    ):
        assert compile_path(f"a[?(@.b =~ '{pattern}')].b")(record) == found
    assert compile_path("a[1].b.`sub(/(k)a/, \\\\1o)`")(record) == ["koppa"]
    with pytest.raises(PathError, match="cannot be read"):
        compile_path("a[?(@.b =~ '(')].b")


@pytest.mark.parametrize(
    ("path", "parent"),
    [
        ("a.b.c", "a.b"),
        ("a", ""),
        ('"@odata.count"', ""),
        ('d."odata.count"', "d"),
        ("d['odata.count']", "d"),
        ("hits[0].total", "hits[0]"),
        ("hits[0]", "hits"),
        ("p[?k=='a.b'].v", "p[?k=='a.b']"),
        ("p[?k=='a[b]']", ""),
    ],
)
def test_what_a_path_is_in(path: str, parent: str) -> None:
    assert parent_path(path) == parent
