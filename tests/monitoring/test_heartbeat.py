"""HEARTBEAT_URL: a monitor elsewhere hears of each good run, and of each failed one."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from registry_sync import runs
from registry_sync.checks import check_heartbeat
from registry_sync.jobs.tasks import run_sync
from registry_sync.models import SyncRun
from registry_sync.monitoring import heartbeat
from registry_sync.monitoring.web_request import Patience
from tests.support.commands import command
from tests.support.deployment import until
from tests.support.factories import SyncRunFactory
from tests.support.odd import Reply
from tests.support.registry import compound

pytestmark = pytest.mark.once

KEY = "c5a9-this-is-a-secret"
Kind = SyncRun.Kind


@pytest.fixture
def monitor(serve, settings) -> Any:
    """A monitor of one address for each lane."""
    made = serve(lambda asked: Reply("OK", status=made.status))
    made.status = 200
    settings.HEARTBEAT_URL = f"{made.url}/{KEY}/{{lane}}?create=1"
    return made


def heard(monitor: Any) -> list[str]:
    """Return the paths that were requested since the last look."""
    found = [asked.path.removeprefix(f"/{KEY}") for asked in monitor.asked]
    assert all((asked.method, asked.query) == ("GET", {"create": "1"}) for asked in monitor.asked)
    monitor.asked.clear()
    return found


def test_the_monitor_hears_of_runs_of_all_records_and_of_no_others(world, monitor):
    w = world([compound(n) for n in range(3)])
    assert command("--dry-run")[0] == 0 and heard(monitor) == []
    assert command()[0] == 0 and heard(monitor) == ["/Compound"]
    w.registry.edit("C-000001", name="")
    assert w.sync(kind=Kind.FULL).status == SyncRun.Status.COMPLETED_WITH_WARNINGS
    assert heard(monitor) == ["/Compound"]
    for other in ({"kind": Kind.RETRY}, {"kind": Kind.DRY_RUN}, {"only": ["C-000002"]}):
        w.sync(**other)
        assert heard(monitor) == [], other
    assert command("--since", "2026-01-01")[0] in (0, 2) and heard(monitor) == []
    queued, _ = runs.request_run(kind=Kind.FULL, trigger=SyncRun.Trigger.ADMIN)
    run_sync(queued.pk)  # as a worker does
    assert heard(monitor) == ["/Compound"]
    w.registry.token = "another"
    assert command("--only", "C-000002")[0] == 1 and heard(monitor) == []
    assert command()[0] == 1 and heard(monitor) == ["/Compound/fail"]


def test_each_lane_has_its_own_address(world, monitor):
    w = world([compound(1)])
    w.add_lane("Lots / Ä?", [compound(9)], config={"API Key": "another"})
    command()
    assert sorted(heard(monitor)) == ["/Compound", "/Lots%20%2F%20%C3%84%3F/fail"]
    lost = SyncRunFactory(lane=None, kind=Kind.FULL, status=SyncRun.Status.FAILED)
    heartbeat.report(lost.pk)  # it failed before it found its lane
    assert sorted(heard(monitor)) == ["/Compound/fail", "/Lots%20%2F%20%C3%84%3F/fail"]


@pytest.mark.parametrize(
    ("status", "private", "said"),
    [(302, True, "answered 302; redirects are not followed"), (500, True, "answered 500"),
     (200, False, "is not allowed"), (None, True, "unreachable")],
)  # fmt: skip
def test_a_monitor_that_fails_changes_no_run_and_no_line_has_its_address(
    world, monitor, settings, caplog, monkeypatch, status, private, said
):
    w = world([compound(1)])
    run = w.sync()
    monitor.asked.clear()
    settings.REGISTRY_ALLOW_PRIVATE_NETWORKS = private
    if status is None:  # it answers too slowly
        monkeypatch.setattr(heartbeat, "PATIENCE", Patience(step=0.1, whole=0.2))
        monitor.answer = lambda asked: Reply("OK", pace=(1, 0.2), slow_head=True)
    monitor.status = status
    with caplog.at_level(logging.DEBUG):
        heartbeat.report(run.pk)
    if private:  # who is given up after 0.1 s may not have read the request yet
        until(lambda: len(monitor.asked) > 0, seconds=20, what="the request")
    assert len(monitor.asked) == (1 if private else 0)
    lines = [r for r in caplog.records if r.name == "registry_sync.monitoring.heartbeat"]
    assert len(lines) == 1 and said in lines[0].getMessage()
    assert "127.0.0.1" in lines[0].getMessage() and KEY not in lines[0].getMessage()
    run.refresh_from_db()
    assert run.status == SyncRun.Status.SUCCEEDED


def test_an_address_that_is_none_is_a_warning_that_does_not_show_it(world, settings):
    settings.HEARTBEAT_URL = KEY
    [found] = check_heartbeat(None)
    assert found.id == "registry_sync.W007" and KEY not in found.msg + str(found.hint)
    w = world([compound(1)])
    assert w.sync().status == SyncRun.Status.SUCCEEDED
    settings.HEARTBEAT_URL = "https://hc-ping.com/abc/{lane}"
    assert check_heartbeat(None) == []
