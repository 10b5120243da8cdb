"""Time for answers on a busy machine, and time that need not be waited for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


def skip_object_limit(monkeypatch: pytest.MonkeyPatch, w: Any, *, seconds: float) -> None:
    """Let so many seconds pass in a tenant for each wait for its object limit, and none here.

    A real wait would be met by a quick machine, and on a slow one there is room before it asks.
    """
    from registry_sync.core.waits import OBJECT_LIMIT
    from registry_sync.sync.pacing import Pacer

    pause = Pacer.pause

    def pass_by(self: Pacer, wanted: float, reason: str = "") -> None:
        if reason == OBJECT_LIMIT:
            w.tenant.clock.advance(seconds)
        pause(self, 0.0 if reason == OBJECT_LIMIT else wanted, reason)

    monkeypatch.setattr(Pacer, "pause", pass_by)


@pytest.fixture
def patient_tenant(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let a tenant wait longer for a webhook's acknowledgement than the three seconds it has."""
    import httpx

    from sandbox.tenant import webhooks

    with httpx.Client(timeout=20, limits=httpx.Limits(max_keepalive_connections=0)) as client:
        monkeypatch.setattr(webhooks, "_client", lambda: client)
        yield


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let doctor and proposals wait longer for an answer than people who look at a page."""
    from registry_sync.drafts.connector_proposal import line, live
    from registry_sync.monitoring.doctor import checkup, visit

    monkeypatch.setattr(checkup, "TIMEOUT", 90.0)
    monkeypatch.setattr(line, "LONGEST", 900.0)
    for module in (live, visit):
        monkeypatch.setattr(module, "TIMEOUT", (90.0, 90.0))
