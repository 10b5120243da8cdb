"""A canvas in Benchling, and the scientist before it."""

from __future__ import annotations

from typing import Any

import pytest

from registry_sync import runs
from registry_sync.canvas import attendance
from registry_sync.jobs import runner as jobs
from registry_sync.models import SyncRun, WebhookDelivery
from registry_sync.runs.workers import Queues
from registry_sync.sync.clients import impatient_client
from registry_sync.webhooks import handlers as deliveries
from sandbox.tenant import canvases
from tests.support.registry import compound
from tests.support.webhooks import Sender
from tests.support.worlds import APP, DEFINITION, World, looked_up

Json = dict[str, Any]


class Page:
    """A page of Benchling with the canvas on it, and the person before it."""

    def __init__(self, w: World, resource: str = "etr_1", user: str = "ent_ada") -> None:
        self.w, self.user = w, user
        self.sender, self.client = Sender(w), impatient_client()  # as one job has it
        self.id = canvases.make(
            w.tenant, APP, {"featureId": "manual_sync", "resourceId": resource}
        )["id"]
        self.canvas["enabled"] = False
        self.tell({"type": "v2.canvas.created"})

    @property
    def canvas(self) -> Json:
        return self.w.tenant.canvases[self.id]

    def tell(self, message: Json) -> WebhookDelivery:
        whole = {"canvasId": self.id, "featureId": "manual_sync", "userId": self.user, **message}
        id_ = f"msg_{WebhookDelivery.objects.count()}"
        assert self.sender.send(whole, id=id_, place="/canvas") == 200
        row = WebhookDelivery.objects.get(webhook_id=id_)
        deliveries.work_delivery(row.pk, self.client)
        row.refresh_from_db()
        return row

    def press(self, button: str, **inputs: str) -> WebhookDelivery:
        """Press a button as Benchling lets one: only on an enabled canvas, which it disables."""
        assert self.canvas["enabled"], "the canvas is dead"
        for block in self.canvas["blocks"]:
            if block.get("id") in inputs:
                block["value"] = inputs[block["id"]]
        self.canvas["enabled"] = False
        return self.tell({"type": "v2.canvas.userInteracted", "buttonId": button})

    @property
    def text(self) -> str:
        return "\n".join(b["value"] for b in self.canvas["blocks"] if b["type"] == "MARKDOWN")

    @property
    def _inner(self) -> list[Json]:
        return [b for block in self.canvas["blocks"] for b in block.get("children", ())]

    @property
    def buttons(self) -> set[str]:
        return {block["id"] for block in self._inner if block["type"] == "BUTTON"}

    @property
    def chips(self) -> list[str]:
        """The registry ids of the entities that are shown."""
        ids = [block["value"] for block in self._inner if block["type"] == "CHIP"]
        return [self.w.tenant.entities[id_].entity_registry_id for id_ in ids]


def at_work(monkeypatch: pytest.MonkeyPatch, *names: str, **seen: Any) -> None:
    """Let workers listen on these queues, on both by default; `seen` is what Redis is otherwise."""
    queues = ("sync", "interactive")
    workers = {name: int(name in (names or queues)) for name in queues}
    found = Queues(**{"is_used": True, "workers": workers, **seen})
    monkeypatch.setattr(attendance, "read_queues", lambda: found)


@pytest.fixture(autouse=True)
def workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a worker listen on each queue, unless a test says otherwise."""
    at_work(monkeypatch)


@pytest.fixture
def w(world, settings) -> World:
    made = world([compound(n) for n in range(20)], config={"Connector Settings": looked_up()})
    settings.BENCHLING_APP_DEFINITION_ID = DEFINITION
    settings.BENCHLING_JWKS_URL = f"{made.server.url}/sandbox/jwks"
    return made


def work() -> SyncRun:
    """Let a worker work the run that waits."""
    run = runs.active()
    assert run is not None
    return jobs.work_to_end(run.pk)
