"""Check again: the registry is asked for a refused record now, and the page tells the result."""

from __future__ import annotations

import html
import re

import pytest
from django.urls import reverse

from registry_sync.jobs import runner as jobs
from registry_sync.models import RunLog, SyncRun
from tests.support.desk import text
from tests.support.registry import compound
from tests.support.worlds import looked_up

pytestmark = pytest.mark.once
LIST = reverse("admin:registry_sync_entityerror_changelist")
ALL = f"{LIST}?state=all&lane=all"
Kind = SyncRun.Kind


def refused(world, **config):
    """Give a world in which two records want the names of others, and one has a wrong value."""
    records = [compound(n) for n in range(6)]
    records[3]["name"], records[4]["name"] = "Compound 0", "Compound 1"
    records[5]["approval"] = "x"
    w = world(records, config=config)
    w.sync()
    assert set(w.open_errors()) == {"C-000003", "C-000004", "C-000005"}
    return w


def page_of(error):
    return reverse("admin:registry_sync_entityerror_change", args=[error.pk])


def press(owner, action, *errors, reason="Renamed in the registry"):
    """Press a button, give the reason, and return the address that it leads to."""
    sent = {"action": action, "_selected_action": [error.pk for error in errors]}
    assert "Reason (visible to all users)" in text(owner.post(ALL, sent))
    answer = owner.post(ALL, {**sent, "decided": "yes", "reason": reason})
    assert answer.status_code == 302
    return answer.url


def words(owner, url):
    page = html.unescape(text(owner.get(url)))
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def work():
    return jobs.work_to_end(SyncRun.objects.get(status="QUEUED").pk)


@pytest.mark.parametrize("config", [{}, {"Connector Settings": looked_up()}])
def test_check_again_reads_the_registry_and_tells_passed_or_still_refused(world, owner, config):
    w = refused(world, **config)
    first, third = w.open_errors()["C-000003"], w.open_errors()["C-000005"]
    w.registry.edit("C-000003", name="Compound 3")

    where = press(owner, "retry", first)
    assert where.startswith(page_of(first)) and "being checked" in words(owner, where)
    run = work()
    assert run.kind == Kind.RETRY and set(w.open_errors()) > {"C-000003"}
    told = words(owner, where)
    assert "still refused Name already used in this Benchling registry." in told
    assert "already used by C-000000" in told

    page = text(owner.get(page_of(first)))
    order = [page.index(f'value="{what}"') for what in ("check_again", "dismiss", "retry")]
    assert order == sorted(order), "asking the registry comes first, the stored copy last"
    where = press(owner, "check_again", first)
    run = work()
    assert run.kind == Kind.INCREMENTAL and run.only == ["C-000003"]
    assert w.values()["C-000003"]["name"] == "Compound 3"
    told = words(owner, where)
    assert f"passed Run {run.pk} wrote it to Benchling." in told and "still refused" not in told

    where = press(owner, "check_again", third)
    work()
    assert "still refused Value of the wrong type." in words(owner, where)

    w.registry.records[:] = [r for r in w.registry.records if r["id"] != "C-000005"]
    where = press(owner, "check_again", third)
    work()
    assert "not in the registry C-000005 is not in the registry, or" in words(owner, where)


def test_many_are_checked_at_once_and_each_outcome_is_told(world, owner, viewer):
    w = refused(world)
    errors = w.open_errors()
    w.registry.edit("C-000004", name="Compound 4")
    where = press(owner, "check_again", *errors.values())
    run = work()
    told = words(viewer, where)
    assert "C-000003 still refused" in told and "C-000004 passed" in told
    assert "C-000005 still refused" in told
    assert run.only == ["C-000003", "C-000004", "C-000005"]

    cause = reverse("admin:registry_sync_entityerror_cause", args=["name_taken", "check"])
    w.registry.edit("C-000003", name="Compound 3")
    listed = text(owner.get(LIST))
    assert listed.index("/name_taken/check/") < listed.index("/name_taken/retry/")
    where = owner.post(cause, {"decided": "yes", "reason": "All renamed"}).url
    run = work()
    assert run.only == ["C-000003"] and "passed" in words(owner, where)
    assert set(w.open_errors()) == {"C-000005"}


def test_what_is_asked_during_a_run_follows_it_with_its_reason(world, owner):
    w = refused(world)
    first = w.open_errors()["C-000003"]
    w.registry.edit("C-000003", name="Compound 3")
    url = reverse("admin:registry_sync_syncrun_start", args=["dry-run"])
    owner.post(url, {"decided": "yes", "reason": "To see"})
    where = press(owner, "check_again", first, reason="Renamed at ten")
    assert "It is checked when run" in words(owner, where)
    work()
    assert "being checked" in words(owner, where)
    run = work()
    assert "passed" in words(owner, where)
    assert log_of(run)[0] == "Check again, requested by Olivia: Renamed at ten"


def log_of(run):
    return list(RunLog.objects.filter(run=run).order_by("pk").values_list("text", flat=True))


def test_every_reason_is_in_the_runs_log(world, owner):
    w = refused(world)
    errors = w.open_errors()
    record = reverse("admin:registry_sync_record") + "?id=C-000005"
    cause = reverse("admin:registry_sync_entityerror_cause", args=["wrong_type", "retry"])
    presses = [
        ("Retry the stored copies", lambda: press(owner, "retry", errors["C-000003"])),
        ("Check again", lambda: press(owner, "check_again", errors["C-000003"])),
        ("Sync just C-000005", lambda: owner.post(record, decided("sync_one"))),
        ("Retry all stored copies (1 × value of the wrong type)",
         lambda: owner.post(cause, decided("retry"))),
    ]  # fmt: skip
    for title, do in presses:
        do()
        run = SyncRun.objects.get(status="QUEUED")
        assert log_of(run) == [f"{title}, requested by Olivia: Renamed in the registry"]
        work()
    start = reverse("admin:registry_sync_syncrun_start", args=["sync"])
    owner.post(start, decided("start"))
    run = SyncRun.objects.get(status="QUEUED")
    for what in ("pause", "resume", "cancel"):
        owner.post(reverse("admin:registry_sync_syncrun_do", args=[run.pk, what]), decided(what))
    assert log_of(run) == [
        "Sync now, requested by Olivia: Renamed in the registry",
        "Paused by Olivia: Renamed in the registry",
        "Resumed by Olivia: Renamed in the registry",
        "Cancelled by Olivia: Renamed in the registry",
    ]


def decided(action):
    return {"action": action, "decided": "yes", "reason": "Renamed in the registry"}
