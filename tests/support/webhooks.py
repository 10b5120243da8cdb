"""Benchling as the sender of webhooks."""

from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler
from typing import Any

import httpx
from django.test import Client

from sandbox.tenant.webhooks import envelope
from tests.support.http_server import Server
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

    def post(
        self, body: str | bytes, headers: dict[str, str], place: str = "", **environ: Any
    ) -> int:
        self.client.raise_request_exception = False
        path, kind = f"/benchling/webhooks{place}", "application/json"
        answer = self.client.post(path, body, content_type=kind, headers=headers, **environ)
        return answer.status_code

    def send(self, message: Json | None = None, *, id: str = "msg_1", place: str = "") -> int:
        body = self.body(message)
        return self.post(body, self.headers(body, id=id), place)


class Gateway:
    """A proxy before the service that passes requests on and loses the first answers."""

    def __init__(self, to: str, *, lost: int) -> None:
        gateway = self
        self.to, self.lost = to, lost

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                kept = {k: v for k, v in self.headers.items() if k.startswith(("Webhook", "Cont"))}
                answer = httpx.post(gateway.to, content=body, headers=kept, timeout=20)
                gateway.lost -= 1
                self.send_response(502 if gateway.lost >= 0 else answer.status_code)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = Server(Handler)
        self.url = self.server.url

    def stop(self) -> None:
        self.server.stop()
