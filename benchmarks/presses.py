"""`python -m benchmarks.presses`: presses in a canvas while the first load is under way.

For each button: the seconds until the canvas is drawn, and until it has its answer. *Refresh* and
*Manual Sync* are answered by the drawing. *Look up* says first that it looks. *Sync just this one*
is answered by the run that follows the load: its registry only offers its list.
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

import requests

from sandbox.children import dies_with_parent, free_port
from sandbox.postgres import PostgresServer

from .lanes import servers
from .world import HOURS_AGO, World

Json = dict[str, Any]
APP, DEFINITION = "app_b", "appdef_b"
LOOK_EVERY = 0.05
PATIENCE = 900.0
"""Seconds for anything that is waited for."""


class PressedWorld(World):
    """A world with Redis, the web service and both workers, whose tenant sends webhooks."""

    def __init__(self, count: int, server: PostgresServer, redis_url: str) -> None:
        super().__init__(count, server=server)
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


def measure(world: PressedWorld, times: int) -> dict[str, list[list[float]]]:
    """Press each button during the load; a record's own sync is requested last."""
    world.serve()
    canvas_id = world.insert()
    if world.manage("sync_registry", "--enqueue").status:
        raise SystemExit("The first load could not be requested.")
    wait(lambda: world.state()["total"] > 0, "the first records of the load")
    early = f"RS-{1:07d}"
    taken: dict[str, list[list[float]]] = {}
    for _ in range(times):
        for button, inputs in (
            ("refresh", {}),
            ("manual_sync", {}),
            ("look_up", {"record": early}),
        ):
            taken.setdefault(button, []).append(world.press(canvas_id, button, **inputs))
            _still_loading(world)
    last = world.press(canvas_id, "sync_one", f"**{early}** is in Benchling as", record=early)
    return taken | {"sync_one": [last]}


def _still_loading(world: PressedWorld) -> None:
    if world.state()["total"] >= world.count:
        raise SystemExit("The load ended before the presses did: give it more records.")


def main() -> None:
    """Load, press, and print a line for each button."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5_000, help="records of the first load")
    parser.add_argument("--times", type=int, default=3, help="presses of each button")
    given = parser.parse_args()
    with ExitStack() as stack:
        server, redis = servers(stack)
        world = stack.enter_context(PressedWorld(given.count, server, redis.url))
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
