"""Only Benchling gets in: what is verified is stored once and worked once, all else is a 4xx."""

from __future__ import annotations

import json
import random
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
import requests
from django.test import Client

from registry_sync import deliveries, keys, webhooks
from registry_sync.models import SyncRun, WebhookDelivery, WebhookRefusal
from sandbox.tenant import canvases
from sandbox.tenant.signing import Signer

from .deployment import serve, until
from .registry import compound
from .test_faults import deploy, redis  # noqa: F401
from .worlds import APP, DEFINITION, World

PLACES = ("", "/", "/event", "/event/", "/canvas", "/canvas/", "/lifecycle", "/lifecycle/")
Json = dict[str, Any]


@pytest.fixture
def w(world, settings) -> World:
    made = world([compound(n) for n in range(5)])
    settings.BENCHLING_APP_DEFINITION_ID = DEFINITION
    settings.BENCHLING_JWKS_URL = f"{made.server.url}/sandbox/jwks"
    keys._rings.clear()
    return made


class Sender:
    """Benchling's side of a webhook, with every part of it in reach of a test."""

    def __init__(self, w: World) -> None:
        self.w, self.client = w, Client()

    def body(self, message: Json | None = None, **changed: Any) -> str:
        said = message or {"type": "v2.app.installed"}
        whole = canvases.envelope(self.w.tenant, APP, said, base_url=self.w.server.url)
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


@pytest.mark.parametrize("place", PLACES)
def test_a_signed_delivery_is_stored_at_every_address(w, place):
    assert Sender(w).send(place=place) == 200
    row = WebhookDelivery.objects.get()
    assert (row.webhook_id, row.type, row.state) == ("msg_1", "v2.app.installed", "received")


def test_a_repeat_changes_nothing(w):
    sender = Sender(w)
    assert [sender.send() for _ in range(3)] == [200, 200, 200]
    assert WebhookDelivery.objects.count() == 1


@pytest.mark.parametrize("url", ["{url}", "{host}", "{url}/"])
def test_the_tenant_is_known_by_host_or_url(w, url):
    host = w.server.url.partition("//")[2]
    sender = Sender(w)
    body = sender.body(baseURL=url.format(url=w.server.url, host=host))
    assert sender.post(body, sender.headers(body)) == 200


FOREIGN = [
    {"baseURL": "https://evil.benchling.com"}, {"baseURL": "http://[bad"}, {"baseURL": 5},
    {"app": {"id": "app_other"}}, {"app": None}, {"app": []},
    {"appDefinition": {"id": "appdef_other"}}, {"appDefinition": "x"},
]  # fmt: skip


@pytest.mark.parametrize("changed", FOREIGN)
def test_another_app_definition_or_tenant_is_refused(w, changed):
    sender = Sender(w)
    body = sender.body(**changed)
    assert sender.post(body, sender.headers(body)) == 403
    assert not WebhookDelivery.objects.exists()


@pytest.mark.parametrize(
    "body", ["", "null", "[]", "5", "{", '{"message": 5}', '{"message": {}}', "[" * 5000,
             '{"message": {"type": 7}}'],
)  # fmt: skip
def test_signed_nonsense_is_refused(w, body):
    sender = Sender(w)
    assert sender.post(body, sender.headers(body)) == 400
    assert not WebhookDelivery.objects.exists()


def test_a_body_beyond_the_limit_is_refused_unread(w):
    sender = Sender(w)
    body = sender.body({"type": "v2.app.installed", "more": "x" * webhooks.LONGEST_BODY})
    assert sender.post(body, sender.headers(body)) == 413
    assert not WebhookDelivery.objects.exists()


def test_text_that_no_database_takes_is_stored_all_the_same(w):
    message = {"type": "v2.app.installed", "note": "a\x00b\ud800"}
    assert Sender(w).send(message) == 200


def test_get_is_not_answered(w, client):
    assert client.get("/benchling/webhooks").status_code == 405


