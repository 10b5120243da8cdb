"""Real processes, really killed: nothing is lost, nothing is doubled, nothing stays locked."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import time

import pytest
from redis import Redis

from sandbox.redis import RedisServer
from tests.support.deployment import LEASE, Deployment, kill, until
from tests.support.environment import FULL, SEED
from tests.support.lossy import LossyProxy
from tests.support.starting import run_python

BATCH = 100


def arrived(d: Deployment, count: int) -> None:
    """Every record is in Benchling with its values, and the service knows it."""
    values = d.world.values()
    assert len(values) == count
    for n in random.Random(f"{SEED} arrived").sample(range(count), 50):
        assert values[f"C-{n:06d}"]["name"] == f"Compound {n}"
        assert values[f"C-{n:06d}"]["Approval"] == 1950 + n % 70
    assert d.rows("SELECT count(*) FROM registry_sync_ledgerentry WHERE entity_hash <> ''") == [
        (count,)
    ]
    assert d.rows("SELECT count(*) FROM registry_sync_entityerror") == [(0,)]
    # A run is ended in the database first, and then in Benchling.
    sessions = d.world.tenant.sessions
    until(
        lambda: all(session["status"] != "RUNNING" for session in list(sessions.values())),
        seconds=20,
        what="the session's end",
    )
    d.world.settle()
    before = d.world.written()
    status, said = d.run("sync_registry", "--full")
    assert status == 0 and d.world.written() == before, said


@pytest.mark.slow
@pytest.mark.invariant(2, 4)
def test_killed_at_random_moments(deploy):
    count = changed = 4000 if FULL else 2000
    d = deploy(count, task_base=0.2, env={"LEASE_SECONDS": str(LEASE)})
    chance = random.Random(f"{SEED} kills")
    kills, wanted = 0, 20 if FULL else 8
    while kills < wanted:
        child = d.start("sync_registry", log="killed")
        time.sleep(chance.uniform(0.5, 2.0))
        if child.poll() is None:
            kill(child)
            kills += 1
            time.sleep(LEASE)
        elif child.returncode == 0:  # everything arrived meanwhile: more to do
            for n in chance.sample(range(count), 500):
                d.world.registry.edit(f"C-{n:06d}", smiles="N" * chance.randrange(1, 90))
            changed += 500
    status, said = d.sync()
    assert status == 0, said
    assert d.world.written() <= changed + kills * BATCH
    arrived(d, count)


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.invariant(2, 4)
def test_killed_while_upserts_are_on_their_way_and_answers_get_lost(deploy):
    """Before a request arrives, and when it was worked on; some answers are lost beside."""
    count, seed = 1200, f"{SEED} lost"
    d = deploy(count, task_base=0.2)
    proxy = LossyProxy(d.world.server.url, seed, share=0.15)
    d.env["BENCHLING_URL"] = proxy.url
    for kind in ("kill", "kill before") * (4 if FULL else 1):
        child = d.start("sync_registry", log="killed")
        proxy.kill = lambda child=child: kill(child)
        proxy.lose += [""] * proxy.chance.randrange(3) + [kind]
        child.wait(300)
        proxy.lose.clear()
        time.sleep(LEASE)
    status, said = d.sync()
    proxy.stop()
    d.env["BENCHLING_URL"] = d.world.server.url
    told = f"seed {seed!r}, lost: {dict(proxy.lost)}"
    print(told)
    assert status == 0, f"{told}: {said}"
    assert d.world.written() == count, told
    arrived(d, count)


@pytest.mark.slow
@pytest.mark.invariant(4)
def test_a_holder_that_slept_through_its_lease_writes_nothing_more(deploy):
    count = 1500
    d = deploy(count, task_base=0.2)
    sleeper = d.start("sync_registry", log="sleeper")
    until(lambda: d.world.written() >= 300, seconds=30, what="the first batches")
    _stop_outside_a_transaction(d, sleeper)
    time.sleep(LEASE + 0.5)
    status, said = d.sync()
    assert status == 0 and "taking it over" in said, said
    written = d.world.written()
    os.killpg(sleeper.pid, signal.SIGCONT)
    # 1 on PostgreSQL, whose server ended the transaction it slept in.
    assert sleeper.wait(300) in (0, 1, 75) and "Traceback" not in d.log("sleeper")
    assert d.world.written() <= written + BATCH
    assert written <= count + BATCH
    arrived(d, count)


def _stop_outside_a_transaction(d: Deployment, child: subprocess.Popen[bytes]) -> None:
    """Stop a process; on SQLite not while it has the one lock on everything."""
    while True:
        os.killpg(child.pid, signal.SIGSTOP)
        # The signal may take effect a moment later.
        os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        if d.postgres:
            return
        try:
            with sqlite3.connect(d.path, isolation_level=None, timeout=0) as database:
                database.execute("BEGIN IMMEDIATE")
                database.execute("ROLLBACK")
            return
        except sqlite3.OperationalError:
            os.killpg(child.pid, signal.SIGCONT)
            time.sleep(0.02)


@pytest.mark.invariant(2)
def test_sixteen_triggers_at_once_start_one_run(deploy):
    d = deploy(1)
    script = """
import threading, django; django.setup()
from registry_sync import runs
barrier, got = threading.Barrier(16), []
def ask():
    barrier.wait()
    got.append(runs.request_run(kind="incremental", trigger="schedule"))
