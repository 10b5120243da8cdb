"""Filters with several values, within what Benchling and its servers take.

https://benchling.com/api/reference (listCustomEntities)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote

MOST_VALUES = 100
"""Values in one `anyOf` filter: Benchling's maximum."""
SPECIAL = re.compile(r'[,\r\n]|^"')
"""What cannot stand in a list without quotes around its value."""
LONGEST_FILTER = 6000
"""Bytes of one filter in a URL; servers refuse longer ones."""


def short_lists(values: Sequence[str]) -> Iterator[list[str]]:
    """Cut a list into parts that each fit a query: 100 values, and a URL of about 6 KB."""
    chunk: list[str] = []
    size = 0
    for value in values:
        length = len(quote(value)) + 3
        if chunk and (len(chunk) == MOST_VALUES or size + length > LONGEST_FILTER):
            yield chunk
            chunk, size = [], 0
        chunk.append(value)
        size += length
    if chunk:
        yield chunk


def joined_for_filter(values: Sequence[str]) -> str:
    """Join values for a filter; one with a comma or a line break is quoted, as in CSV."""
    return ",".join(map(_quoted, values))


def _quoted(value: str) -> str:
    if not SPECIAL.search(value):
        return value
    return '"' + value.replace('"', '""') + '"'
