"""Bytes to JSON: charsets, single values that are wrong, and what is no JSON at all."""

from __future__ import annotations

import time
from typing import Any

import pytest

from registry_sync.source.answers.decoding import Unusable, charset_of, parse_answer
from registry_sync.source.answers.doubled_keys import DoubledKey, mark_within
from registry_sync.source.answers.marks import fault_in, is_marked, unmarked
from registry_sync.source.paths import compile_path

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("content", "charset", "value"),
    [
        ("é".encode(), "", "é"),
        ("é".encode(), "ISO-8859-1", "é"),
        ("é".encode(), "no-such-charset", "é"),
        (b"\xe9", "ISO-8859-1", "é"),
        (b"\xe9 \x80", "latin1", "é €"),
        (b"\xe9 \x80 \x81", "latin1", "é \x80 \x81"),
        (b"\x93\xe9\x94", "windows-1252", "“é”"),
        (b"\xe9", "us-ascii", "é"),
        ("日本".encode("shift_jis"), "Shift_JIS", "日本"),
        ("é".encode("cp1251", "ignore") + b"\xe9", "windows-1251", "й"),
        (b"\xe9", "rot13", "\udce9"),
        (b"\xe9", "utf-8", "\udce9"),
        (b"\xe9", "", "\udce9"),
    ],
)
def test_a_body_is_read_in_its_charset(content: bytes, charset: str, value: str) -> None:
    assert parse_answer(b'["' + content + b'"]', charset) == [value]


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_unicode_is_recognized_without_a_charset(codec: str) -> None:
    assert parse_answer('[{"id": "é€"}]'.encode(codec), "iso-8859-1") == [{"id": "é€"}]


@pytest.mark.parametrize(
    ("header", "charset"),
    [
        ("application/json; charset=UTF-8", "UTF-8"),
        ('text/html;Charset="iso-8859-1"; x=y', "iso-8859-1"),
        ("application/json", ""),
        ("", ""),
    ],
)
def test_the_stated_charset(header: str, charset: str) -> None:
    assert charset_of(header) == charset


@pytest.mark.parametrize(
    ("written", "shown", "fault"),
    [
        ("NaN", "NaN", "is not a JSON value"),
        ("-Infinity", "-Infinity", "is not a JSON value"),
        ("nan", "nan", "is not a JSON value"),
        ("-1.#IND", "-1.#IND", "is not a JSON value"),
        ("undefined", "undefined", "is not a JSON value"),
        ("None", "None", "is not a JSON value"),
        ("007", "007", "is not a JSON value"),
        ("+1.5", "+1.5", "is not a JSON value"),
        (".5", ".5", "is not a JSON value"),
        ("0x1F", "0x1F", "is not a JSON value"),
        ("", "", "has no value, which is not JSON"),
        (r'"5\'-end"', r"5\'-end", "contains a backslash that is no JSON escape"),
        (r'"C:\Users"', r"C:\Users", "contains a backslash that is no JSON escape"),
        (r'"\u12G4"', r"\u12G4", "contains a backslash that is no JSON escape"),
    ],
)
def test_a_value_that_is_no_json_is_marked(written: str, shown: str, fault: str) -> None:
    body = f'[{{"id": "M-1", "x": "a, [b: {{"}}, {{"id": "M-2", "x": {written}, "y": 1}}]'
    [_, record] = parse_answer(body.encode())
    assert (record["id"], record["y"]) == ("M-2", 1)
    assert (unmarked(record["x"]), fault_in(record["x"])) == (shown, fault)
    with pytest.raises(UnicodeEncodeError):
        record["x"].encode()


def test_what_harms_no_value_is_read() -> None:
    assert parse_answer(b'[{"id": "a\nb\tc\x01"},]') == [{"id": "a\nb\tc\x01"}]
    assert (
        parse_answer(b")]}'\n" + b'[{"id": 1}]')
        == parse_answer(b'for(;;);[{"id": 1}]')
        == [{"id": 1}]
    )
    exact = b'[9007199254740993, 1.5, 1e400, "\\ud83d\\ude00", "NaN", "a\\\\"]'
    assert parse_answer(exact) == [9007199254740993, 1.5, "1e400", "😀", "NaN", "a\\"]
    assert parse_answer(exact[:-1] + b",NaN]")[:-1] == parse_answer(exact), (
        "repairing changes nothing else"
    )


@pytest.mark.parametrize(
    ("body", "cut", "near"),
    [
        (b'[{"id": "M-1"}, {"id": "M-2", "n": "5" pipe"}, {"id": "M-3"}]', False, "M-2"),
        (b'{"items": [{"id": 1}, {"id": 2] }', False, "2"),
        (b'{"items": [{"id": 1}, {"id": 2', True, "2"),
        (b'{"items": [{"id": 1}, {"id": 2, "a": "b', True, "2"),
        (b'{"items": [{"id": 1}, {"id": 2, "a": tru', True, "2"),
        (b'{"items": [{"id": 1}, {"id": 2, "a": "\\u12', True, "2"),
        (b'{"items": [{"id": NaN}, {"id": 2, "a": "\xc3', True, "2"),
        (b"[{'id': 1}]", False, ""),
        (b"[{id: 1}]", False, ""),
        (b"OK", False, ""),
        (b"", False, ""),
        (b"[" * 100_000, False, ""),
    ],
)
def test_what_cannot_be_read_names_the_record_before(body: bytes, cut: bool, near: str) -> None:
    with pytest.raises(Unusable) as caught:
        parse_answer(body)
    assert caught.value.cut is cut
    assert (f"in or after the record {near}:" in str(caught.value)) is bool(near)


