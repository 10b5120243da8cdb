"""gunicorn as it is shipped: slow connections hold up nobody, and a path may be in front."""

from __future__ import annotations

import re
import socket
import time
from urllib.parse import urlsplit

import pytest
import requests

from tests.support.webhooks import Sender
from tests.support.worlds import DEFINITION

pytestmark = [pytest.mark.once, pytest.mark.process]
IDLE, HALF_HEAD = b"", b"POST /benchling/webhooks HTTP/1.1\r\nHost: a\r\nWebhook-"
HALF_BODY = HALF_HEAD + b"Id: x\r\nContent-Length: 900\r\n\r\n{"
HALF_FORM = (
    b"POST /admin/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: csrftoken=" + 32 * b"a" +
    b"\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 2000000\r\n\r\na="
)  # fmt: skip


def test_two_hundred_idle_or_half_sent_connections_delay_no_webhook(deploy):
    d = deploy(1, env={"BENCHLING_APP_DEFINITION_ID": DEFINITION, "WEB_CONCURRENCY": "2"})
    d.env["BENCHLING_JWKS_URL"] = f"{d.world.server.url}/sandbox/jwks"
    url = d.serve_with_gunicorn()
    sender, port = Sender(d.world), urlsplit(url).port

    def post(name):
        """Return the status and how long it took, of the first answer that is no 503.

        Each process fetches the signing keys, on a busy machine at its second try: a minute later.
        """
        while True:
            body = sender.body()
            headers, began = sender.headers(body, id=name), time.monotonic()
            answer = requests.post(f"{url}/benchling/webhooks", body, headers=headers, timeout=180)
            if answer.status_code != 503:
                return answer.status_code, time.monotonic() - began
            time.sleep(1)

    assert post("before")[0] == 200
    slow = []
    for sent in (IDLE, HALF_HEAD, HALF_BODY, HALF_FORM) * 50:
        slow.append(socket.create_connection(("127.0.0.1", port)))
        slow[-1].sendall(sent)
    took = sorted(post(f"msg_{n}") for n in range(5))
    assert {status for status, _ in took} == {200}
    # The median: a busy machine may hold up one of them. Behind a held one it is minutes.
    assert sorted(seconds for _, seconds in took)[2] < 20
    for held in slow:
        held.close()
    assert d.rows("SELECT count(*) FROM registry_sync_webhookdelivery") == [(6,)]


def test_below_a_path_every_link_of_a_page_has_it(deploy):
    d = deploy(1, env={"SCRIPT_NAME": "/sync", "WEB_CONCURRENCY": "1"})
    url = d.serve_with_gunicorn()
    page = requests.get(f"{url}/admin/login/", timeout=20)
    links = re.findall(r'(?:href|src|action)="(/[^"]*)"', page.text)
    assert page.ok and links and all(link.startswith("/sync/") for link in links)
    root = url.removesuffix("/sync")
    # A path of the client's own would lead around what the proxy lets through.
    around = {"SCRIPT_NAME": "/sync/benchling/webhooks"}
    asked = f"{root}/sync/benchling/webhooks/admin/login/"
    assert requests.get(asked, headers=around, timeout=20).status_code == 404
    styles = [root + link for link in links if link.endswith(".css")]
    assert styles and all(requests.get(style, timeout=20).ok for style in styles)
