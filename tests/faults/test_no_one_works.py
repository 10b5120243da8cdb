"""Real processes: a canvas whose workers, or Redis, are gone says so in seconds, and recovers."""

from __future__ import annotations

import time

import pytest

from sandbox.tenant import canvases
from tests.support.deployment import INSISTENT, Deployment, kill, until
from tests.support.worlds import APP, DEFINITION

pytestmark = pytest.mark.once
SOON = 100.0
"""Seconds: two that a worker has, and what a busy machine takes; RQ lists it for 120."""


class Entry:
    """An entry with the canvas on it, in a tenant that sends its webhooks to a deployment."""

    def __init__(self, d: Deployment, url: str) -> None:
        self.tenant, self.base = d.world.tenant, d.world.server.url
        self.tenant.apps[APP]["webhook_url"] = f"{url}/benchling/webhooks"
        self.id = canvases.insert(self.tenant, APP, "etr_1", base_url=self.base)

    @property
    def canvas(self) -> dict:
        return self.tenant.canvases[self.id]

    @property
    def text(self) -> str:
        return "\n".join(b.get("value") or "" for b in self.canvas["blocks"]).replace("*", "")

    def says(self, words: str) -> None:
        began = time.monotonic()
        until(
            lambda: self.canvas["enabled"] and words in self.text,
            seconds=60,
            what=f"{words!r} in {self.text!r}",
        )
        assert "no one" not in words or time.monotonic() - began < SOON

    def press(self) -> None:
        assert canvases.press(self.tenant, self.id, "manual_sync", {}, base_url=self.base)


@pytest.mark.slow
@pytest.mark.invariant(4)
@pytest.mark.usefixtures("patient_tenant")
def test_a_canvas_without_workers_or_redis_says_so_and_recovers(deploy, redis):
    env = {"REDIS_URL": redis.url, "BENCHLING_APP_DEFINITION_ID": DEFINITION}
    d = deploy(20, env=env, **INSISTENT)
    d.env["BENCHLING_JWKS_URL"] = f"{d.world.server.url}/sandbox/jwks"
    entry = Entry(d, d.serve_with_gunicorn())
    entry.says("has never been synced")
    entry.press()
    entry.says("no one is working on it at the moment")
    assert "its worker is not running" in entry.text
    workers = [d.start("rqworker", name, log=name) for name in ("interactive", "sync")]
    entry.says("20 new")
    for worker in workers:  # RQ lists them for two minutes more
        kill(worker)
    entry.press()
    entry.says("no one is working on it at the moment")
    redis.stop()
    began = time.monotonic()
    entry.press()
    entry.says("its queue (Redis) does not answer")
    assert time.monotonic() - began < SOON
    # 0 and 503: a busy machine, which Benchling sends the webhook to again.
    statuses = {hook["status"] for hook in entry.tenant.webhooks}
    assert 200 in statuses and statuses <= {0, 200, 503}
    status, said = d.sync()
    assert status == 0, said
    entry.says("Up to date")
    assert "no one" not in entry.text and set(d.statuses()) == {"SUCCEEDED"}
