"""`python -m benchmarks.presses`: presses in a canvas while the first load is under way.

For each button: the seconds until the canvas is drawn, and until it has its answer. *Refresh* and
*Manual Sync* are answered by the drawing. *Look up* says first that it looks. *Sync just this one*
is answered by the run that follows the load: its registry only offers its list.

With `--both-sides` a run is under way that asks Benchling for every entity, and has used its share
of the limit of requests.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from statistics import median
from typing import Any

import psycopg
import requests

from sandbox.children import dies_with_parent, free_port
from sandbox.postgres import PostgresServer

from .lanes import servers
from .world import HOURS_AGO, World

Json = dict[str, Any]
APP, DEFINITION = "app_b", "appdef_b"
EARLY = f"RS-{1:07d}"
"""A record that is among the first to be written."""
LOOK_EVERY = 0.05
LOADED, CHECKED = 5_000, 50_000
"""Records of a first load, and of a look at both sides: more than one window of requests lists."""
ROOM = 20_000
"""Entities compared by a look that has nearly used what it may of a window: 240 requests of 300."""
PATIENCE = 900.0
"""Seconds for anything that is waited for."""


class PressedWorld(World):
    """A world with Redis, the web service and both workers, whose tenant sends webhooks."""

    def __init__(
        self, count: int, server: PostgresServer, redis_url: str, tenant: Json | None = None
    ) -> None:
        super().__init__(count, server=server, tenant=tenant)
        self.port, self.redis_url = free_port(), redis_url
        self.service: list[subprocess.Popen[str]] = []

    def environment(self) -> dict[str, str]:
        return super().environment() | {
            "REDIS_URL": self.redis_url,
            "BENCHLING_APP_DEFINITION_ID": DEFINITION,
            "BENCHLING_JWKS_URL": f"{self.tenant}/sandbox/jwks",
            "ALLOWED_HOSTS": "127.0.0.1",
            "HTTPS_ONLY": "0",
            "BIND": f"127.0.0.1:{self.port}",
        }

    def serve(self) -> None:
        """Start the web service and the workers, and tell the tenant where they are."""
        web = ["-m", "gunicorn", "-c", "integration/gunicorn.conf.py", "integration.wsgi"]
        queues = [["manage.py", "rqworker", queue] for queue in ("interactive", "sync")]
        for words in (web, *queues):
            child = subprocess.Popen(
                [sys.executable, *words], cwd=self.checkout, env=self.environment(), text=True,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                preexec_fn=dies_with_parent,
            )  # fmt: skip
            self.service.append(child)
        self._move_clock(HOURS_AGO)  # a webhook that is signed hours ago is refused
        url = f"http://127.0.0.1:{self.port}"
        self._provision(("receive_webhooks", [APP, f"{url}/benchling/webhooks"], {}))
        wait(lambda: _answers(url), "the web service")

    def stop(self) -> None:
        """End the service's processes, which hold connections to the database."""
        for child in self.service:
            child.terminate()
        for child in self.service:
            child.wait(60)

    def insert(self) -> str:
        """Insert a canvas, and return its id once it is drawn."""
        answer = requests.post(f"{self.tenant}/sandbox/insert", json={"app": APP}, timeout=30)
        canvas_id = str(answer.json()["id"])
        wait(lambda: bool(self.canvas(canvas_id)["enabled"]), "the canvas")
        return canvas_id

    def state(self) -> Json:
        return dict(requests.get(f"{self.tenant}/sandbox/state?limit=0", timeout=60).json())

    def compared(self) -> int | None:
        """Return how many entities a look at both sides has compared; None if none is under way."""
        question = (
            "SELECT coalesce((position->>'after')::integer, 0) FROM registry_sync_syncrun "
            "WHERE status = 'RUNNING' AND phase = 'drift'"
        )
        with psycopg.connect(self.database) as connection:
            row = connection.execute(question).fetchone()
        return None if row is None else int(row[0])

    def canvas(self, canvas_id: str) -> Json:
        return next(c for c in self.state()["canvases"] if c["id"] == canvas_id)

    def press(self, canvas_id: str, button: str, answer: str = "", **inputs: str) -> list[float]:
        """Press a button; return the seconds to the next drawing and to `answer` in the canvas."""
        before = self.canvas(canvas_id)["blocks"]
        body = {"canvas": canvas_id, "button": button, "inputs": inputs}
        began = time.monotonic()
        requests.post(f"{self.tenant}/sandbox/press", json=body, timeout=30).raise_for_status()
        taken: list[float] = []

        def answered() -> bool:
            now = self.canvas(canvas_id)
            if not taken and (now["enabled"] or now["blocks"] != before):
                taken.append(time.monotonic() - began)
            return bool(now["enabled"]) and answer in str(now["blocks"])

        wait(answered, f"the answer to {button}")
        return [*taken, time.monotonic() - began]


