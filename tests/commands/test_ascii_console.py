"""Commands on a console that holds ASCII only: no sign of ours ends them."""

from __future__ import annotations

import pytest

from tests.support.commands import manage

pytestmark = [pytest.mark.once, pytest.mark.process]


def test_a_console_of_ascii_ends_no_command() -> None:
    said = manage("doctor", DEBUG="1", PYTHONIOENCODING="ascii", DATABASE_URL="sqlite://:memory:")
    assert "UnicodeEncodeError" not in said.stderr, said.stderr
    assert r"\u2192" in said.stdout and "checks:" in said.stdout
