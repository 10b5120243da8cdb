"""What a webhook may be like: any id, many signatures, and one that kills whoever works on it."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.db.models import F

from registry_sync.core.text import LONGEST_ID
from registry_sync.jobs import reconciler
from registry_sync.models import WebhookDelivery
from registry_sync.webhooks import handlers
from registry_sync.webhooks import signing_keys as keys
from registry_sync.webhooks.inbox import ATTEMPTS, claim_delivery, left_over
from sandbox.tenant.signing import Signer
from tests.support.registry import compound
from tests.support.webhooks import Sender
from tests.support.worlds import DEFINITION, World


@pytest.fixture
def w(world, settings) -> World:
    made = world([compound(1)])
    settings.BENCHLING_APP_DEFINITION_ID = DEFINITION
    settings.BENCHLING_JWKS_URL = f"{made.server.url}/sandbox/jwks"
    keys.key_rings.clear()
    return made


IDS = {
    "one character": ("m", 200),
    "the longest": ("m" * LONGEST_ID, 200),
    "one too many": ("m" * (LONGEST_ID + 1), 400),
    "very long": ("m" * 60_000, 400),
    "words": ("msg 1; DROP TABLE x; --", 200),
    "latin": ("é" * LONGEST_ID, 200),
    "a tab": ("msg\t1", 400),
    "an escape": ("msg\x1b[2J", 400),
}


@pytest.mark.invariant(9)
def test_an_id_of_any_length_is_stored_whole_or_refused(w):
    sender = Sender(w)
    body = sender.body()
    for what, (webhook_id, status) in IDS.items():
        headers = sender.headers(body, id=webhook_id)
        assert sender.post(body, headers) == status, what
        stored = WebhookDelivery.objects.filter(webhook_id=webhook_id[: LONGEST_ID + 1])
        assert stored.count() == (status == 200), what
    assert WebhookDelivery.objects.count() == 4


@pytest.mark.invariant(9)
def test_one_good_signature_among_others_is_enough_and_none_is_not(w):
    sender, forged = Sender(w), Signer()
    body = sender.body()
    now = time.time()
    right = sender.headers(body, at=now)
    raw, good = right["Webhook-Signature"].split()[:2]
    bad = forged.headers(body, webhook_id="msg_1", timestamp=int(now))["Webhook-Signature"]
    assert raw.startswith("v1b,") and good.startswith("v1bder,")
    for number, (signatures, status) in enumerate(
        [
            ([bad, good], 200),
            ([good, bad], 200),
            ([bad, "v2,whatever", "", ",", "v1bder,%%", "v1bder,a,b", good], 200),
            ([bad] * 10_000 + [good], 401),
            ([bad, bad], 401),
            (["v1bder,", bad], 401),
            ([good.replace("v1bder,", "v9,"), bad], 401),
            ([good.removeprefix("v1bder,")], 401),
            ([raw], 401),
            ([raw, good], 200),
            ([raw.replace("v1b,", "v1bder,")], 401),
        ]
    ):
        WebhookDelivery.objects.all().delete()
        headers = {**right, "Webhook-Signature": " ".join(signatures)}
        assert sender.post(body, headers) == status, number
        assert WebhookDelivery.objects.count() == (status == 200), number


@pytest.mark.invariant(4)
def test_a_delivery_that_kills_its_workers_is_handed_out_five_times(w, monkeypatch):
    """A worker that is killed says nothing: its delivery stays WORKING until it is abandoned."""
    queued: list[int] = []
    monkeypatch.setattr(
        reconciler, "enqueue_deliveries", lambda rows: queued.extend(r.pk for r in rows) or 0
    )
    assert Sender(w).send({"type": "v2.canvas.created", "canvasId": "cnvs_1"}) == 200
    row = WebhookDelivery.objects.get()
    for attempt in range(1, ATTEMPTS + 1):
        _later()
        reconciler.reconcile(alert=False)
        assert queued == [row.pk] * attempt
        assert claim_delivery(row.pk) is not None and claim_delivery(row.pk) is None
    _later()
    assert not left_over().exists() and claim_delivery(row.pk) is None
    reconciler.reconcile(alert=False)
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("failed", ATTEMPTS) and "5 times" in row.error
    _later()
    reconciler.reconcile(alert=False)
    assert queued == [row.pk] * ATTEMPTS


@pytest.mark.invariant(4)
def test_a_delivery_that_fails_each_time_is_given_up_and_others_are_worked(w, monkeypatch):
    from registry_sync.benchling.errors import Wait, retry_time

    seen: list[str] = []

    def fail(delivery: WebhookDelivery, client: object) -> None:
        seen.append(delivery.webhook_id)
        if delivery.webhook_id == "poison":
            raise Wait(retry_time(1), "Benchling")

    monkeypatch.setitem(handlers.HANDLERS, "v2.app.installed", fail)
    sender = Sender(w)
    for name in ("poison", "a", "b"):
        assert sender.send(id=name) == 200
    poison = WebhookDelivery.objects.get(webhook_id="poison")
    for _ in range(8):
        handlers.work_deliveries(poison.pk)
    poison.refresh_from_db()
    assert seen == ["poison", "a", "b", *["poison"] * (ATTEMPTS - 1)]
    assert poison.state == "failed" and poison.error == "Benchling"
    assert set(WebhookDelivery.objects.exclude(pk=poison.pk).values_list("state", flat=True)) == {
        "done"
    }


def test_an_internal_error_is_named_by_its_kind_alone(w, monkeypatch):
    def fail(delivery: WebhookDelivery, client: object) -> None:
        raise KeyError("hidden")

    monkeypatch.setitem(handlers.HANDLERS, "v2.app.installed", fail)
    assert Sender(w).send() == 200
    row = WebhookDelivery.objects.get()
    handlers.work_delivery(row.pk)
    row.refresh_from_db()
    said = "An internal error occurred (KeyError). The service's log has more."
    assert (row.state, row.error) == ("failed", said)


def _later() -> None:
    minute = timedelta(minutes=2)
    WebhookDelivery.objects.update(received_at=F("received_at") - minute)
    WebhookDelivery.objects.exclude(taken_at=None).update(taken_at=F("taken_at") - minute)
