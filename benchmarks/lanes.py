"""`python -m benchmarks.lanes`: four lanes where nothing changed, read by one worker and by three.

The time is that of the runs, from the first request to the last end, without the start of the
command that requests them. Three workers take four equal lanes in two rounds, so at most twice as
fast as one.

The first loads before it are worked by one command, which is not measured: writing into one
Benchling registry does not become faster with workers, because Benchling registers one batch at a
time.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from contextlib import ExitStack
from statistics import median
from typing import Any

import psycopg

from sandbox.children import dies_with_parent
from sandbox.postgres import PostgresServer
from sandbox.redis import RedisServer

from .world import FIELDS, World

Json = dict[str, Any]
LANES = 4
WORKERS = (1, 3)
TIMES = 3
PATIENCE = 600.0
"""Seconds that the lanes may take together."""


class LanesWorld(World):
    """A tenant with four schemas, each fed by a registry of its own, and RQ's Redis."""

    def __init__(self, count: int, server: PostgresServer, redis_url: str) -> None:
        super().__init__(count, server=server)
        self.redis_url = redis_url

    def environment(self) -> dict[str, str]:
        return super().environment() | {"REDIS_URL": self.redis_url}

    def _configuration(self) -> Json:
        first = super()._configuration()
        rows = [(self.schema, name, path) for name, (_, path) in FIELDS.items()]
        others = []
        for number in range(1, LANES):
            definitions = [
                {"name": name, "type": type_}
                | ({"dropdownId": self.kinds} if name == "Kind" else {})
                for name, (type_, _) in FIELDS.items()
            ]
            (schema,) = self._provision(
                ("add_schema", [f"Compound of site {number}", self.benchling_registry],
                 {"fields": definitions, "prefix": f"S{number}"}),
            )  # fmt: skip
            rows += [(schema, name, path) for name, (_, path) in FIELDS.items()]
            others.append(
                {
                    "Entity Schema": schema,
                    "API URL": self._serve("benchmarks.registry", "--count", str(self.count)),
                    "API Key": "key",
                    "External Name Field": f"{{name}} of site {number}",
                    "Connector Settings": first["Connector Settings"]
                    | {"registry_id_template": f"S{number}-{{id}}"},
                }
            )
        return first | {"Additional Syncs": others, "Field Configurations": rows}

    def read_all(self, workers: int) -> float:
        """Read every lane by so many workers; return the seconds from request to last end."""
        words = [sys.executable, "manage.py", "rqworker", "sync"]
        started = [
            subprocess.Popen(
                words, cwd=self.checkout, env=self.environment(), stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, preexec_fn=dies_with_parent,
            )
            for _ in range(workers)
        ]  # fmt: skip
        try:
            time.sleep(4)  # they are up, and wait
            before = self._ended()
            began = time.monotonic()
            if self.manage("sync_registry", "--full", "--enqueue").status:
                raise SystemExit("The runs could not be requested.")
            while self._ended() < before + LANES:
                if time.monotonic() - began > PATIENCE:
                    raise SystemExit("The runs did not end.")
                time.sleep(0.1)
            return self._seconds()
        finally:
            for worker in started:
                worker.terminate()
            for worker in started:
                worker.wait(60)

    def _seconds(self) -> float:
        """Return the seconds that the last run of each lane took together."""
        last = "SELECT created_at, finished_at FROM registry_sync_syncrun ORDER BY id DESC LIMIT %s"
        with psycopg.connect(self.database) as connection:
            rows = connection.execute(last, [LANES]).fetchall()
        seconds: float = (max(r[1] for r in rows) - min(r[0] for r in rows)).total_seconds()
        return seconds

    def _ended(self) -> int:
        """Return how many runs have succeeded; stop if one has not."""
        with psycopg.connect(self.database) as connection:
            rows = connection.execute(
                "SELECT status, COUNT(*) FROM registry_sync_syncrun GROUP BY status"
            ).fetchall()
        counts = {str(status): int(number) for status, number in rows}
        if bad := {"FAILED", "COMPLETED_WITH_WARNINGS", "CANCELLED"} & set(counts):
            raise SystemExit(f"A run ended {', '.join(bad)}.")
        return counts.get("SUCCEEDED", 0)


def servers(stack: ExitStack) -> tuple[PostgresServer, RedisServer]:
    """Start a PostgreSQL and a Redis that end with the stack."""
    server = PostgresServer().start()
    stack.callback(server.stop)
    redis = RedisServer().start()
    stack.callback(redis.stop)
    return server, redis


def main() -> None:
    """Load four lanes, then read them with one worker and with three, by turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="records a lane")
    given = parser.parse_args()
    with ExitStack() as stack:
        server, redis = servers(stack)
        world = stack.enter_context(LanesWorld(given.count, server, redis.url))
        began = time.monotonic()
        status = world.manage("sync_registry").status
        if status:
            raise SystemExit(f"The first loads ended with {status}.")
        print(f"first loads of {LANES} lanes: {time.monotonic() - began:.1f} s", flush=True)
        taken: dict[int, list[float]] = {workers: [] for workers in WORKERS}
        for _ in range(TIMES):
            for workers in WORKERS:
                taken[workers].append(world.read_all(workers))
                print(f"{workers} workers: {taken[workers][-1]:.1f} s", flush=True)
    one, three = (median(taken[workers]) for workers in WORKERS)
    print(
        f"| {LANES} lanes of {given.count:,}, nothing changed, all read | {one:.1f} s | "
        f"{three:.1f} s | {one / three:.2f} × |"
    )


if __name__ == "__main__":
    main()