def test_the_record_is_named_by_the_id_of_the_settings() -> None:
    body = b'[{"key": {"code": "A-7"}, "id": 3, "n": "5" x"}]'
    for path, named in (("key.code", "A-7"), ("{key.code}", "A-7"), ("id", "3")):
        with pytest.raises(Unusable, match=f"record {named}:"):
            parse_answer(body, id_path=path)


@pytest.mark.parametrize(
    ("body", "values"),
    [
        (b'{"a": 1, "b": 2, "a": 3}', [("a", (1, 3))]),
        (b'{"a"\t:1,"a" \n: "1"}', [("a", (1, "1"))]),
        (b'{"a": 1, "a": true}', [("a", (1, True))]),
        (b'{"\\u0061": 1, "a": 2}', [("a", (1, 2))]),
        (b'{"a:\\"": 1, "a:\\"": 2, "t": ":\\u003a\\":"}', [('a:"', (1, 2))]),
        (b'[{"t": "\\u003A", "a": {"b": [1], "b": [2]}}]', [("b", ([1], [2]))]),
        (b'{"n": 0.12345678901234567890, "a": 1, "a": null}', [("a", (1, None))]),
        (b'{"n": NaN, "a": 1, "a": 2}', [("a", (1, 2))]),
        (b'{"d": ' + b"[" * 300 + b"]" * 300 + b', "a": 1, "a": 2}', [("a", (1, 2))]),
        (b'{"a": {"x": 1, "y": 2}, "a": {"y": 2, "x": 1}}', []),
        (b'{"a": ":\\u003a", "b": " :", "c" : ":"}', []),
    ],
)
@pytest.mark.invariant(5)
def test_keys_that_an_object_has_twice_are_found(body: bytes, values: Any) -> None:
    doubled: list[DoubledKey] = []
    parse_answer(body, doubled=doubled)
    assert [(one.key, one.values) for one in doubled] == values


def test_many_keys_that_an_object_has_twice_are_found_in_time() -> None:
    doubled: list[DoubledKey] = []
    began = time.thread_time()
    parse_answer(
        b"{" + b",".join(b'"k%d":1,"k%d":2' % (n, n) for n in range(20_000)) + b"}",
        "",
        "id",
        doubled,
    )
    assert len(doubled) == 20_000 and time.thread_time() - began < 5


@pytest.mark.parametrize(
    ("body", "marked", "outside"),
    [
        (b'{"r": {"in": {"a": "x", "b": 1}, "in": {"a": "x", "b": 2}}}', ["in.b"], []),
        (b'{"r": {"in": {"a": "x"}, "in": {"b": 1}}}', ["in.a", "in.b"], []),
        (b'{"r": {"in": {"a": 1, "a": 2}, "in": {"a": 2, "c": 1}}}', ["in.a", "in.c"], []),
        (b'{"m": {"a": {"x": 1, "x": 2}, "a": 3}, "r": {}}', [], ["a"]),
        (b'{"m": {"x": 1, "x": 2}, "r": {"y": 1, "y": 2}}', ["y"], ["x"]),
    ],
)
def test_only_values_that_differ_are_marked(body: bytes, marked: Any, outside: Any) -> None:
    doubled: list[DoubledKey] = []
    record = parse_answer(body, doubled=doubled)["r"]
    assert [one.key for one in mark_within([record], doubled)] == outside
    paths = ("in.a", "in.b", "in.c", "y")
    assert [path for path in paths if is_marked(compile_path(path)(record))] == marked


@pytest.mark.parametrize("path", ["p[0].v", "$['p'][0].v", "$.p[0].v", '"p"[0].v', "['p'][*].v"])
def test_a_doubled_key_is_seen_at_the_begin_of_a_path(path: str) -> None:
    doubled: list[DoubledKey] = []
    record = parse_answer(b'{"p": [{"v": 1}], "p": null}', doubled=doubled)
    mark_within([record], doubled)
    assert is_marked(compile_path(path)(record))


def test_large_pages_are_repaired_in_time() -> None:
    rows = b",".join(b'{"id": %d, "t": "a\\\\b \\" {}[]", "x": 1.5}' % n for n in range(20_000))
    found = parse_answer(b'[{"id": "\\q"},' + rows + b"]")
    assert len(found) == 20_001 and found[-1] == {"id": 19_999, "t": 'a\\b " {}[]', "x": 1.5}
