"""Benchling as the sender of webhooks."""

from __future__ import annotations

import json
import time
from typing import Any

from django.test import Client

from sandbox.tenant.webhooks import envelope
from tests.support.worlds import APP, World

Json = dict[str, Any]


class Sender:
    """Benchling's side of a webhook, with every part of it in reach of a test."""

    def __init__(self, w: World) -> None:
        self.w, self.client = w, Client()

    def body(self, message: Json | None = None, **changed: Any) -> str:
        said = message or {"type": "v2.app.installed"}
        whole = envelope(self.w.tenant, APP, said, base_url=self.w.server.url)
        return json.dumps({**whole, **changed})

    def headers(self, body: str, *, id: str = "msg_1", at: float | None = None) -> dict[str, str]:
        stamp = int(time.time() if at is None else at)
        return self.w.tenant.signer.headers(body, webhook_id=id, timestamp=stamp)

    def post(self, body: str | bytes, headers: dict[str, str], place: str = "") -> int:
        self.client.raise_request_exception = False
        answer = self.client.post(
            f"/benchling/webhooks{place}", body, content_type="application/json", headers=headers
        )
        return answer.status_code

    def send(self, message: Json | None = None, *, id: str = "msg_1", place: str = "") -> int:
        body = self.body(message)
        return self.post(body, self.headers(body, id=id), place)
