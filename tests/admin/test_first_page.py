"""The desk's first page: how it stands, the pictures, and the buttons that start a run."""

from __future__ import annotations

import re
import socket
import threading
import time
from datetime import timedelta

import pytest
import requests
from django.contrib.admin.models import LogEntry
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rq import Queue, Worker

from registry_sync import runs
from registry_sync.desk import chart_geometry as figures
from registry_sync.desk import error_decisions as decisions
from registry_sync.desk import run_history as history
from registry_sync.jobs import runner as jobs
from registry_sync.models import EntityError, SyncRun
from registry_sync.runs.rhythm import infer_rhythm
from registry_sync.runs.workers import read_queues
from tests.support.deployment import serve, until
from tests.support.desk import INDEX, old_runs, read
from tests.support.factories import AlertSettingsFactory, InstallationFactory
from tests.support.registry import compound

ORDERS = ("sync", "full", "dry-run", "retry")


def start_url(what: str) -> str:
    return reverse("admin:registry_sync_syncrun_start", args=[what])


# -- what it says ------------------------------------------------------------------------------


@pytest.mark.once
def test_before_the_first_run_it_says_what_to_do(world, owner, viewer):
    world([])
    text = read(owner)
    assert "not started" in text and "Nothing has been synced yet" in text
    assert "press Dry run" in text
    assert "No runs yet." in text and "Retry failed" in text
    assert "Each button previews the changes" not in read(viewer)
    assert Client().get(INDEX).url.startswith(reverse("admin:login"))


def test_after_a_run_it_says_until_when_and_who_must_act(world, owner):
    w = world([compound(n) for n in range(20)] + [compound(30, name="Compound 3")])
    w.sync()
    w.registry.edit("C-000007", smiles="N")
    run = w.sync()
    text = read(owner)
    assert "! behind 1 record is not up to date in Benchling" in text
    until_when = f"{run.watermark:%Y-%m-%d %H:%M} UTC"
    assert (
        f"Everything changed in the registry up to {until_when} is in Benchling, or listed "
        "under Errors." in text
    )
    assert "Who acts: the registry's owner." in text
    assert "For the registry's owner ! behind 1 × name already used in this Benchling" in text
    html = owner.get(INDEX).content.decode()
    assert f'href="{reverse("admin:registry_sync_syncrun_change", args=[run.pk])}"' in html
    assert f'aria-label="Run {run.pk}, ' in html and "20 created" in html
    assert "21 written, 2 refused" in text  # 20 new, one changed; one refused by both runs
    link = re.search(r'href="([^"]+code=name_taken[^"]*)"', html)
    assert "C-000030" in read(owner, link[1].replace("&amp;", "&"))
    tables = re.findall(r"model-(\w+)", html)
    assert tables[:4] == ["syncrun", "entityerror", "ledgerentry", "change"]


def test_what_was_dismissed_is_counted_too(world, owner):
    w = world([compound(n) for n in range(5)])
    for n in range(3):
        w.tenant.refuse[f"C-{n:06d}"] = "Not this one."
    w.sync()
    assert "dismissed" not in read(owner)
    errors = EntityError.objects.order_by("pk")
    one = errors.filter(external_id="C-000000")
    decisions.dismiss(one, actor="Olivia", reason="Known")
    text = read(owner)
    assert "2 records are not up to date in Benchling, and 1 is dismissed. The" in text
    assert "or listed under Errors, of which 1 is dismissed." in text
    assert "Open errors 2 , and 1 dismissed" in text
    decisions.dismiss(errors, actor="Olivia", reason="Known")
    w.sync()
    assert "The last run succeeded, and no record is waiting; 3 are dismissed." in read(owner)


@pytest.mark.once
def test_a_dry_run_looks_like_what_it_is(world, owner):
    w = world([compound(n) for n in range(5)])
    run = w.sync(kind=SyncRun.Kind.DRY_RUN)
    text, html = read(owner), owner.get(INDEX).content.decode()
    assert "Nothing has been synced yet" in text and "read is in Benchling." not in text
    assert "5 would be created" in html and ", 5 created" not in html
    page = reverse("admin:registry_sync_syncrun_change", args=[run.pk])
    assert 'pill quiet">dry run succeeded</span>' in owner.get(page).content.decode()
    assert "DRY RUN: nothing was written to Benchling." in read(owner, page)
    assert "5 would be created" in read(owner, reverse("admin:registry_sync_syncrun_changelist"))


