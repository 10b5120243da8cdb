"""How large one page of a registry may be, so that memory stays bounded."""

from __future__ import annotations

import json
from dataclasses import dataclass

from registry_sync.core.problems import SourceError
from registry_sync.core.setting import setting, whole
from registry_sync.source.errors import bad_answer

OBJECTS_PER_RECORD = 5
"""How many objects and lists a page may hold for each record that it may have."""
SMALL = 2**20
"""Bytes of a page whose objects need no counting."""


@dataclass(frozen=True, slots=True)
class PageLimits:
    """The limits of one page: its bytes, unpacked, and its records."""

    max_page_bytes: int = setting(
        32 * 2**20,
        "The largest page that is read, in bytes once unpacked. A page takes up to ten times as "
        "much memory while it is read.",
        type=whole(1), example=134_217_728,
    )  # fmt: skip
    max_page_records: int = setting(
        200_000,
        "The most records of one page. A page may also hold no more than five times as many "
        "objects and lists in all.",
        type=whole(1), example=500_000,
    )  # fmt: skip

    def check_size(self, size: int) -> None:
        """Raise SourceError if a page has too many bytes."""
        if size > self.max_page_bytes:
            what = f"is larger than {self.max_page_bytes / 2**20:g} MiB"
            raise _too_large(what, {"client": {"max_page_bytes": 4 * self.max_page_bytes}})

    def check_content(self, content: bytes) -> None:
        """Raise SourceError if a page would take much more memory as objects than as bytes."""
        if len(content) < SMALL:
            return
        # Lists are counted where they begin as values do: SMILES are full of brackets.
        marks = (b"{", b",[", b", [", b":[", b": [", b"[[")
        found, most = sum(map(content.count, marks)), self.max_page_records * OBJECTS_PER_RECORD
        if found > most:
            raise self._too_many(f"holds {found:,} objects and lists, more than {most:,}")

    def check_records(self, count: int) -> None:
        """Raise SourceError if a page has too many records."""
        if count > self.max_page_records:
            raise self._too_many(f"has {count:,} records, more than {self.max_page_records:,}")

    def _too_many(self, what: str) -> SourceError:
        more = {"endpoint": {"max_page_records": 4 * self.max_page_records}}
        return _too_large(what, more)


def _too_large(what: str, more: dict[str, dict[str, int]]) -> SourceError:
    error: SourceError = bad_answer(
        f"one page {what}",
        "sets a smaller page size (endpoint.paginator.limit, or the registry's own page size in "
        "endpoint.params), or lets pages be larger, where the operator has the memory: "
        f"{json.dumps(more)}",
        code="registry_page_size",
    )
    return error
