"""Alerts: one message when a state begins and one when it ends, by whichever process sees it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from registry_sync import runs
from registry_sync.core import signing
from registry_sync.jobs import runner as jobs
from registry_sync.jobs.reconciler import reconcile
from registry_sync.models import Alert, AlertMessage, AlertSettings, EntityError, SyncRun
from registry_sync.monitoring import alerts, freshness, outbox, web_request
from registry_sync.monitoring.alert_check import update_alerts
from registry_sync.monitoring.conditions import FEWEST
from tests.support.commands import command
from tests.support.factories import AlertSettingsFactory
from tests.support.http_server import Server
from tests.support.registry import compound
from tests.support.worlds import PUBLIC, make_key

TEXT = [("SMILES", "smiles"), ("Approval", "approval")]


class Receiver:
    """Takes webhooks on loopback, and answers as it is told."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status, self.location, self.retry_after = 200, "", ""
        self.answers = threading.Event()
        self.answers.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((dict(self.headers), body))
                receiver.answers.wait(60)
                self.send_response(receiver.status)
                if receiver.location:
                    self.send_header("Location", receiver.location)
                if receiver.retry_after:
                    self.send_header("Retry-After", receiver.retry_after)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = Server(Handler)
        self.url = f"{self.server.url}/hook"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.stop()


@pytest.fixture
def told(world, settings) -> Any:
    """Make a world of n records whose alerts go to two people; returns it and the settings row."""
    settings.EMAIL_READY = True

    def make(count: int = 3, **values: Any) -> tuple[Any, AlertSettings]:
        w = world([compound(n) for n in range(count)], rows=TEXT)
        row = AlertSettingsFactory(emails="ann@example.com\nbob@example.com", **values)
        return w, row

    return make


def subjects() -> list[str]:
    return [message.subject.split(" (")[0] for message in mail.outbox]


def test_the_first_failure_and_the_recovery_are_told_once_each(told, settings):
    settings.CSRF_TRUSTED_ORIGINS = ["https://*.example.com", "https://sync.example.com"]
    w, _ = told()
    assert command()[0] == 0 and mail.outbox == []
    w.registry.token = "another"
    for _ in range(3):
        assert command()[0] == 1
    assert subjects() == ["Registry Sync: runs fail"] * 2
    assert {to for message in mail.outbox for to in message.to} == {
        "ann@example.com", "bob@example.com",
    }  # fmt: skip
    body = mail.outbox[0].body
    first = SyncRun.objects.filter(status="FAILED").earliest("pk")
    assert "The registry rejects the key (401)." in body and "Since: 2" in body
    assert "Who must act: " in body and "enters a valid key in API Key" in body
    page = reverse("admin:registry_sync_syncrun_change", args=[first.pk])
    assert f"Open: https://sync.example.com{page}" in body
    w.registry.token = "key"
    command()
    command()
    assert subjects()[2:] == ["Registry Sync: over: runs fail"] * 2
    alert = Alert.objects.get()
    assert alert.ended_at and "succeeded again" in alert.ended_text


@pytest.mark.once
def test_what_may_pass_is_told_after_several_runs_in_a_row(told):
    w, _ = told(transient_runs=3)
    w.sync()
    for _ in range(2):
        w.registry.refuses = 503
        failed = _fast_fail(w)
        assert failed.error_kind == "transient"
    assert not Alert.objects.exists()
    w.registry.refuses = 0
    w.sync()
    w.registry.refuses = 503
    for _ in range(2):
        _fast_fail(w)
    assert not Alert.objects.exists(), "a good run in between begins the count anew"
    _fast_fail(w)
    alert = Alert.objects.get()
    assert alert.what == Alert.What.FAILING and "last of 3 runs in a row" in alert.text


