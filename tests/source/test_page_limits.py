"""Pages are bounded in bytes, records and objects before they can fill the memory."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from registry_sync.core.problems import SourceError
from tests.support.odd import Reply, endpoint, ids

pytestmark = pytest.mark.once


def refused(source: Any) -> SourceError:
    with pytest.raises(SourceError) as caught:
        ids(source)
    assert caught.value.code == "registry_page_size"
    return caught.value


def test_records_of_a_page_are_bounded_by_a_setting(serve: Any) -> None:
    registry = serve(lambda asked: [{"id": n} for n in range(5)])
    settings = endpoint(paginator="single_page", max_page_records=5)
    assert len(ids(registry.source(settings))) == 5
    settings["endpoint"]["max_page_records"] = 4
    error = refused(registry.source(settings))
    assert "has 5 records, more than 4" in error.message
    assert '{"endpoint": {"max_page_records": 16}}' in error.remedy


@pytest.mark.parametrize("part", [b"{},", b"[],", b'{"a":1},', b'{"a": [] },'])
def test_a_page_of_nothing_costs_no_memory(serve: Any, part: bytes) -> None:
    body = b'{"items":[' + part * (6_000_000 // len(part)) + b"{}]}"
    registry = serve(lambda asked: Reply(body))
    tracemalloc.start()
    try:
        error = refused(registry.source(endpoint(max_page_records=50_000)))
        assert tracemalloc.get_traced_memory()[1] < 60 * 2**20
    finally:
        tracemalloc.stop()
    assert "objects and lists, more than 250,000" in error.message


def test_brackets_in_text_are_no_lists(serve: Any) -> None:
    rows = [{"id": n, "smiles": "C[C@@H](N)C(=O)[O-]" * 40} for n in range(1500)]
    assert len(ids(serve(lambda a: rows).source(endpoint(max_page_records=1500)))) == 1500


def test_bytes_of_a_page_are_bounded_by_a_setting(serve: Any) -> None:
    registry = serve(lambda asked: [{"id": 1, "text": "x" * 2000}])
    error = refused(registry.source({"client": {"max_page_bytes": 1000}}))
    assert '{"client": {"max_page_bytes": 4000}}' in error.remedy
    assert ids(registry.source({"client": {"max_page_bytes": 4000}})) == ["1"]
