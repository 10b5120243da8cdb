"""`manage.py upgrade-check`: migrations, versions of workers, and runs at work."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone
from redis import Redis

from registry_sync import __version__
from registry_sync.models import SyncRun
from registry_sync.runs.workers import VERSION
from tests.support.deployment import until
from tests.support.factories import LaneFactory, SyncRunFactory

pytestmark = pytest.mark.once


def test_it_names_workers_of_another_version_and_runs_at_work(deploy, redis) -> None:
    d = deploy(1, env={"REDIS_URL": redis.url})
    assert d.run("upgrade-check") == (
        0,
        f"This is version {__version__}.\nThere is nothing to do.\n",
    )
    d.start("rqworker", "sync", log="worker")
    server = Redis.from_url(redis.url, decode_responses=True)
    until(
        lambda: any(server.hexists(key, VERSION) for key in server.keys("rq:worker:*")),
        seconds=40, what="the worker",
    )  # fmt: skip
    assert d.run("upgrade-check")[0] == 0
    (worker,) = server.keys("rq:worker:*")
    server.hset(worker, VERSION, "0.0.9")
    status, said = d.run("upgrade-check")
    assert status == 2 and "1 worker of version 0.0.9: restart them" in said


def test_workers_that_cannot_be_asked_are_not_taken_for_none(db, settings, capsys) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    with pytest.raises(SystemExit) as ended:
        call_command("upgrade_check")
    said = capsys.readouterr().out
    assert ended.value.code == 2 and "Redis is unreachable" in said and "nothing to do" not in said


def test_it_says_what_becomes_of_active_runs(db, capsys) -> None:
    ahead = timezone.now() + timedelta(minutes=1)
    with_lease = {"status": SyncRun.Status.RUNNING, "lease_until": ahead}
    working = SyncRunFactory(lane=LaneFactory(), **with_lease)
    queued = SyncRunFactory(lane=LaneFactory(), status=SyncRun.Status.QUEUED)
    SyncRunFactory(lane=LaneFactory())
    call_command("upgrade_check")
    lost = "Nothing of it is lost by an upgrade."
    said = capsys.readouterr().out.splitlines()
    assert sorted(said[1:-1]) == sorted([
        f"Run {working.pk} is at work; it ends its slice within 10 seconds after SIGTERM. {lost}",
        f"Run {queued.pk} waits for a worker or for the next command of cron. {lost}",
    ])  # fmt: skip
    assert said[-1] == "There is nothing else to do."


def test_it_names_missing_migrations(deploy) -> None:
    d = deploy(1)
    d.use_empty_database()
    status, said = d.run("upgrade-check")
    assert status == 2 and "migrations to apply: contenttypes.0001_initial" in said, said
