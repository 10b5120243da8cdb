"""How many exchanges with tenants were checked, and in which of the two passes."""

from __future__ import annotations

import os

import pytest

from tests.support.environment import POSTGRES

SECOND_PASS = POSTGRES in os.environ
"""On another database the exchanges are the same: they were all checked in the first pass."""
EXCHANGES = pytest.StashKey[list[int]]()
"""The numbers of exchanges, a number for each tenant."""
