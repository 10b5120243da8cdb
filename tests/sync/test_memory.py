"""What a run holds in memory is what it works on: nothing stays because it was once needed."""

from __future__ import annotations

import gc

import httpx
import pytest

from tests.support.registry import compound

pytestmark = pytest.mark.once


@pytest.mark.invariant(10)
def test_answers_go_as_soon_as_they_are_read(world):
    """With the collector off, only what refers to itself would stay."""
    w = world([compound(n) for n in range(30)])
    gc.collect()
    gc.disable()
    try:
        before = answers()
        w.sync()
        kept = answers() - before
    finally:
        gc.enable()
    assert w.tenant.counters["requests"] > 10
    assert len(kept) <= 1


def answers() -> set[int]:
    """Return the ids of the answers in memory; other tests of this process may have left some.

    `isinstance` would ask Django's lazy objects for their class, and so work them out.
    """
    return {id(thing) for thing in gc.get_objects() if type(thing) is httpx.Response}