@pytest.mark.once
def test_it_says_when_nobody_is_notified(world, owner, settings):
    world([])
    settings.EMAIL_READY = True
    assert "Alerts ! not set up No one is notified of failing runs" in read(owner)
    row = AlertSettingsFactory(emails="ann@example.com\nbob@example.com")
    assert "Alerts Sent to 2 recipients." in read(owner)
    settings.EMAIL_READY = False
    nobody = (
        "! not set up No one is notified: alerts cannot be sent. The operator must set EMAIL_URL."
    )
    assert nobody in read(owner)
    row.webhook_url = "https://example.com/hook"
    row.save()
    assert "Sent to 3 recipients. Some cannot be sent: The operator must set EMAIL" in read(owner)


@pytest.mark.once
def test_the_bare_address_leads_to_the_desk(client):
    answer = client.get("/")
    assert answer.status_code == 302 and answer.url == INDEX
    assert client.get("/favicon.ico").status_code == 204


@pytest.mark.once
def test_a_failed_run_is_bad_news_with_its_remedy(world, owner):
    w = world([compound(1)])
    w.sync()
    w.registry.token = "other"
    run = w.sync()
    text = read(owner)
    assert run.error and f"✕ stopped The last run ({run.pk}, " in text and run.remedy in text
    w.registry.token = "key"
    w.sync()
    assert "The last run succeeded, and no record is waiting." in read(owner)
    InstallationFactory(deactivated_at=timezone.now())
    assert "✕ stopped The app was deactivated in Benchling" in read(owner)


def test_its_queries_do_not_grow(world, owner, django_assert_max_num_queries):
    w = world([compound(n) for n in range(55)])
    for n in range(50):
        w.registry.record(f"C-{n:06d}")["kind"] = "Peptide"
    w.sync()
    assert EntityError.objects.count() == 50
    with django_assert_max_num_queries(34) as few:
        owner.get(INDEX)
    old_runs(40, every=timedelta(minutes=15), last=timedelta(minutes=5))
    with django_assert_max_num_queries(len(few.captured_queries)):
        owner.get(INDEX)


@pytest.mark.once
def test_workers_are_seen_and_a_redis_that_hangs_holds_nobody_up(world, owner, settings, redis):
    w = world([compound(1)])
    w.sync()
    settings.REDIS_URL = redis.url
    assert "No worker listens. Cron still syncs" in read(owner)
    from redis import Redis

    connection = Redis.from_url(redis.url)
    worker = Worker([Queue("sync", connection=connection)], connection=connection)
    worker.register_birth()
    Queue("interactive", connection=connection).enqueue("registry_sync.jobs.reconciler.reconcile")
    text = read(owner)
    assert "Redis answers; 1 worker on sync; no workers on interactive, 1 waiting." in text
    assert "The last run succeeded" in text
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.REDIS_URL = f"redis://:s3cret@127.0.0.1:{silent.getsockname()[1]}/0"
        began = time.monotonic()
        assert read_queues().trouble and time.monotonic() - began < 30  # answers never
        text = read(owner)
        assert "Redis is unreachable" in text
        assert "s3cret" not in text
    settings.REDIS_URL = "no such thing"
    assert not read_queues().listening and read_queues().trouble


