"""Time for answers on a busy machine."""

from __future__ import annotations

import pytest


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let doctor and proposals wait longer for an answer than people who look at a page."""
    from registry_sync.drafts.proposal import line, live
    from registry_sync.monitoring.doctor import checkup, visit

    monkeypatch.setattr(checkup, "TIMEOUT", 90.0)
    monkeypatch.setattr(line, "LONGEST", 900.0)
    for module in (live, visit):
        monkeypatch.setattr(module, "TIMEOUT", (90.0, 90.0))
