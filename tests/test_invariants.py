"""Each invariant has tests that can fail."""

from __future__ import annotations

from functools import cache

import pytest

from tests.support.invariants import INVARIANTS
from tests.support.invariants import held as read_all

pytestmark = pytest.mark.once
held = cache(read_all)


def test_there_are_fourteen():
    assert list(INVARIANTS) == list(range(1, 15))


def test_each_invariant_has_tests():
    assert [number for number in INVARIANTS if not held()[number]] == []


def test_every_mark_is_one_that_the_table_reads(request):
    """The table reads the source, so a mark set in any other way would be missing from it."""
    listed = {test for tests in held().values() for test in tests}
    marked = {
        f"{item.path.relative_to(request.config.rootpath / 'tests')}::{item.originalname}"
        for item in request.session.items
        if item.get_closest_marker("invariant")
    }
    assert marked <= listed