def test_the_rhythm_of_the_schedule_is_inferred(db, settings):
    quarter = timedelta(minutes=15)
    assert infer_rhythm() is None
    old_runs(3, every=quarter, last=timedelta(minutes=5))
    assert infer_rhythm() is None  # too few to say
    SyncRun.objects.all().delete()
    old_runs(20, every=quarter, last=timedelta(minutes=5))
    rhythm = infer_rhythm()
    assert rhythm.sentence().startswith("About every 15 min; next expected about ")
    assert timedelta(minutes=9) < rhythm.expected_at - timezone.now() < timedelta(minutes=11)
    late = infer_rhythm(now=timezone.now() + timedelta(hours=2))
    assert late.overdue and "and is overdue" in late.sentence()
    # Nights, which there were before, are not late; nor is anything without a rhythm.
    SyncRun.objects.all().delete()
    for hours in (48, 24, 0):
        old_runs(40, every=quarter, last=timedelta(hours=hours))
    assert not infer_rhythm(now=timezone.now() + timedelta(hours=13)).overdue
    assert infer_rhythm(now=timezone.now() + timedelta(hours=20)).overdue
    SyncRun.objects.all().delete()
    for hours in (1, 3, 10, 11, 30, 31, 50):
        old_runs(1, every=quarter, last=timedelta(hours=hours))
    assert infer_rhythm() is None


def test_a_schedule_that_stopped_is_told(db, owner):
    old_runs(20, every=timedelta(minutes=15), last=timedelta(hours=3))
    assert "The operator must check that cron" in read(owner)


@pytest.mark.once
def test_bars_show_a_night_beside_a_first_load():
    heights = [
        bar.height for bar in figures.bars([0, 3, 2628], places=30, width=300, height=100, left=0)
    ]
    assert heights[0] == figures.STUB < heights[1] < heights[2] == 100 and heights[1] > 10
    last = figures.bars([1, 2], places=30, width=300, height=100, left=40)[-1]
    assert 330 < last.x < last.x + last.width <= 340
    assert [line.value for line in figures.grid_lines(2628, height=100)] == [1, 10, 100, 1000]


def test_days_without_a_run_are_there_too(db):
    old_runs(2, every=timedelta(days=3), last=timedelta(days=1), created=4, updated=1, failed=2)
    days = history.days()
    assert len(days) == 90 and days[-1].day == timezone.now().date()
    assert [(d.written, d.refused) for d in days[-5:]] == [(5, 2), (0, 0), (0, 0), (5, 2), (0, 0)]


# -- the buttons -------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ORDERS)
@pytest.mark.once
def test_a_button_asks_first_and_then_starts(world, owner, what):
    w = world([compound(n) for n in range(5)] + [compound(9, name="Compound 3")])
    w.sync()
    said = read(owner, start_url(what))
    assert {
        "sync": "Requests what changed in the registry since shortly before 2026-01-05",
        "full": "Reads all ~6 records of the registry",
        "dry-run": "Nothing is written, neither to Benchling",
        "retry": "Retries 1 open error.",
    }[what] in said
    assert "the run starts when a worker polls or at the next manage.py sync_registry" in said
    if what in ("full", "retry"):  # what the schedule does, and what writes nothing, needs none
        owner.post(start_url(what), {"decided": "yes", "reason": " "})
        assert SyncRun.objects.count() == 1  # no reason, no run
    answer = owner.post(start_url(what), {"decided": "yes", "reason": "Wanted"}, follow=True)
    run = SyncRun.objects.first()
    assert (run.trigger, run.actor, run.status) == ("admin", "Olivia", "QUEUED")
    assert run.kind == {"sync": "incremental", "full": "full", "dry-run": "dry run"}.get(
        what, "retry"
    )
    assert "is queued" in answer.content.decode() and "No workers" in answer.content.decode()
    assert "requested by Olivia: Wanted" in run.log.get().text
    assert LogEntry.objects.get().change_message.endswith("Wanted")
    written = w.written()
    run = jobs.work_to_end(run.pk)
    assert run.status == "COMPLETED_WITH_WARNINGS" and w.written() == written
    assert run.read == {"sync": 1, "full": 6, "dry-run": 1, "retry": 1}[what]
    if what == "dry-run":  # nobody watches a worker's terminal
        assert "C-000009 would be refused" in read(
            owner, reverse("admin:registry_sync_syncrun_change", args=[run.pk])
        )


