"""Secrets are hidden in a text however they are escaped, and a text without any costs nothing."""

from __future__ import annotations

import html
import json
from urllib.parse import quote, quote_plus

import pytest

from registry_sync.core import secrets
from tests.support.worlds import PRIVATE

pytestmark = pytest.mark.once
KEY = 'k"ey/ 5&=+'


@pytest.mark.parametrize(
    "escaped",
    [KEY, json.dumps(KEY)[1:-1], json.dumps(json.dumps(KEY))[3:-3], html.escape(KEY),
     quote(KEY), quote(KEY, safe=""), quote(KEY, safe="").lower(), quote_plus(KEY)],
)  # fmt: skip
def test_a_secret_is_hidden_as_it_is_escaped(escaped):
    assert secrets.hide(f"a {escaped} b", {KEY, PRIVATE, ""}, "(key)") == "a (key) b"


def test_the_longest_is_hidden_first_and_what_is_shown_is_not_searched():
    assert secrets.hide("abcdef abcd", {"abcd", "abcdef", "(key)"}, "(key)") == "(key) (key)"


def test_a_text_without_a_secret_needs_no_pattern(monkeypatch):
    """That of a private key takes 40 ms to compile, in each process that logs a line."""
    monkeypatch.setattr(secrets, "_pattern", None)
    assert secrets.hide("1 record read", {KEY, PRIVATE}, "(key)") == "1 record read"
    assert secrets.hide("1 record read", (), "(key)") == "1 record read"
