"""Values in sentences: quotes, JSON's words, one line, and no part of a secret."""

from __future__ import annotations

from typing import Any

import pytest

from registry_sync.core import secrets
from registry_sync.core.readable import in_message

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("retired", "“retired”"), ("", "“”"), ("it's", "“it's”"), ("x" * 11, f"“{'x' * 10}…”"),
        ("two\nlines\t", "“two lines ”"), ("A\x00\ud800B", "“A\ufffd\ufffdB”"),
        (True, "true"), (False, "false"), (None, "null"), (0, "0"), (1, "1"), (2.5, "2.5"),
        (["a", "b"], "a, b"), ({"a": {"b": [1]}}, "a: b: 1"), ([], "–"), ([["\ud800"]], "?"),
        (list("abcdefgh"), "a, b, c, d…"),
    ],
)  # fmt: skip
def test_a_value_in_a_sentence(value: Any, said: str) -> None:
    assert in_message(value, 10) == said


def test_what_nests_without_end_is_cut() -> None:
    value: Any = "in"
    for _ in range(100_000):
        value = [value]
    assert in_message(value, 10) == "…"


def test_a_cut_value_has_no_part_of_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_held", {"sk_live_0123456789"})
    assert in_message("key sk_live_0123456789 and more", 12) == "“key (key) an…”"