@pytest.mark.parametrize("what", ORDERS)
@pytest.mark.once
def test_only_an_owner_starts_a_run(world, viewer, what):
    world([compound(1)])
    asked = {"decided": "yes", "reason": "Wanted"}
    assert viewer.get(start_url(what)).status_code == 403
    assert viewer.post(start_url(what), asked).status_code == 403
    for answer in (Client().get(start_url(what)), Client().post(start_url(what), asked)):
        assert answer.url.startswith(reverse("admin:login"))
    assert not SyncRun.objects.exists()
    assert viewer.get(start_url("everything")).status_code == 404


def test_a_press_while_a_run_is_active_joins_it(world, owner):
    world([compound(1)])
    active, _ = runs.request_run(
        kind=SyncRun.Kind.FULL, trigger=SyncRun.Trigger.CANVAS, actor="Ada"
    )
    assert f"Run {active.pk} is active (started by Ada)" in read(owner, start_url("sync"))
    answer = owner.post(start_url("sync"), {"decided": "yes", "reason": "Now"}, follow=True)
    said = re.sub(r"<[^>]+>", "", answer.content.decode())
    assert f"Run {active.pk} is already active (started by Ada). No other run was started." in said
    assert answer.redirect_chain[0][0] == reverse(
        "admin:registry_sync_syncrun_change", args=[active.pk]
    )
    assert SyncRun.objects.count() == 1 and not LogEntry.objects.exists()


@pytest.mark.once
@pytest.mark.slow
def test_two_tabs_start_one_run_and_a_cancel_ends_it_within_a_batch(deploy, redis):
    """Before real processes: web, worker, Redis, on a database that they share."""
    service = serve(deploy, redis, 4000, task_base=1.0)
    d, w = service.d, service.d.world
    d.add_superuser("Olivia")
    tabs = [_log_in(service.url) for _ in range(2)]
    ready = threading.Barrier(2)
    ends: list[str] = []

    def press(tab: requests.Session) -> None:
        ready.wait()
        ends.append(_post(tab, service.url + start_url("sync")))

    threads = [threading.Thread(target=press, args=(tab,)) for tab in tabs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert d.statuses() in (["QUEUED"], ["RUNNING"])
    assert sum("No other run was started" in end for end in ends) == 1
    assert sum("Run 1</a> is queued." in end for end in ends) == 1
    until(lambda: w.written() >= 200, seconds=30, what="two batches")
    cancel = reverse("admin:registry_sync_syncrun_do", args=[1, "cancel"])
    assert "Cancel the run: run 1." in _post(tabs[0], service.url + cancel)
    assert d.statuses() == ["CANCELLED"]
    written = w.written()
    w.settle()
    until(lambda: w.session()["status"] == "FAILED", seconds=40, what="the session's end")
    time.sleep(1)
    assert w.written() <= written + 100 and w.written() < 4000
    assert "Cancelled by Olivia: Because" in w.session()["messages"][0]["content"]
    assert d.statuses() == ["CANCELLED"]


def _log_in(url: str) -> requests.Session:
    tab = requests.Session()
    login = url + reverse("admin:login")
    tab.get(login)
    answer = tab.post(login, {
        "username": "Olivia", "password": "demo", "next": INDEX,
        "csrfmiddlewaretoken": tab.cookies["csrftoken"],
    })  # fmt: skip
    assert "Status" in answer.text
    return tab


def _post(tab: requests.Session, url: str) -> str:
    """Confirm a page that asks, as its form does."""
    assert "visible to all users)" in tab.get(url).text
    answer = tab.post(url, {
        "decided": "yes", "reason": "Because", "csrfmiddlewaretoken": tab.cookies["csrftoken"],
    })  # fmt: skip
    answer.raise_for_status()
    return answer.text


def test_what_is_asked_for_here_is_worked_by_the_next_command(world, owner):
    w = world([compound(n) for n in range(3)])
    owner.post(start_url("sync"), {"decided": "yes", "reason": "First"})
    assert SyncRun.objects.get().status == "QUEUED"
    with pytest.raises(SystemExit) as ended:
        call_command("sync_registry")
    assert ended.value.code == 0 and len(w.values()) == 3
    assert SyncRun.objects.get().actor == "Olivia"
