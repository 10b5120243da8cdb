"""Doctor: each part of the set-up broken in turn, and what it says about it."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import MagicMock

import pytest
import yaml
from django.contrib.admin.models import LogEntry
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from redis import Redis
from rq import Worker

from integration.mail import mail_settings
from registry_sync import checks, runs
from registry_sync.core.problems import SyncError
from registry_sync.models import Checkup, SyncRun
from registry_sync.monitoring import alerts
from registry_sync.monitoring.doctor import checkup as doctor
from registry_sync.monitoring.doctor import lane as check_lane
from registry_sync.monitoring.doctor import service as check_service
from registry_sync.monitoring.doctor.check_result import CheckResult
from tests.support.environment import FULL
from tests.support.factories import AlertMessageFactory, CheckupFactory, WebhookDeliveryFactory
from tests.support.odd import Reply
from tests.support.registry import compound
from tests.support.worlds import DEFINITION, PUBLIC, SECRET, World, make_key

pytestmark = pytest.mark.once


def examined() -> dict[str, CheckResult]:
    return {point.name: point for point in doctor.examine()}


@pytest.fixture
def sound(world, settings) -> World:
    """A set-up in which doctor finds nothing that fails; no run was there yet."""
    w = world([compound(n) for n in range(30)], page_size=20)
    settings.BENCHLING_APP_DEFINITION_ID = DEFINITION
    settings.BENCHLING_JWKS_URL = f"{w.server.url}/sandbox/jwks"
    settings.EMAIL_READY = True
    return w


def test_a_sound_set_up_is_told_so_and_nothing_is_written(sound, settings):
    sound.sync()
    row = alerts.settings_row()
    row.emails = "ann@example.com\nbob@example.com"
    row.save()
    before = dict(sound.tenant.writes), sound.written(), len(sound.tenant.sessions)
    out = io.StringIO()
    call_command("doctor", stdout=out)
    said = out.getvalue()
    assert (dict(sound.tenant.writes), sound.written(), len(sound.tenant.sessions)) == before
    points = {point["name"]: point["state"] for point in Checkup.objects.get().points}
    unwell = {name: state for name, state in points.items() if state != "ok"}
    expected = {
        "Settings": "warning", "Redis": "warning", "Workers": "skipped", "Webhooks": "skipped",
        "Manifest": "skipped", "Schema is read-only for people": "skipped",
    }  # fmt: skip
    if points["Disk"] == "skipped":  # PostgreSQL's is elsewhere
        expected["Disk"] = "skipped"
    assert unwell == expected
    assert "0 failed, 2 warned." in said and "REDIS_URL is not set" in said


def _other_key(w: World, settings: Any) -> None:
    settings.BENCHLING_PRIVATE_KEY = make_key()[0]


def _shuffled(w: World, settings: Any) -> None:
    w.registry.on_page = lambda number: w.registry.records.insert(0, w.registry.records.pop())


def _misspelt_link(w: World, settings: Any) -> None:
    paging = {"type": "json_link", "next_url_path": "nxt"}
    w.configure(**{"Connector Settings": {"endpoint": {"paginator": paging}}})


def _twice(w: World, settings: Any) -> None:
    w.registry.records += [dict(w.registry.records[0])]


BROKEN: list[tuple[str, str, str, Callable[[World, Any], Any]]] = [
    ("Registry", "bad", "rejects the key", lambda w, s: setattr(w.registry, "token", "other")),
    ("Registry", "bad", "it answered 503", lambda w, s: setattr(w.registry, "refuses", 503)),
    ("Modified-since filter", "bad", "ignores the filter",
     lambda w, s: [w.sync(), setattr(w.registry, "ignores_filter", True)]),
    ("Pages", "bad", "nothing at “nxt”", _misspelt_link),
    ("Ids", "bad", "C-000000", _twice),
    ("Order", "warning", "read twice", _shuffled),
    ("Clock: the registry's", "warning", "behind the service's",
     lambda w, s: setattr(w.registry, "date", datetime.now(UTC) - timedelta(minutes=3))),
    ("Key pair", "bad", "another key", _other_key),
    ("Folder", "bad", "no access", lambda w, s: w.tenant.hidden.add(w.folder)),
    ("Schema", "bad", "no access", lambda w, s: w.tenant.hidden.add(w.schema)),
    ("Benchling registry", "bad", "no access",
     lambda w, s: w.tenant.hidden.add(w.benchling_registry)),
    ("Fields", "bad", "", lambda w, s: w.configure(**{"Mapping Rules": {"tsf_none": "trim"}})),
    ("Configuration", "bad", "API URL is missing", lambda w, s: w.configure(**{"API URL": ""})),
    ("Credentials and installation", "bad", "client id and secret",
     lambda w, s: setattr(s, "BENCHLING_CLIENT_SECRET", "wrong")),
    ("Credentials and installation", "bad", "nothing answers at 127.0.0.1:9",
     lambda w, s: setattr(s, "BENCHLING_URL", "http://127.0.0.1:9")),
    ("Webhooks' keys (JWKS)", "bad", "No usable key",
     lambda w, s: setattr(s, "BENCHLING_JWKS_URL", f"{w.server.url}/")),
    ("Redis", "bad", "unreachable",
     lambda w, s: setattr(s, "REDIS_URL", "redis://:hunter22@127.0.0.1:9/0")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "state", "words", "break_it"), BROKEN, ids=[b[2] for b in BROKEN])
def test_what_is_broken_is_named_with_who_must_act(sound, settings, name, state, words, break_it):
    if FULL or BROKEN.index((name, state, words, break_it)) % 2:  # the others were never synced
        sound.sync()
    break_it(sound, settings)
    points = examined()
    found = points[name]
    assert found.state == state and words in found.finding, found
    assert any(who in found.remedy for who in ("operator", "owner", "Benchling admin")), found
    assert "hunter22" not in str(points) and SECRET not in str(points)
    assert points["Database"].state == "ok", "one failure stops no other"


@pytest.mark.parametrize(
    ("read_only", "encoding", "state", "words"),
    [
        ("on", "UTF8", "bad", "a standby or read-only"),
        ("off", "SQL_ASCII", "bad", "SQL_ASCII, which cannot store every text"),
        ("off", "UTF8", "ok", "writable"),
    ],
)
def test_postgresql_accepts_writes_of_every_text(monkeypatch, read_only, encoding, state, words):
    connection = MagicMock(vendor="postgresql")
    cursor = connection.cursor.return_value.__enter__.return_value
    cursor.fetchone.return_value = (read_only, encoding)
    monkeypatch.setattr(check_service, "connection", connection)
    monkeypatch.setattr(check_service.pending_migrations, "missing", lambda: 0)
    found = check_service.check_database()
    assert found.state == state and words in found.finding, found


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(b"<html>Sign in</html>", kind="text/html"), "it is a web page"),
        (Reply(b"id,name\n1,One\n", kind="text/csv"), "(CSV)"),
        (Reply({"m": "down"}, 503, headers={"Retry-After": "30"}), "answered 503"),
        (Reply({"m": "rate limit"}, 403, headers={"Retry-After": "30"}), "asks to wait"),
        (Reply(b"[]", headers={"Content-Encoding": "gzip"}), "Content-Encoding (gzip)"),
    ],
)
def test_what_a_registry_answers_is_said_without_waiting(sound, serve, reply, words):
    sound.configure(**{"API URL": serve(lambda asked: reply).url + "/list"})
    assert words in examined()["Registry"].finding


def test_exit_status_tells_that_something_fails(sound):
    sound.registry.token = "other"
    out = io.StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("doctor", stdout=out)
    assert end.value.code == 1 and "BAD      Registry: The registry rejects the key" in (
        out.getvalue()
    )
    assert "→ The integration owner enters a valid key" in out.getvalue()


@pytest.mark.invariant(9)
def test_a_check_that_breaks_stops_no_other_and_tells_no_secret(sound, monkeypatch):
    def talks() -> CheckResult:
        raise SyncError(f"{SECRET} was refused.", remedy=f"Try {SECRET}.")

    monkeypatch.setitem(check_service.SERVICE_CHECKS, "Redis", talks)
    monkeypatch.setitem(check_service.SERVICE_CHECKS, "Disk", lambda: 1 / 0)
    points = examined()
    assert points["Disk"].state == "bad" and "ZeroDivisionError" in points["Disk"].finding
    assert points["Order"].state == "ok" and SECRET not in str(points)
    assert points["Pages"].finding == "More pages follow."
    assert points["Redis"].finding == "••• was refused."


def test_both_queues_want_a_worker(sound, settings, redis_server):
    settings.REDIS_URL = redis_server.url
    assert check_service.check_redis().state == "ok"
    found = check_service.check_workers()
    assert found.state == "bad" and "sync or interactive" in found.finding
    made = []
    for queue in ("sync", "interactive"):
        worker = Worker([queue], connection=Redis.from_url(redis_server.url))
        worker.register_birth()
        made.append(worker)
        expected = "bad" if queue == "sync" else "ok"
        assert check_service.check_workers().state == expected
    for worker in made:
        worker.register_death()


def test_alerts_that_reach_nobody_or_one_are_told(sound, settings):
    assert "No one is notified" in check_service.check_alerts().finding
    row = alerts.settings_row()
    row.emails = "ann@example.com"
    row.save()
    assert "Only one recipient" in check_service.check_alerts().finding
    row.webhook_url = "https://example.com/hook"
    row.save()
    assert check_service.check_alerts().state == "ok"
    AlertMessageFactory(receiver=row.webhook_url, error="The recipient answered 500.")
    assert "answered 500" in check_service.check_alerts().finding
    settings.EMAIL_READY = False
    found = check_service.check_alerts()
    assert found.state == "bad" and "EMAIL_URL" in found.remedy


def test_the_manifest_that_lies_here_is_compared(sound, settings, tmp_path):
    settings.BASE_DIR = tmp_path
    for key, state in ((make_key()[1], "bad"), (PUBLIC, "ok")):
        written = yaml.safe_dump({"security": {"publicKey": key}})
        (tmp_path / "registry-sync.yaml").write_text(written, encoding="utf-8")
        assert examined()["Manifest"].state == state


def test_webhooks_that_came_and_a_schedule_that_stopped(sound):
    sound.sync()
    WebhookDeliveryFactory()
    assert check_service.check_webhooks().state == "ok"
    SyncRun.objects.update(finished_at=timezone.now() - timedelta(hours=30))
    found = check_lane.check_schedule(runs.current_lanes()[0])
    assert found.state == "bad" and "stale: no good run for 30 hours" in found.finding


def test_who_may_let_doctor_look(sound, owner, viewer):
    run = reverse("admin:registry_sync_checkup_run")
    listed = reverse("admin:registry_sync_checkup_changelist")
    assert Client().post(run).url.startswith(reverse("admin:login"))
    assert viewer.post(run).status_code == 403 and not Checkup.objects.exists()
    assert owner.get(run).status_code == 405
    assert run in owner.get(listed).text and run not in viewer.get(listed).text
    answer = owner.post(run)
    row = Checkup.objects.get()
    page = reverse("admin:registry_sync_checkup_change", args=[row.pk])
    assert answer.url == page and row.actor == "Olivia"
    assert "Started a check-up" in LogEntry.objects.get().change_message
    shown = viewer.get(page).text
    assert "BENCHLING_PRIVATE_KEY decrypts API Key." in shown and "Order" in shown
    assert viewer.get(listed).status_code == 200


def test_a_check_up_of_an_earlier_version_can_still_be_read(sound, viewer):
    point = {"name": "Disk", "state": "unseen", "finding": "It is elsewhere.", "remedy": ""}
    row = CheckupFactory(points=[point])
    page = viewer.get(reverse("admin:registry_sync_checkup_change", args=[row.pk]))
    assert page.status_code == 200 and "skipped" in page.text and "It is elsewhere." in page.text


def test_the_mail_server_s_address_is_read_and_a_bad_one_told(settings):
    good = mail_settings("submission://ann%40example.com:p%40ss@mail.example.com", "sync.test")
    assert good["EMAIL_READY"] and good["EMAIL_PORT"] == 587 and good["EMAIL_USE_TLS"]
    assert good["EMAIL_HOST_PASSWORD"] == "p@ss" and good["EMAIL_TIMEOUT"] == 10
    assert good["DEFAULT_FROM_EMAIL"] == "ann@example.com"
    plain = mail_settings("smtp://mail:25", "sync.test")
    assert plain["DEFAULT_FROM_EMAIL"] == "registry-sync@sync.test"
    assert not mail_settings("", "")["EMAIL_READY"] and not mail_settings("", "")["EMAIL_FAULT"]
    for bad in ("mail.example.com", "smtp://mail:port", "smtps://ann:hunter22@mail", "ftp://mail"):
        told = mail_settings(bad, "")
        assert not told["EMAIL_READY"] and told["EMAIL_FAULT"] and "hunter22" not in str(told)
        settings.EMAIL_FAULT = told["EMAIL_FAULT"]
        [found] = checks.check_mail(None)
        assert found.id == "registry_sync.W005" and "EMAIL_URL" in found.msg and found.hint


def test_no_run_that_counts_is_no_success(world, settings):
    w = world([compound(1)])
    assert "No run has succeeded yet." in check_lane.check_last_run(None).finding
    w.registry.token = "other"
    run = w.sync(kind=SyncRun.Kind.DRY_RUN)
    assert run.status == "FAILED"
    point = check_lane.check_last_run(None)
    assert point.state == "warning" and f"Run {run.pk} (dry run) failed" in point.finding
    assert point.remedy == run.remedy
    w.registry.token = "key"
    w.sync()
    assert check_lane.check_last_run(*runs.current_lanes()).state == "ok"


@pytest.mark.parametrize(
    ("hosts", "address"),
    [(["127.0.0.1"], "…/benchling/webhooks"), (["sync.example.com"], "https://sync.example.com/")],
)
def test_the_webhook_address_names_no_host_that_others_cannot_reach(
    transactional_db, settings, hosts, address
):
    settings.CSRF_TRUSTED_ORIGINS, settings.ALLOWED_HOSTS = [], hosts
    assert f"with {address}" in check_service.check_webhooks().remedy