def wait(question: Callable[[], bool], what: str) -> None:
    """Wait until something is so; stop if it never is."""
    deadline = time.monotonic() + PATIENCE
    while not question():
        if time.monotonic() > deadline:
            raise SystemExit(f"Not within {PATIENCE:.0f} s: {what}.")
        time.sleep(LOOK_EVERY)


def _answers(url: str) -> bool:
    try:
        return bool(requests.get(f"{url}/healthz", timeout=30).status_code)
    except requests.RequestException:
        return False


Taken = dict[str, list[list[float]]]
"""The seconds of each press, to the drawing and to the answer, by button."""


def during_load(world: PressedWorld, times: int) -> Taken:
    """Press each button during the first load; a record's own sync is requested last."""
    world.serve()
    canvas_id = world.insert()
    request(world)
    wait(lambda: world.state()["total"] > 0, "the first records of the load")
    taken = press_each(world, canvas_id, times, lambda: world.state()["total"] >= world.count)
    last = world.press(canvas_id, "sync_one", f"**{EARLY}** is in Benchling as", record=EARLY)
    return taken | {"sync_one": [last]}


def during_check(world: PressedWorld, times: int) -> Taken:
    """Press each button while every entity is requested, once that run waits for room."""
    if world.ours().used.status:
        raise SystemExit("The first load failed.")
    world.look_at_everything()
    world.serve()
    canvas_id = world.insert()
    request(world, "--full")
    wait(lambda: (world.compared() or 0) >= ROOM, "a look that has used its requests")
    return press_each(world, canvas_id, times, lambda: world.compared() is None)


def request(world: PressedWorld, *words: str) -> None:
    """Let the workers begin a run."""
    if world.manage("sync_registry", "--enqueue", *words).status:
        raise SystemExit("The run could not be requested.")


def press_each(
    world: PressedWorld, canvas_id: str, times: int, is_over: Callable[[], bool]
) -> Taken:
    """Press the buttons in turn; stop if the run is over before that."""
    taken: Taken = {}
    for _ in range(times):
        for button, inputs in (
            ("refresh", {}),
            ("manual_sync", {}),
            ("look_up", {"record": EARLY}),
        ):
            taken.setdefault(button, []).append(world.press(canvas_id, button, **inputs))
            if is_over():
                raise SystemExit("The run ended before the presses did: give it more records.")
    return taken


def main() -> None:
    """Load, press, and print a line for each button."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--both-sides", action="store_true", help="press during such a check")
    parser.add_argument("--count", type=int, help="records of the first load")
    parser.add_argument("--times", type=int, default=3, help="presses of each button")
    given = parser.parse_args()
    measure, usual = (during_check, CHECKED) if given.both_sides else (during_load, LOADED)
    with ExitStack() as stack:
        server, redis = servers(stack)
        # Every entity in an answer would be judged by the process that answers the presses.
        tenant = {"contract": "off"} if given.both_sides else {}
        count = given.count or usual
        world = stack.enter_context(PressedWorld(count, server, redis.url, tenant))
        stack.callback(world.stop)
        for button, taken in measure(world, given.times).items():
            drawn, answered = zip(*taken, strict=True)
            print(
                f"| {button} | {median(drawn):.1f} s | {max(drawn):.1f} s | "
                f"{median(answered):.1f} s | {max(answered):.1f} s |",
                flush=True,
            )


if __name__ == "__main__":
    main()
