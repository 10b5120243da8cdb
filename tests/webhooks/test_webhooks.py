"""Only Benchling gets in: what is verified is stored once and worked once, all else is a 4xx."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import requests
from django.core.management import call_command
from django.db import DatabaseError, OperationalError

from registry_sync.benchling import timed_network
from registry_sync.models import SyncRun, WebhookDelivery, WebhookRefusal
from registry_sync.webhooks import handlers as deliveries
from registry_sync.webhooks import receive as webhooks
from registry_sync.webhooks import refusals
from registry_sync.webhooks import signing_keys as keys
from registry_sync.webhooks.inbox import ABANDONED_AFTER, LONGEST_WORK
from registry_sync.webhooks.notices import Noticer
from sandbox.redis import RedisServer
from sandbox.tenant import canvases
from sandbox.tenant.signing import Signer
from sandbox.tenant.state import Fault
from sandbox.tenant.webhooks import deliver, envelope
from tests.support.clocks import ReadersClock
from tests.support.deployment import LEASE, kill, serve, until
from tests.support.environment import FULL
from tests.support.odd import OddRegistry, Reply
from tests.support.registry import compound
from tests.support.webhooks import Gateway, Sender
from tests.support.worlds import APP, DEFINITION, World

PLACES = ("", "/", "/event", "/event/", "/canvas", "/canvas/", "/lifecycle", "/lifecycle/")
Json = dict[str, Any]


@pytest.fixture
def w(world, settings) -> World:
    made = world([compound(n) for n in range(5)])
    settings.BENCHLING_APP_DEFINITION_ID = DEFINITION
    settings.BENCHLING_JWKS_URL = f"{made.server.url}/sandbox/jwks"
    return made


@pytest.mark.once
@pytest.mark.parametrize("place", PLACES)
def test_a_signed_delivery_is_stored_at_every_address(w, place):
    assert Sender(w).send(place=place) == 200
    row = WebhookDelivery.objects.get()
    assert (row.webhook_id, row.type, row.state) == ("msg_1", "v2.app.installed", "received")


@pytest.mark.invariant(9)
def test_a_repeat_changes_nothing(w):
    sender = Sender(w)
    assert [sender.send() for _ in range(3)] == [200, 200, 200]
    assert WebhookDelivery.objects.count() == 1


@pytest.mark.once
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


@pytest.mark.once
@pytest.mark.parametrize("changed", FOREIGN)
@pytest.mark.invariant(9)
def test_another_app_definition_or_tenant_is_refused(w, changed):
    sender = Sender(w)
    body = sender.body(**changed)
    assert sender.post(body, sender.headers(body)) == 403
    assert not WebhookDelivery.objects.exists()


@pytest.mark.once
@pytest.mark.parametrize(
    "body", ["", "null", "[]", "5", "{", '{"message": 5}', '{"message": {}}', "[" * 5000,
             '{"message": {"type": 7}}'],
)  # fmt: skip
@pytest.mark.invariant(9)
def test_signed_nonsense_is_refused(w, body):
    sender = Sender(w)
    assert sender.post(body, sender.headers(body)) == 400
    assert not WebhookDelivery.objects.exists()


@pytest.mark.invariant(9)
@pytest.mark.once
def test_a_body_beyond_the_limit_is_refused_unread(w):
    sender = Sender(w)
    body = sender.body({"type": "v2.app.installed", "more": "x" * webhooks.LONGEST_BODY})
    assert sender.post(body, sender.headers(body)) == 413
    assert not WebhookDelivery.objects.exists()


class HungUp(io.BytesIO):
    """The body of a client that leaves before it has sent it all."""

    def read(self, *_: Any) -> bytes:
        raise OSError("the client has disconnected")


@pytest.mark.once
@pytest.mark.invariant(9)
def test_a_body_that_ends_early_is_refused_and_counted(w):
    sender = Sender(w)
    body = sender.body()
    assert sender.post(body, sender.headers(body), **{"wsgi.input": HungUp()}) == 400
    assert WebhookRefusal.objects.get(reason="malformed").count == 1
    assert not WebhookDelivery.objects.exists()


def test_text_that_no_database_takes_is_stored_all_the_same(w):
    message = {"type": "v2.app.installed", "note": "a\x00b\ud800"}
    assert Sender(w).send(message) == 200


@pytest.mark.once
def test_get_is_not_answered(w, client):
    assert client.get("/benchling/webhooks").status_code == 405


@pytest.mark.invariant(9)
@pytest.mark.once
def test_one_signature_by_a_known_key_is_enough(w):
    """Benchling publishes several keys and signs with each of them; it rotates one at a time."""
    sender, signer = Sender(w), w.tenant.signer
    assert sender.send(id="msg_1") == 200
    signer.rotate()
    assert sender.send(id="msg_2") == 200 and w.tenant.counters["jwks"] == 1
    body = sender.body()
    headers = sender.headers(body, id="msg_3")
    _, _, raw, der = headers["Webhook-Signature"].split()  # by the new key, not fetched yet
    next(iter(keys.key_rings.values()))._tried = time.monotonic()
    assert sender.post(body, {**headers, "Webhook-Signature": f"{raw} {der}"}) == 401
    _, der, *_ = headers["Webhook-Signature"].split()
    assert sender.post(body, {**headers, "Webhook-Signature": f"v1b,x v9,y {der}"}) == 200
    assert WebhookDelivery.objects.count() == 3


@pytest.mark.invariant(9)
def test_a_webhook_is_sent_until_it_is_acknowledged_and_kept_once(w, live_server, monkeypatch):
    """The first answers are lost behind the service: every attempt has the same id."""
    # A busy machine may take longer than Benchling waits.
    monkeypatch.setattr("sandbox.tenant.webhooks._client", lambda: httpx.Client(timeout=60))
    message = {"type": "v2.app.installed"}
    gateway = Gateway(live_server.url + "/benchling/webhooks", lost=2)
    w.tenant.switches.webhook_retry = 0.01
    try:
        sent = {"base_url": w.server.url, "to": gateway.url}
        assert deliver(w.tenant, APP, message, **sent) == 200
    finally:
        gateway.stop()
    statuses = [hook["status"] for hook in w.tenant.webhooks]
    assert statuses == [502, 502, 200] and len({hook["id"] for hook in w.tenant.webhooks}) == 1
    assert WebhookDelivery.objects.count() == 1


@pytest.mark.once
def test_keys_are_fetched_once_and_again_when_none_matches(w):
    sender = Sender(w)
    for number in range(5):
        assert sender.send(id=f"msg_{number}") == 200
    assert w.tenant.counters["jwks"] == 1
    w.tenant.signer = Signer()
    ring = next(iter(keys.key_rings.values()))
    ring._tried = float("-inf")  # a minute later
    assert sender.send(id="msg_6") == 200
    assert w.tenant.counters["jwks"] == 2
    forged = Signer()
    for number in range(50):
        body = sender.body()
        headers = forged.headers(body, webhook_id=f"x{number}", timestamp=int(time.time()))
        assert sender.post(body, headers) == 401
    assert w.tenant.counters["jwks"] == 2  # at most once a minute, whatever comes


@pytest.mark.parametrize("slow_head", [False, True])
@pytest.mark.once
def test_keys_that_drip_hold_up_no_other_webhook(monkeypatch, slow_head):
    """Whoever waits for the keys holds the lock that the others wait for."""
    clock = ReadersClock(1.0)
    monkeypatch.setattr(timed_network, "time", clock)
    monkeypatch.setattr(keys, "WHOLE", 30.0)
    monkeypatch.setattr(keys, "TIMEOUT", 60.0)  # no silence of a busy machine ends it sooner
    reply = Reply("k" * 900, pace=(1, 0), slow_head=slow_head, clock=clock)
    dripping = OddRegistry(lambda asked: reply)
    with pytest.raises(keys.KeysUnreachable):
        keys.KeyRing(dripping.url).keys()
    assert 30 <= clock.now < 40  # the whole list would take longer
    dripping.stop()


@pytest.mark.parametrize("body", [b"[" * 100_000, b" " * 300_000, b'{"keys": 5}'])
@pytest.mark.once
def test_a_list_of_keys_that_cannot_be_read_is_an_outage(body):
    odd = OddRegistry(lambda asked: Reply(body))
    with pytest.raises(keys.KeysUnreachable):
        keys.KeyRing(odd.url).keys()
    odd.stop()


@pytest.mark.once
def test_keys_are_never_older_than_six_hours(w, monkeypatch):
    sender = Sender(w)
    assert sender.send() == 200
    ring = next(iter(keys.key_rings.values()))
    later = time.monotonic() + keys.KEPT + 1
    ring.clock = lambda: later
    assert sender.send(id="msg_2") == 200 and w.tenant.counters["jwks"] == 2
    later += keys.KEPT + 1
    ring.url = "http://127.0.0.1:1/jwks"
    assert sender.send(id="msg_3") == 503
    assert WebhookDelivery.objects.count() == 2


@pytest.mark.invariant(9)
def test_an_outage_of_the_keys_is_the_only_5xx(w, settings):
    settings.BENCHLING_JWKS_URL = "http://127.0.0.1:1/jwks"
    sender = Sender(w)
    assert sender.send() == 503 and not WebhookDelivery.objects.exists()
    assert sender.post("{}", {}) == 401  # unsigned: nobody need be asked


@pytest.mark.once
def test_a_key_of_another_kind_among_them_is_no_harm(w):
    from cryptography.hazmat.primitives.asymmetric import rsa
    from jwcrypto import jwk

    ours = w.tenant.signer.jwks
    other = jwk.JWK.from_pyca(rsa.generate_private_key(65537, 2048).public_key())
    mixed = {"keys": [json.loads(other.export_public()), *json.loads(ours())["keys"]]}
    w.tenant.signer.jwks = lambda: json.dumps(mixed)  # type: ignore[method-assign]
    assert Sender(w).send() == 200


@pytest.mark.once
def test_keys_that_cannot_be_used_among_them_are_no_harm(w):
    ours = json.loads(w.tenant.signer.jwks())["keys"]
    point = "A" * 43
    odd: list[Any] = [
        {"kty": "EC", "crv": "P-256", "x": point, "y": point},  # no point of the curve
        {"kty": "OKP", "crv": "Ed25519", "x": point}, {"kty": "new"}, {}, None, 5,
    ]  # fmt: skip
    w.tenant.signer.jwks = lambda: json.dumps({"keys": [*odd, *ours]})  # type: ignore[method-assign]
    assert Sender(w).send() == 200


@pytest.mark.once
@pytest.mark.parametrize(
    "body", ["", "<html>", "[]", '{"keys": 5}', '{"keys": []}', '{"keys": [7]}']
)
def test_an_answer_without_keys_is_an_outage(w, body):
    sender, signer = Sender(w), w.tenant.signer
    jwks, signer.jwks = signer.jwks, lambda: body  # type: ignore[method-assign]
    assert sender.send() == 503
    signer.jwks = jwks  # type: ignore[method-assign]
    ring = next(iter(keys.key_rings.values()))
    tried = ring._tried
    ring.clock = lambda: tried + keys.SOONER - 1
    assert sender.send() == 503 and w.tenant.counters["jwks"] == 1
    ring.clock = lambda: tried + keys.SOONER
    assert sender.send() == 200 and keys.SOONER < keys.AGAIN


def test_new_keys_that_cannot_be_had_are_an_outage_and_nothing_is_lost(w):
    sender = Sender(w)
    assert sender.send() == 200
    ring = next(iter(keys.key_rings.values()))
    w.tenant.signer, ring.url, url = Signer(), "http://127.0.0.1:1/jwks", ring.url
    ring._tried = float("-inf")
    assert sender.send(id="msg_2") == 503  # not 401, after which nobody would send it again
    ring.url, ring._tried = url, float("-inf")
    assert sender.send(id="msg_2") == 200


@pytest.mark.invariant(9)
def test_what_no_key_could_have_signed_is_refused_also_in_an_outage(w, settings):
    settings.BENCHLING_JWKS_URL = "http://127.0.0.1:1/jwks"
    sender, now = Sender(w), int(time.time())
    body = sender.body()
    for changed in (
        {"Webhook-Timestamp": str(now - 301)}, {"Webhook-Timestamp": str(now + 400)},
        {"Webhook-Timestamp": "x"}, {"Webhook-Timestamp": "nan"},
        *({"Webhook-Timestamp": str(10**power)} for power in (12, 17, 19, 30)),
        {"Webhook-Timestamp": "-67768040609740800"}, {"Webhook-Signature": "v1bder"},
        {"Webhook-Signature": "v1bder,a,b"}, {"Webhook-Signature": "v1bder,AAA"},
        {"Webhook-Signature": "v1,AAAA"}, {"Webhook-Signature": " "},
    ):  # fmt: skip
        assert sender.post(body, {**sender.headers(body), **changed}) == 401, changed
    assert sender.post(b"\xff\xfe", sender.headers(body)) == 401


@pytest.mark.parametrize(
    "more", ['"a": NaN', '"a": 1e999', f'"a": {"[" * 900 + "]" * 900}', f'"a": {"9" * 4000}']
)
@pytest.mark.invariant(9)
def test_signed_json_that_no_database_takes_is_no_5xx(w, more):
    sender = Sender(w)
    body = sender.body().replace('"deprecated": false', more)
    assert more in body and sender.post(body, sender.headers(body)) in (200, 400)
    body = sender.body({"type": "v2\x00\ud800"})
    assert sender.post(body, sender.headers(body, id="msg_2")) == 200


def test_a_refusal_that_cannot_be_counted_is_a_refusal_and_counted_later(w, monkeypatch):
    def locked(**asked: Any) -> None:
        raise OperationalError("database is locked")

    with monkeypatch.context() as patched:
        patched.setattr(WebhookRefusal.objects, "filter", locked)
        assert Sender(w).post("{}", {}) == 401
    assert Sender(w).post("{}", {}) == 401
    assert WebhookRefusal.objects.get(reason="unsigned").count == 2


@pytest.mark.once
def test_the_web_service_writes_its_refusals_apart_from_its_requests(monkeypatch):
    counter, written = refusals.RefusalCounter(), Counter[str]()
    fails = [ValueError("odd"), DatabaseError("locked")]
    counter.is_on = True

    def add(counts):
        assert threading.current_thread().name == "refusals"
        if fails:
            raise fails.pop()
        for (_, reason), count in counts.items():
            written[reason] += count

    monkeypatch.setattr(refusals, "_add", add)
    monkeypatch.setattr(refusals, "EVERY", 0.001)
    for reason in 300 * ("unsigned", "unsigned", "malformed"):
        counter.count(reason)
    if (thread := counter._thread) is not None:
        thread.join(60)
    assert written == {"unsigned": 600, "malformed": 300} and counter._thread is None
    assert not counter.flush(), "nothing is left for the end of the process"


@pytest.mark.once
def test_a_database_that_is_away_is_asked_less_and_less_often(monkeypatch, caplog):
    counter, pauses, fails = refusals.RefusalCounter(), list[float](), 8 * [DatabaseError("away")]
    counter.is_on = True

    def add(counts):
        if fails:
            raise fails.pop()

    monkeypatch.setattr(refusals, "_add", add)
    monkeypatch.setattr(refusals, "time", SimpleNamespace(sleep=pauses.append))
    counter.count("unsigned")
    if (thread := counter._thread) is not None:
        thread.join(60)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60, 1]
    assert caplog.text.count("were not counted yet") == 8


@pytest.mark.once
def test_where_no_thread_can_be_started_the_next_one_is(monkeypatch):
    counter, noticer = refusals.RefusalCounter(), Noticer()
    counter.is_on = noticer.is_on = True
    press = WebhookDelivery(type=WebhookDelivery.PRESS, message={})

    def start(thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        counter.count("unsigned")
        noticer.look_after(press, queued=False)
    assert counter._thread is None and noticer._thread is None
    monkeypatch.setattr(threading.Thread, "start", lambda thread: None)
    counter.count("unsigned")
    noticer.look_after(press, queued=False)
    assert counter._thread is not None and noticer._thread is not None


BAD_DELIVERIES = 10_000 if FULL else 1_000


@pytest.mark.once
@pytest.mark.invariant(9)
def test_bad_deliveries_of_every_kind_get_nowhere(w):
    sender, chance, forged = Sender(w), random.Random(7), Signer()
    body = sender.body()
    good = sender.headers(body)
    assert sender.post(body, good) == 200
    statuses: dict[int, int] = {}
    began = time.monotonic()
    for number in range(BAD_DELIVERIES):
        status = _bad(sender, chance, forged, body, good, number)
        statuses[status] = statuses.get(status, 0) + 1
    assert not [status for status in statuses if status >= 500 or 200 <= status < 300], statuses
    assert WebhookDelivery.objects.count() == 1
    assert WebhookRefusal.objects.count() <= 12
    counted = sum(row.count for row in WebhookRefusal.objects.all())
    assert counted == BAD_DELIVERIES
    assert w.tenant.counters["jwks"] <= 3 + (time.monotonic() - began) / keys.AGAIN


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
        odd = ["", "x", "-1", "1e9", "9" * 400, str(10 ** chance.randrange(12, 30)), junk]
        headers["Webhook-Timestamp"] = chance.choice(odd)
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
    assert (row.state, row.attempts, row.error) == ("received", 0, "")
    canvas = canvases.make(w.tenant, APP, {"featureId": "manual_sync", "resourceId": "etr_1"})
    w.tenant.canvases["cnvs_gone"] = {**canvas, "enabled": False}
    deliveries.work_delivery(row.pk)
    row.refresh_from_db()
    assert row.state == "done" and w.tenant.canvases["cnvs_gone"]["enabled"]


def test_a_deactivated_app_stops_runs_until_it_is_activated(w):
    sender = Sender(w)
    sender.send({"type": "v2.app.deactivated"}, id="a")
    deliveries.work_delivery(WebhookDelivery.objects.get(webhook_id="a").pk)
    run = w.sync()
    assert run.status == SyncRun.Status.FAILED and run.error_code == "deactivated"
    assert "must activate it again" in run.remedy
    sender.send({"type": "v2.app.activateRequested"}, id="b")
    deliveries.work_delivery(WebhookDelivery.objects.get(webhook_id="b").pk)
    assert w.sync().status == SyncRun.Status.SUCCEEDED


@pytest.mark.once
@pytest.mark.parametrize("trouble", ["away", "frozen"])
def test_without_redis_a_delivery_waits_for_cron(w, settings, request, trouble):
    server: RedisServer = request.getfixturevalue("redis")
    settings.REDIS_URL = server.url
    began = time.monotonic()
    if trouble == "frozen":
        os.kill(server.process.pid, signal.SIGSTOP)
    else:
        server.stop()
    try:
        assert Sender(w).send() == 200 and time.monotonic() - began < 30
    finally:
        if trouble == "frozen":
            os.kill(server.process.pid, signal.SIGCONT)
    row = WebhookDelivery.objects.get()
    assert row.state == "received"
    WebhookDelivery.objects.update(received_at=row.received_at - timedelta(minutes=1))
    back = server if trouble == "frozen" else RedisServer(port=server.port).start()
    try:
        with pytest.raises(SystemExit):
            call_command("sync_registry", stdout=io.StringIO())
        row.refresh_from_db()
        assert row.state == "done"  # no worker listens, so the command works on it itself
    finally:
        back.stop()


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.invariant(4)
def test_redis_stopped_in_between_loses_no_press(deploy, redis):
    service = serve(deploy, redis, 300, lease=LEASE)
    d, tenant = service.d, service.d.world.tenant
    url = d.world.server.url
    ids = [canvases.insert(tenant, APP, f"etr_{n}", base_url=url) for n in range(3)]
    shown = [tenant.canvases[id_] for id_ in ids]
    until(lambda: all(canvas["enabled"] for canvas in shown), seconds=40, what="the canvases")
    redis.stop()
    for id_ in ids:
        assert canvases.press(tenant, id_, "manual_sync", {}, base_url=url)

    def taken() -> set[str]:
        return {hook["id"] for hook in list(tenant.webhooks) if hook["status"] == 200}

    until(lambda: len(taken()) == 6, seconds=20, what="the answers")
    # One that a busy machine answers too late, or has no keys for, is sent again.
    assert {hook["status"] for hook in tenant.webhooks} <= {0, 200, 503}

    def told() -> bool:
        said = "no one is working on it at the moment"
        return all(canvas["enabled"] and said in str(canvas["blocks"]) for canvas in shown)

    until(told, seconds=20, what="that no one works")
    again = RedisServer(port=redis.port).start()

    def done() -> bool:
        service.keep_running()  # as systemd would
        return all(canvas["enabled"] and "Up to date" in str(canvas["blocks"]) for canvas in shown)

    states = "SELECT state, count(*) FROM registry_sync_webhookdelivery GROUP BY state"
    try:
        until(done, seconds=90, what="what was pressed meanwhile")
        # A canvas is drawn before the row of the press says so.
        until(lambda: d.rows(states) == [("done", 6)], seconds=20, what="the end of each press")
    finally:
        d.stop()
        again.stop()
    assert d.statuses() == ["SUCCEEDED"] and len(d.world.values()) == 300


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.invariant(4)
def test_a_worker_killed_twice_under_a_sync_gives_the_canvas_back(deploy, redis):
    service = serve(deploy, redis, 1500, lease=LEASE, task_base=0.3)
    d, tenant = service.d, service.d.world.tenant
    url = d.world.server.url
    id_ = canvases.insert(tenant, APP, "etr_1", base_url=url)
    canvas = tenant.canvases[id_]
    until(lambda: canvas["enabled"], seconds=40, what="the canvas")
    assert canvases.press(tenant, id_, "manual_sync", {}, base_url=url)
    fastest = min(_answered(tenant, canvas, url) for _ in range(3))
    assert fastest < 5 or d.statuses() == ["RUNNING"]  # beside a long sync, and not behind it
    for written in (200, 700):
        until(lambda: d.world.written() >= written, seconds=60, what=f"{written} records")  # noqa: B023
        kill(service.worker)
        service.worker = d.start("rqworker", "sync", log="sync")
    until(lambda: "Up to date" in str(canvas["blocks"]), seconds=90, what="the truth")
    assert canvas["enabled"] and d.world.written() <= 1500 + 2 * 100
    assert canvases.press(tenant, id_, "manual_sync", {}, base_url=url)
    until(lambda: d.statuses() == ["SUCCEEDED"] * 2, seconds=60, what="the next press")
    until(lambda: canvas["enabled"] and "Nothing had changed" in str(canvas["blocks"]), seconds=20,
          what="its outcome")  # fmt: skip


def _answered(tenant: Any, canvas: Json, url: str) -> float:
    """Press Refresh, and measure until the canvas is drawn and enabled."""
    until(lambda: canvas["enabled"], seconds=20, what="the last press")
    began = time.monotonic()
    assert canvases.press(tenant, canvas["id"], "refresh", {}, base_url=url)
    until(lambda: canvas["enabled"], seconds=20, what="an answer")
    print(f"answered after {time.monotonic() - began:.2f} s")
    return time.monotonic() - began


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.invariant(4)
def test_a_worker_killed_with_a_press_in_its_hands_is_replaced(deploy, redis):
    service = serve(deploy, redis, 10, lease=LEASE)
    d, tenant = service.d, service.d.world.tenant
    url = d.world.server.url
    id_ = canvases.insert(tenant, APP, "etr_1", base_url=url)
    canvas = tenant.canvases[id_]
    until(lambda: canvas["enabled"], seconds=40, what="the canvas")
    tenant.faults.append(Fault("PATCH /api/v2/app-canvases", "stall", times=1, seconds=20))
    assert canvases.press(tenant, id_, "refresh", {}, base_url=url)
    working = "SELECT count(*) FROM registry_sync_webhookdelivery WHERE state = 'working'"
    until(lambda: d.rows(working) == [(1,)], seconds=20, what="the press in its hands")
    kill(service.interactive)
    assert not canvas["enabled"]
    service.keep_running()
    until(lambda: canvas["enabled"], seconds=110, what="the canvas by itself")


@pytest.mark.invariant(4)
@pytest.mark.once
def test_a_default_deployment_is_back_within_two_minutes():
    """What the tests above shorten: a lease, and the pause between two looks of a worker."""
    from django.conf import settings

    from registry_sync.jobs import worker

    noticed = 5  # a busy worker's heartbeat
    assert settings.LEASE_SECONDS + worker.reconcile_interval() + noticed < 115
    assert ABANDONED_AFTER.total_seconds() + worker.reconcile_interval() + noticed < 115
    assert ABANDONED_AFTER.total_seconds() > LONGEST_WORK


@pytest.mark.invariant(2)
def test_twenty_of_the_same_at_once_start_one_run(deploy, redis):
    service = serve(deploy, redis, 300)
    tenant = service.d.world.tenant
    made = canvases.make(tenant, APP, {"featureId": "manual_sync", "resourceId": "etr_1"})
    message = {"type": "v2.canvas.userInteracted", "buttonId": "manual_sync",
               "canvasId": made["id"], "featureId": "manual_sync", "userId": "ent_ada"}  # fmt: skip
    url = service.d.world.server.url
    body = json.dumps(envelope(tenant, APP, message, base_url=url))
    headers = tenant.signer.headers(body, webhook_id="msg_same", timestamp=int(time.time()))
    statuses: list[int] = []

    def post() -> None:
        to = f"{service.url}/benchling/webhooks/canvas"
        while True:
            status = requests.post(to, body, headers=headers, timeout=180).status_code
            if status != 503:  # sent again where a busy machine could not fetch the keys in time
                break
            time.sleep(1)
        statuses.append(status)

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
