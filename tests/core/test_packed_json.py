"""JSON that the service packs for itself comes back as it was, whatever the registry sent."""

from __future__ import annotations

import json

import pytest

from registry_sync.core.packed_json import pack, unpack

VALUES = [
    {"external_id": "RS-1", "fields": {"a": None, "b": [1.5, -0.0, 1e22, 5e-324]}, "new": True},
    "Zürich, 東京, 𝛼",
    "line\nand\ttab, \u2028 and \x00",
    "\ud800",  # half of a pair, which UTF-8 has no bytes for
    {"\ud800": "𝛼"},
    [2**53 + 1, -(2**63), 2**64, 10**4000],
]


@pytest.mark.once
@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_what_was_packed_comes_back_exactly(value):
    text = pack(value)
    assert unpack(text) == value and unpack(json.dumps(value)) == value
    assert repr(unpack(text)) == repr(value)  # 1 is not 1.0, nor 0.0 -0.0
    # One byte a character, which batches are measured by, and one line, by which they are stored.
    assert text.isascii() and "\n" not in text and json.loads(text) == value