def test_keys_are_fetched_once_and_again_when_none_matches(w):
    sender = Sender(w)
    for number in range(5):
        assert sender.send(id=f"msg_{number}") == 200
    assert w.tenant.counters["jwks"] == 1
    w.tenant.signer = Signer()
    ring = next(iter(keys._rings.values()))
    ring._tried = float("-inf")  # a minute later
    assert sender.send(id="msg_6") == 200
    assert w.tenant.counters["jwks"] == 2
    forged = Signer()
    for number in range(50):
        body = sender.body()
        headers = forged.headers(body, webhook_id=f"x{number}", timestamp=int(time.time()))
        assert sender.post(body, headers) == 401
    assert w.tenant.counters["jwks"] == 2  # at most once a minute, whatever comes


def test_keys_are_never_older_than_six_hours(w, monkeypatch):
    sender = Sender(w)
    assert sender.send() == 200
    ring = next(iter(keys._rings.values()))
    later = time.monotonic() + keys.KEPT + 1
    ring.clock = lambda: later
    assert sender.send(id="msg_2") == 200 and w.tenant.counters["jwks"] == 2
    later += keys.KEPT + 1
    ring.url = "http://127.0.0.1:1/jwks"
    assert sender.send(id="msg_3") == 503
    assert WebhookDelivery.objects.count() == 2


def test_an_outage_of_the_keys_is_the_only_5xx(w, settings):
    settings.BENCHLING_JWKS_URL = "http://127.0.0.1:1/jwks"
    sender = Sender(w)
    assert sender.send() == 503 and not WebhookDelivery.objects.exists()
    assert sender.post("{}", {}) == 401  # unsigned: nobody need be asked


def test_a_key_of_another_kind_among_them_is_no_harm(w):
    from cryptography.hazmat.primitives.asymmetric import rsa
    from jwcrypto import jwk

    ours = w.tenant.signer.jwks
    other = jwk.JWK.from_pyca(rsa.generate_private_key(65537, 2048).public_key())
    mixed = {"keys": [json.loads(other.export_public()), *json.loads(ours())["keys"]]}
    w.tenant.signer.jwks = lambda: json.dumps(mixed)  # type: ignore[method-assign]
    assert Sender(w).send() == 200


@pytest.mark.slow
def test_ten_thousand_bad_deliveries_get_nowhere(w):
    sender, chance, forged = Sender(w), random.Random(7), Signer()
    body = sender.body()
    good = sender.headers(body)
    assert sender.post(body, good) == 200
    statuses: dict[int, int] = {}
    for number in range(10_000):
        status = _bad(sender, chance, forged, body, good, number)
        statuses[status] = statuses.get(status, 0) + 1
    assert not [status for status in statuses if status >= 500 or 200 <= status < 300], statuses
    assert WebhookDelivery.objects.count() == 1
    assert WebhookRefusal.objects.count() <= 12
    counted = sum(row.count for row in WebhookRefusal.objects.all())
    assert counted == 10_000 and w.tenant.counters["jwks"] <= 3


def _bad(
    sender: Sender, chance: random.Random, forged: Signer, body: str, good: Json, number: int
) -> int:
    """Send one malformed, tampered, stale or foreign delivery."""
    now, kind = int(time.time()), number % 10
    headers, sent = dict(good), body
    junk = "".join(chr(chance.randrange(33, 0x2FF)) for _ in range(chance.randrange(1, 60)))
    if kind == 0:
        headers.pop(chance.choice([name for name in headers if name.startswith("Webhook")]))
    elif kind == 1:
        sent = body.replace("installed", "deactivated")
    elif kind == 2:
        headers = sender.headers(body, id=f"m{number}", at=now - chance.randrange(310, 10**6))
    elif kind == 3:
        headers = sender.headers(body, id=f"m{number}", at=now + chance.randrange(310, 10**6))
    elif kind == 4:
        headers = forged.headers(body, webhook_id=f"m{number}", timestamp=now)
    elif kind == 5:
        bad = ["", ",", "v1bder", "v1bder,", "v1bder,%%", "v1,abc", "v1bder,AAAA v1bder,BBBB"]
        headers["Webhook-Signature"] = chance.choice([*bad, junk])
    elif kind == 6:
        headers["Webhook-Timestamp"] = chance.choice(["", "x", "-1", "1e9", "9" * 400, junk])
    elif kind == 7:
        headers["Webhook-Id"] = chance.choice(["", "msg_2", "x" * 400, junk])
    elif kind == 8:
        sent = junk
    else:
        sent = sender.body(baseURL=f"https://t{number}.benchling.com")
        headers = sender.headers(sent, id=f"m{number}")
    headers = {k: v.encode("latin-1", "replace").decode("latin-1") for k, v in headers.items()}
    return sender.post(sent, headers)


