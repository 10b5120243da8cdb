"""Time for answers on a busy machine, and time that need not be waited for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from registry_sync.benchling.task_clock import TaskClock
from registry_sync.benchling.transport import Transport
from registry_sync.core.waits import OBJECT_LIMIT
from registry_sync.sync.pacing import Pacer

BASE = 0.08
"""Seconds after which a run first asks whether a task has ended: one takes a tenant 0.02."""


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs wait for a tenant no longer than it needs.

    Its tasks take no longer for more rows, unless a test wants it so, and it needs no rest after a
    request that failed.
    """
    back_off = Transport._back_off

    def try_again(self: Transport, failures: int, why: Exception) -> None:
        wait = self.pause
        if isinstance(getattr(wait, "__self__", None), Pacer):
            self.pause = lambda seconds, reason: wait(seconds / 20, reason)
        try:
            back_off(self, failures, why)
        finally:
            self.pause = wait

    monkeypatch.setattr(TaskClock.__init__, "__defaults__", (0.0, BASE, False))
    monkeypatch.setattr(Transport, "_back_off", try_again)


def skip_object_limit(monkeypatch: pytest.MonkeyPatch, w: Any, *, seconds: float) -> None:
    """Let so many seconds pass in a tenant for each wait for its object limit, and none here.

    A real wait would be met by a quick machine, and on a slow one there is room before it asks.
    """
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