threads = [threading.Thread(target=ask) for _ in range(16)]
[t.start() for t in threads]; [t.join() for t in threads]
print(len(got), sum(ours for _, ours in got), len({run.pk for run, _ in got}))
"""
    done = run_python("-c", script, env=d.env, timeout=120)
    assert done.stdout.split() == ["16", "1", "1"], done.stderr


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.invariant(4)
def test_a_worker_killed_in_the_middle_is_replaced_by_another(deploy, redis):
    count = 2000
    d = deploy(count, task_base=0.15, env={"REDIS_URL": redis.url})
    first = d.start("rqworker", "sync", log="first")
    assert d.run("sync_registry", "--enqueue")[0] == 0
    until(lambda: d.world.written() >= 300, seconds=30, what="the first batches")
    kill(first)
    d.start("rqworker", "sync", log="second")
    until(lambda: d.statuses() == ["SUCCEEDED"], seconds=90, what="the second worker")
    assert d.world.written() <= count + BATCH
    arrived(d, count)


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.invariant(4)
def test_a_killed_work_horse_is_noticed_by_its_worker(deploy, redis):
    count = 1500
    d = deploy(count, task_base=0.15, env={"REDIS_URL": redis.url})
    d.start("rqworker", "sync", log="worker")
    assert d.run("sync_registry", "--enqueue")[0] == 0
    until(lambda: d.world.written() >= 300, seconds=30, what="the first batches")
    holder = d.rows("SELECT lease_holder FROM registry_sync_syncrun")[0][0]
    os.kill(int(holder.rsplit(":", 1)[1]), signal.SIGKILL)
    until(lambda: d.statuses() == ["SUCCEEDED"], seconds=60, what="the run's end")
    assert d.world.written() <= count + BATCH
    arrived(d, count)


@pytest.mark.once
@pytest.mark.invariant(4)
def test_redis_emptied_while_a_run_is_queued(deploy, redis):
    d = deploy(300, env={"REDIS_URL": redis.url})
    assert d.run("sync_registry", "--enqueue")[0] == 0
    Redis.from_url(redis.url).flushall()
    d.start("rqworker", "sync", log="worker")
    until(lambda: d.statuses() == ["SUCCEEDED"], seconds=40, what="the reconciler's wake-up")
    arrived(d, 300)


@pytest.mark.once
@pytest.mark.invariant(4)
def test_redis_gone_and_back(deploy, redis):
    d = deploy(300, env={"REDIS_URL": redis.url})
    worker = d.start("rqworker", "sync", log="worker")
    redis.stop()
    status, said = d.run("sync_registry", "--enqueue")
    assert status == 1 and "Redis" in said and "Traceback" not in said
    again = RedisServer(port=redis.port).start()

    def done() -> bool:
        nonlocal worker
        if worker.poll() is not None:  # it died of the lost Redis: systemd starts it again
            worker = d.start("rqworker", "sync", log="worker")
        return d.statuses() == ["SUCCEEDED"]

    try:
        until(done, seconds=60, what="the queued run")
    finally:
        kill(worker)
        again.stop()
    arrived(d, 300)


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.invariant(4)
def test_the_registry_dies_in_the_middle_of_its_pages(deploy):
    d = deploy(1000)
    registry = d.world.registry
    assert d.sync()[0] == 0
    watermark = "SELECT watermark FROM registry_sync_syncrun ORDER BY id DESC LIMIT 1"
    (before,) = d.rows(watermark)
    registry.edit("C-000900", approval=2001)

    def die(number: int) -> None:
        registry.broken = number >= 2

    registry.pages_served, registry.on_page = 0, die
    status, said = d.run("sync_registry", "--full")
    assert status == 1 and "registry" in said.lower() and "Traceback" not in said, said
    registry.on_page, registry.broken = (lambda number: None), False
    assert d.sync()[0] == 0
    assert d.world.values()["C-000900"]["Approval"] == 2001
    assert d.rows("SELECT status FROM registry_sync_syncrun ORDER BY id")[1] == ("FAILED",)
    assert d.rows(watermark)[0] > before


@pytest.mark.slow
@pytest.mark.invariant(4)
def test_the_database_fails_in_the_middle(deploy):
    """Connections cut on PostgreSQL, a lock that outlasts every patience on SQLite."""
    count = 1500
    d = deploy(count, task_base=0.2)
    if not d.postgres:
        d.env["DATABASE_URL"] += "?timeout=1"  # for 20 s, as shipped, the test would wait longer
    child = d.start("sync_registry", log="cut")
    until(lambda: d.world.written() >= 300, seconds=30, what="the first batches")
    _break_database(d, child)
    status = child.wait(300)
    said = d.log("cut")
    assert status == 1 and "The database cannot be used" in said and "Traceback" not in said, said
    status, said = d.sync()
    assert status == 0, said
    assert d.world.written() <= count + BATCH
    arrived(d, count)


def _break_database(d: Deployment, child: subprocess.Popen[bytes]) -> None:
    if d.postgres:
        d.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return
    lock = sqlite3.connect(d.path, isolation_level=None, timeout=20)
    lock.execute("BEGIN IMMEDIATE")
    child.wait(300)
    lock.execute("ROLLBACK")
    lock.close()
