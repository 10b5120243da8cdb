"""Real processes: everyone presses at once. In small it is in tests/canvas/test_presses.py."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from sandbox.tenant import canvases, webhooks
from tests.support.deployment import Service, serve, until
from tests.support.environment import FULL, SEED
from tests.support.worlds import APP

pytestmark = [pytest.mark.once, pytest.mark.slow, pytest.mark.timeout(600 if FULL else 480)]
CANVASES, PRESSES = (50, 1000) if FULL else (6, 60)
TRUTH = 120.0
"""Seconds after the last press within which every canvas tells the truth."""


@pytest.mark.invariant(2, 4)
@pytest.mark.usefixtures("patient_tenant")
def test_many_presses_at_once_are_two_runs_and_every_canvas_tells_the_truth(deploy, redis):
    service = serve(deploy, redis, 50, shipped=True)
    d, tenant = service.d, service.d.world.tenant
    url = d.world.server.url
    ids = [canvases.insert(tenant, APP, f"etr_{n}", base_url=url) for n in range(CANVASES)]
    shown = [tenant.canvases[id_] for id_ in ids]
    until(lambda: all(canvas["enabled"] for canvas in shown), seconds=150, what="the canvases")
    pressed_all = threading.Event()
    # However slow the presses are: the first run reads until the last one, the second begins then.
    d.world.registry.on_page = lambda number: bool(pressed_all.wait(300))
    _press_all(service, ids)
    pressed_all.set()
    pressed = time.monotonic()
    acknowledged = {hook["id"] for hook in tenant.webhooks if hook["status"] == 200}
    assert len(acknowledged) == CANVASES + PRESSES

    deliveries = "SELECT state, count(*) FROM registry_sync_webhookdelivery GROUP BY state"

    def told() -> bool:
        if not all(c["enabled"] and "Up to date" in str(c["blocks"]) for c in shown):
            return False
        worked = d.rows(deliveries) == [("done", CANVASES + PRESSES)]
        return worked and not {"QUEUED", "RUNNING"} & set(d.statuses())

    until(told, seconds=TRUTH, what="the truth in every canvas")
    print(f"{PRESSES} presses: the truth after {time.monotonic() - pressed:.0f} s")
    statuses = d.statuses()
    assert len(statuses) <= 2 and set(statuses) == {"SUCCEEDED"}, statuses
    assert told()


def _press_all(service: Service, ids: list[str]) -> None:
    """Send the webhooks of all presses, several at a time, in a seeded order."""
    tenant, chance = service.d.world.tenant, random.Random(f"{SEED} presses")
    wanted = [ids[n % len(ids)] for n in range(PRESSES)]
    chance.shuffle(wanted)

    def press(canvas_id: str) -> int:
        tenant.canvases[canvas_id]["enabled"] = False
        message = {
            "type": "v2.canvas.userInteracted",
            "buttonId": "manual_sync",
            "canvasId": canvas_id,
            "featureId": "manual_sync",
            "userId": "ent_ada",
        }
        to = f"{service.url}/benchling/webhooks"
        base = service.d.world.server.url
        return webhooks.deliver(tenant, APP, message, base_url=base, to=to)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(press, wanted))