def _fast_fail(w: Any) -> SyncRun:
    """Fail a run for a cause that may pass, without the minute that its tries take."""
    run, _ = runs.request_run(kind=SyncRun.Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    lease = runs.claim(run.pk)
    assert lease is not None
    error = jobs.internal_error(RuntimeError())
    runs.fail(run, lease, error)
    update_alerts()
    run.refresh_from_db()
    return run


def test_no_good_run_is_told_by_whoever_still_lives(told):
    w, _ = told()
    w.sync()
    SyncRun.objects.update(finished_at=timezone.now() - timedelta(hours=25))
    stuck, _ = runs.request_run(kind=SyncRun.Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    hour = timezone.now() + timedelta(hours=1)
    SyncRun.objects.filter(pk=stuck.pk).update(waiting_until=hour)
    reconcile()
    assert mail.outbox == [], "it waits for limits"
    SyncRun.objects.filter(pk=stuck.pk).update(waiting_until=None)
    runs.pause(stuck, actor="Olivia", reason="Lunch")
    reconcile()
    reconcile()
    assert subjects() == ["Registry Sync: no good run"] * 2
    assert "more than 24 hours" in mail.outbox[0].body and "cron" in mail.outbox[0].body
    runs.cancel(stuck, actor="Olivia", reason="Enough")
    reconcile()
    assert len(mail.outbox) == 2, "cancelling is neither good nor a failure"
    command()
    assert subjects()[2:] == ["Registry Sync: over: no good run"] * 2


def test_a_large_share_refused_is_told_and_its_end(told):
    w, _ = told(60, refused_percent=20)
    for n in range(15):
        w.registry.edit(f"C-{n:06d}", approval="unknown")
    run = w.sync()
    assert run.failed == 15
    alert = Alert.objects.get()
    assert alert.what == Alert.What.REFUSED and "refused 15 of 60 records" in alert.text
    w.registry.edit("C-000050", approval=1)
    w.sync()
    assert Alert.objects.get().ended_at is None, "fifteen are still not there"
    some = list(EntityError.objects.values_list("pk", flat=True)[:6])
    EntityError.objects.filter(pk__in=some).update(dismissed_at=timezone.now())
    alerts.record_changes()
    assert Alert.objects.get().ended_at is not None


def open_alerts() -> list[str]:
    return [str(a.what) for a in Alert.objects.filter(ended_at__isnull=True)]


def test_refusals_that_come_again_raise_no_alert_and_new_ones_do(told):
    """Seventeen old errors in the overlap of a small run are no news; eleven new ones are."""
    w, row = told(60, refused_percent=20)
    AlertSettings.objects.filter(pk=row.pk).update(refused_percent=100)
    for n in range(17):
        w.registry.edit(f"C-{n:06d}", approval="unknown")
    first = w.sync()
    assert first.failed == 17
    # As if they had been open since long before there was an alert about refusals.
    EntityError.objects.update(opened_by=None)
    AlertSettings.objects.filter(pk=row.pk).update(refused_percent=20)
    alerts.record_changes()
    again = w.sync()
    assert (again.failed, again.read) == (17, 17) or again.failed >= FEWEST
    assert open_alerts() == []
    for n in range(20, 31):
        w.registry.edit(f"C-{n:06d}", approval="unknown")
    third = w.sync()
    assert third.failed >= 11
    assert open_alerts() == ["refused"]
    assert f"Run {third.pk} refused 11 of" in Alert.objects.get().text


def test_no_later_run_ends_or_repeats_an_alert_about_refusals(told):
    w, _ = told(60, refused_percent=20)
    for n in range(15):
        w.registry.edit(f"C-{n:06d}", approval="unknown")
    w.sync()
    assert open_alerts() == ["refused"]
    w.registry.edit("C-000050", approval=1)
    for kind in (SyncRun.Kind.INCREMENTAL, SyncRun.Kind.FULL, SyncRun.Kind.RETRY):
        w.sync(kind=kind)
        assert open_alerts() == ["refused"], kind
    assert Alert.objects.count() == 1 and AlertMessage.objects.count() == 2
    for n in range(15):
        w.registry.edit(f"C-{n:06d}", approval=1900 + n)
    w.sync()
    assert open_alerts() == [] and "no longer many" in Alert.objects.get().ended_text


@pytest.mark.once
def test_dismissed_refusals_are_not_counted_until_they_are_refused_anew(told):
    w, _ = told(60, refused_percent=100)
    for n in range(15):
        w.registry.edit(f"C-{n:06d}", approval="unknown")
    w.sync()
    EntityError.objects.update(dismissed_at=timezone.now(), dismissed_by="Olivia")
    AlertSettings.objects.update(refused_percent=20)
    alerts.record_changes()
    w.sync(kind=SyncRun.Kind.FULL)
    assert open_alerts() == []
    for n in range(15):
        w.registry.edit(f"C-{n:06d}", approval="worse")
    w.sync(kind=SyncRun.Kind.FULL)
    assert open_alerts() == ["refused"], "their records changed, and they are refused again"


@pytest.mark.once
def test_refusals_of_a_pilot_are_new_to_the_run_of_all_records(told):
    w, _ = told(60, refused_percent=20)
    w.sync()
    for n in range(15):
        w.registry.edit(f"C-{n:06d}", approval="unknown")
    pilot = w.sync(only=[f"C-{n:06d}" for n in range(15)])
    assert pilot.failed == 15 and open_alerts() == []
    w.sync(kind=SyncRun.Kind.FULL)
    assert open_alerts() == ["refused"]


@pytest.mark.once
def test_a_busy_run_ends_no_alert(told):
    """A run at work is no proof that one succeeds: the alert about none lasts until one did."""
    w, _ = told()
    w.sync()
    SyncRun.objects.update(finished_at=timezone.now() - timedelta(hours=25))
    alerts.record_changes()
    assert open_alerts() == ["stale"]
    run, _ = runs.request_run(kind=SyncRun.Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    assert runs.claim(run.pk) is not None
    assert freshness.check_freshness(None).state == "busy"
    alerts.record_changes()
    assert open_alerts() == ["stale"]


def test_an_old_error_is_told_unless_dismissed(told):
    w, _ = told(3)
    w.registry.edit("C-000001", approval="unknown")
    w.sync()
    error = EntityError.objects.get()
    EntityError.objects.update(first_seen=timezone.now() - timedelta(days=8))
    EntityError.objects.update(dismissed_at=timezone.now(), dismissed_by="Olivia")
    alerts.record_changes()
    assert not Alert.objects.exists()
    EntityError.objects.update(dismissed_at=None)
    alerts.record_changes()
    alert = Alert.objects.get()
    assert alert.what == Alert.What.OLD_ERROR and "C-000001" in alert.text
    body = AlertMessage.objects.latest("pk").body
    assert error.remedy in body and "Who must act: The " in body
    w.registry.edit("C-000001", approval=1999)
    w.sync()
    assert Alert.objects.get().ended_at is not None


def test_two_who_see_it_at_once_tell_it_once(told, monkeypatch):
    w, _ = told()
    w.sync()
    SyncRun.objects.update(finished_at=timezone.now() - timedelta(hours=25))
    honest = alerts._changes

    def overtaken(limits: AlertSettings) -> Any:
        """See the change, and be overtaken before a word is written."""
        seen = honest(limits)
        monkeypatch.setattr(alerts, "_changes", honest)
        assert alerts.record_changes() == 2
        return seen

    monkeypatch.setattr(alerts, "_changes", overtaken)
    assert alerts.record_changes() == 0
    assert Alert.objects.count() == 1 and AlertMessage.objects.count() == 2
    first, again = AlertMessage.objects.first(), AlertMessage.objects.first()
    assert outbox._claim(first) and not outbox._claim(again)


@pytest.mark.postgres  # SQLite in memory has no two writers
def test_many_at_once_tell_it_once(told):
    w, _ = told()
    w.sync()
    SyncRun.objects.update(finished_at=timezone.now() - timedelta(hours=25))
    start, failures = threading.Barrier(6), []

    def look() -> None:
        try:
            start.wait()
            alerts.record_changes()
            outbox.send_due()
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=look) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == [] and Alert.objects.count() == 1 and AlertMessage.objects.count() == 2
    assert len(mail.outbox) == 2


def test_a_message_that_cannot_be_sent_waits_in_the_outbox(told, settings):
    settings.EMAIL_READY = False
    w, _ = told()
    w.registry.token = "another"
    assert command()[0] == 1
    message = AlertMessage.objects.first()
    assert message.sent_at is None and "EMAIL_URL" in message.error and message.attempts == 1
    assert message.next_try_at > timezone.now() + timedelta(seconds=30)
    settings.EMAIL_READY = True
    outbox.send_due()
    assert mail.outbox == [], "not before its time"
    AlertMessage.objects.update(next_try_at=timezone.now())
    outbox.send_due()
    message.refresh_from_db()
    assert len(mail.outbox) == 2 and message.sent_at and message.error == ""
    assert alerts.record_changes() == 0


def signature_fault(received: dict[str, str], body: bytes, key: str) -> str:
    """Return what is wrong with a message's signature; "" for a valid one."""
    signed = f"{received.get(signing.ID, '')}.{received.get(signing.TIME, '')}.".encode() + body
    try:
        signing.verify(received.get(signing.SIGNATURE, ""), key, signed)
    except ValueError as error:
        return str(error)
    return ""


@pytest.mark.once
def test_a_webhook_is_signed_and_its_receiver_can_refuse_others(told, receiver):
    w, _ = told(webhook_url=receiver.url)
    w.registry.token = "another"
    command()
    [(headers, body)] = receiver.got
    assert signature_fault(headers, body, PUBLIC) == ""
    assert signature_fault(headers, body + b" ", PUBLIC)
    assert signature_fault(headers | {signing.TIME: "1"}, body, PUBLIC)
    assert signature_fault(headers | {signing.ID: "alert-0"}, body, PUBLIC)
    assert signature_fault(headers, body, make_key()[1])
    assert abs(int(headers[signing.TIME]) - time.time()) < 60
    names = {name.lower(): value for name, value in headers.items()}
    assert names["webhook-id"] == headers[signing.ID]
    assert names["webhook-timestamp"] == headers[signing.TIME]
    version, _, token = names["webhook-signature"].partition(",")
    assert version not in ("v1", "v1a"), "those are HMAC and Ed25519"
    assert signature_fault(headers | {signing.SIGNATURE: token}, body, PUBLIC) == ""
    said = json.loads(body)
    assert said["event"] == "began" and said["what"] == "failing"
    assert said["id"] == headers[signing.ID]
    w.registry.token = "key"
    command()
    assert json.loads(receiver.got[1][1])["event"] == "ended"


@pytest.mark.once
def test_the_example_in_the_docs_verifies_a_webhook(told, receiver, tmp_path):
    w, _ = told(webhook_url=receiver.url)
    w.registry.token = "another"
    command()
    [(headers, body)] = receiver.got
    space: dict[str, Any] = {}
    exec(_example(), space)
    assert space["is_genuine"](headers, body, PUBLIC)
    assert not space["is_genuine"](headers, body + b" ", PUBLIC)
    old = headers | {signing.TIME: str(int(time.time()) - 600)}
    assert not space["is_genuine"](old, body, PUBLIC)


def _example() -> str:
    """Take the Python out of docs/operations.md."""
    from tests.support import ROOT

    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    return text.partition("```python\n")[2].partition("```")[0]


@pytest.mark.parametrize(
    ("url", "private", "expected"),
    [
        ("http://169.254.169.254/latest", True, "not allowed"),
        ("RECEIVER", False, "private address"),
        ("http://ann:secret@127.0.0.1/", True, "contains a name or a password"),
        ("file:///etc/passwd", True, "is not a web address"),
    ],
)
@pytest.mark.invariant(9)
@pytest.mark.once
def test_an_address_that_is_not_allowed_gets_nothing(
    told, receiver, settings, url, private, expected
):
    _, row = told(webhook_url=receiver.url if url == "RECEIVER" else url)
    settings.REGISTRY_ALLOW_PRIVATE_NETWORKS = private
    [*_, hook] = alerts.make_test_messages(row, actor="Olivia")
    assert expected in outbox.send(hook) and receiver.got == []


@pytest.mark.once
def test_a_receiver_that_redirects_or_is_slow_does_not_hold_anybody(told, receiver, monkeypatch):
    _, row = told(webhook_url=receiver.url)
    receiver.status, receiver.location = 302, receiver.url
    [*_, hook] = alerts.make_test_messages(row, actor="Olivia")
    assert "answered 302; redirects are not followed" in outbox.send(hook)
    assert len(receiver.got) == 1
    monkeypatch.setattr(web_request, "TIMEOUT", 0.2)
    receiver.answers.clear()  # it answers only after the message was given up
    try:
        assert "is unreachable" in outbox.send(hook)
    finally:
        receiver.answers.set()


def test_alerts_that_break_fail_no_run(told, monkeypatch):
    w, _ = told()
    monkeypatch.setattr(freshness, "record_pulse", lambda: 1 / 0)
    assert w.sync().status == SyncRun.Status.SUCCEEDED


FORM = {
    "emails": "ann@example.com\n\nbob@example.com", "webhook_url": "", "no_good_run_hours": "12",
    "refused_percent": "5", "error_days": "7", "transient_runs": "3", "reason": "Bob is back",
}  # fmt: skip


@pytest.mark.once
def test_who_may_change_the_settings_and_test_them(told, owner, viewer, settings):
    told()
    AlertSettings.objects.all().delete()
    answer = owner.get(reverse("admin:registry_sync_alertsettings_changelist"))
    url = answer.url
    row = AlertSettings.objects.get()
    test = reverse("admin:registry_sync_alertsettings_test", args=[row.pk])
    assert Client().post(url, FORM).url.startswith(reverse("admin:login"))
    assert viewer.get(url).status_code == 200 and "Test: send" not in viewer.get(url).text
    assert viewer.post(url, FORM).status_code == viewer.post(test).status_code == 403
    assert Client().post(test).url.startswith(reverse("admin:login"))
    assert owner.get(test).status_code == 405
    bad = FORM | {"emails": "ann@example.com\nno address", "reason": ""}
    said = owner.post(url, bad).text
    assert "no address is not an e-mail address" in said and "This field is required" in said
    assert owner.post(url, FORM | {"webhook_url": "ftp://example.com"}).status_code == 200
    assert owner.post(url, FORM).status_code == 302
    row.refresh_from_db()
    assert row.emails == "ann@example.com\nbob@example.com" and row.no_good_run_hours == 12
    assert (
        "Bob is back"
        in owner.get(reverse("admin:registry_sync_alertsettings_history", args=[row.pk])).text
    )
    said = owner.post(test, follow=True).text
    assert said.count("example.com: sent.") == 2 and subjects() == ["Registry Sync: a test"] * 2
    settings.EMAIL_READY = False
    assert "must set EMAIL_URL" in owner.post(test, follow=True).text
    outbox.send_due()
    assert len(mail.outbox) == 2, "a test is not repeated"


@pytest.mark.once
def test_alerts_and_messages_are_read_only(told, owner, viewer):
    w, _ = told()
    w.registry.token = "another"
    command()
    for name, row in (
        ("alert", Alert.objects.get()),
        ("alertmessage", AlertMessage.objects.first()),
    ):
        listed = viewer.get(reverse(f"admin:registry_sync_{name}_changelist"))
        assert listed.status_code == 200 and "runs fail" in listed.text
        page = reverse(f"admin:registry_sync_{name}_change", args=[row.pk])
        assert viewer.get(page).status_code == 200
        assert owner.post(page, {"text": "well"}).status_code == 403
        delete = reverse(f"admin:registry_sync_{name}_delete", args=[row.pk])
        assert owner.post(delete, {"post": "yes"}).status_code == 403


def test_a_look_where_nothing_changed_is_cheap(told, django_assert_max_num_queries):
    w, _ = told(5)
    w.sync()
    with django_assert_max_num_queries(12):
        assert alerts.record_changes() == 0


@pytest.mark.once
def test_a_key_that_cannot_sign_holds_no_mail_back(told, receiver, owner, settings):
    _, row = told(webhook_url=receiver.url)
    settings.BENCHLING_PRIVATE_KEY = "no key"
    test = reverse("admin:registry_sync_alertsettings_test", args=[row.pk])
    said = owner.post(test, follow=True).text
    assert said.count("example.com: sent.") == 2 and "is not a valid private key" in said
    other = reverse("admin:registry_sync_alertsettings_test", args=[row.pk + 1])
    assert owner.post(other).status_code == 404
    assert receiver.got == []


def test_a_message_is_tried_less_and_less_often_and_given_up_after_a_day(told, receiver):
    _, row = told(webhook_url=receiver.url)
    receiver.status = 500
    row.emails = ""
    alerts.make_test_messages(row, actor="Olivia")
    waits = []
    for _ in range(4):
        AlertMessage.objects.update(next_try_at=timezone.now())
        outbox.send_due()
        message = AlertMessage.objects.get()
        waits.append(round((message.next_try_at - timezone.now()).total_seconds() / 60))
    assert waits == [1, 5, 30, 60] and message.error == "The recipient answered 500."
    day_ago = timezone.now() - timedelta(hours=23, minutes=30)
    AlertMessage.objects.update(next_try_at=timezone.now(), created_at=day_ago)
    outbox.send_due()
    assert AlertMessage.objects.get().next_try_at is None and len(receiver.got) == 5


@pytest.mark.once
def test_a_recipient_says_when_it_wants_to_be_asked_again(told, receiver):
    _, row = told(webhook_url=receiver.url)
    receiver.status, receiver.retry_after = 429, "900"
    row.emails = ""
    [test] = alerts.make_test_messages(row, actor="Olivia")
    waits = []
    for hours in (0, 23.9):
        earlier = timezone.now() - timedelta(hours=hours)
        AlertMessage.objects.update(next_try_at=timezone.now(), created_at=earlier, attempts=0)
        outbox.send_due()
        test.refresh_from_db()
        waits.append(round((test.next_try_at - timezone.now()).total_seconds() / 60))
    assert waits == [15, 6] and test.error == "The recipient answered 429."


@pytest.mark.once
def test_a_misconfigured_cron_still_tells_that_no_run_is_good(told, settings):
    w, _ = told()
    w.sync()
    SyncRun.objects.update(finished_at=timezone.now() - timedelta(hours=25))
    settings.BENCHLING_CLIENT_SECRET = ""
    assert command()[0] == 1
    assert subjects() == ["Registry Sync: no good run"] * 2