# -- working them ---------------------------------------------------------------------------------


def test_a_delivery_is_worked_once(w):
    Sender(w).send({"type": "v2.app.deactivated"})
    row = WebhookDelivery.objects.get()
    deliveries.work_delivery(row.pk)
    deliveries.work_delivery(row.pk)
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("done", 1)


def test_an_unknown_type_is_stored_and_ignored(w):
    Sender(w).send({"type": "v3.customEntity.updated", "id": "evt_1"})
    row = WebhookDelivery.objects.get()
    deliveries.work_delivery(row.pk)
    row.refresh_from_db()
    assert row.state == "ignored"


def test_a_failed_delivery_keeps_its_error_and_can_be_worked_again(w, admin_client):
    Sender(w).send({"type": "v2.canvas.created", "canvasId": "cnvs_gone"})
    row = WebhookDelivery.objects.get()
    deliveries.work_delivery(row.pk)
    row.refresh_from_db()
    assert row.state == "failed" and "cnvs_gone" in row.error
    url = "/admin/registry_sync/webhookdelivery/"
    asked = {"action": "again", "_selected_action": [row.pk]}
    assert admin_client.post(url, asked, follow=True).status_code == 200
    row.refresh_from_db()
    assert row.state in ("received", "failed") and row.attempts <= 2


def test_a_deactivated_app_stops_runs_until_it_is_activated(w):
    sender = Sender(w)
    sender.send({"type": "v2.app.deactivated"}, id="a")
    deliveries.work_delivery(WebhookDelivery.objects.get(webhook_id="a").pk)
    run = w.sync()
    assert run.status == SyncRun.Status.FAILED and run.error_code == "deactivated"
    assert "activates it again" in run.remedy
    sender.send({"type": "v2.app.activateRequested"}, id="b")
    deliveries.work_delivery(WebhookDelivery.objects.get(webhook_id="b").pk)
    assert w.sync().status == SyncRun.Status.SUCCEEDED


def test_without_redis_a_delivery_is_stored_and_worked_when_it_is_back(w, settings, redis_server):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    settings.RQ_QUEUES["interactive"]["URL"] = settings.REDIS_URL
    began = time.monotonic()
    assert Sender(w).send() == 200 and time.monotonic() - began < 3
    row = WebhookDelivery.objects.get()
    assert row.state == "received"
    WebhookDelivery.objects.update(received_at=row.received_at - timedelta(minutes=1))
    assert list(webhooks.left_over()) == [row]


def test_twenty_of_the_same_at_once_start_one_run(deploy, redis):  # noqa: F811
    service = serve(deploy, redis, 300)
    tenant = service.d.world.tenant
    made = canvases.make(tenant, APP, {"featureId": "manual_sync", "resourceId": "etr_1"})
    message = {"type": "v2.canvas.userInteracted", "buttonId": "manual_sync",
               "canvasId": made["id"], "featureId": "manual_sync", "userId": "ent_ada"}  # fmt: skip
    url = service.d.world.server.url
    body = json.dumps(canvases.envelope(tenant, APP, message, base_url=url))
    headers = tenant.signer.headers(body, webhook_id="msg_same", timestamp=int(time.time()))
    statuses: list[int] = []

    def post() -> None:
        answer = requests.post(
            f"{service.url}/benchling/webhooks/canvas", body, headers=headers, timeout=20
        )
        statuses.append(answer.status_code)

    threads = [threading.Thread(target=post) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 20
    until(lambda: service.d.statuses() == ["SUCCEEDED"], seconds=60, what="the one run")
    assert service.d.rows("SELECT count(*) FROM registry_sync_webhookdelivery") == [(1,)]
    until(lambda: made["enabled"] and "Up to date" in str(made["blocks"]), seconds=20, what="it")
    assert len(service.d.world.values()) == 300
