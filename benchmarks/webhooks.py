"""Webhooks under load: 50 signed deliveries a second for a minute.

`python -m benchmarks.webhooks` starts a tenant, Redis, the web service as gunicorn and a worker of
the queue `interactive`, sends, waits until every delivery is processed, and prints the latencies.
It stops if one was lost, refused, or processed more than once. With `--keep` it writes its line
into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import re
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import requests

from sandbox.children import dies_with_parent, free_port
from sandbox.redis import RedisServer
from sandbox.tenant import TenantServer, webhooks

from .__main__ import PAGE, machine

Json = dict[str, Any]
APP, DEFINITION = "app_b", "appdef_b"
SENDERS = 16
START, END = "<!-- webhooks -->\n", "<!-- /webhooks -->"


def main() -> None:
    """Measure, check and print."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--rate", type=int, default=50)
    options.add_argument("--seconds", type=int, default=60)
    options.add_argument("--keep", action="store_true", help="write the line into the page")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="registry-sync-bench-") as folder:
        said = measure(Path(folder), asked.rate, asked.seconds)
    print(said)
    if asked.keep:
        keep(said)


def measure(folder: Path, rate: int, seconds: int) -> str:
    redis = RedisServer().start()
    tenant = TenantServer(contract="off", rate_limit=0).start()
    tenant.state.install_app(APP, DEFINITION, "client", "secret", "")
    port, children = free_port(), []
    env = _environment(folder, tenant.url, redis.url)
    subprocess.run([sys.executable, "manage.py", "migrate", "-v", "0"], env=env, check=True)
    web = ["-m", "gunicorn", "-c", "integration/gunicorn.conf.py", "integration.wsgi",
           "--bind", f"127.0.0.1:{port}", "--log-level", "warning"]  # fmt: skip
    try:
        for words in (web, ["manage.py", "rqworker", "interactive"]):
            log = (folder / "log").open("ab")
            children.append(
                subprocess.Popen([sys.executable, *words], env=env, stdout=log, stderr=log,
                                 preexec_fn=dies_with_parent)
            )  # fmt: skip
        url = f"http://127.0.0.1:{port}"
        _wait(lambda: _answers(url), 60, "the web service")
        return _measured(tenant, f"{url}/benchling/webhooks", folder, rate, seconds)
    finally:
        for child in children:
            child.terminate()
            child.wait()
        tenant.stop()
        redis.stop()


def _measured(tenant: TenantServer, url: str, folder: Path, rate: int, seconds: int) -> str:
    count = rate * seconds
    took, statuses = _send(tenant, url, count, rate)
    if statuses != {200: count}:
        raise SystemExit(f"Not every delivery was accepted: {statuses}.")
    sent = time.monotonic()
    _wait(lambda: _states(folder) == {("done", 1): count}, 1800, "every delivery processed once")
    took.sort()
    half, most = took[count // 2], took[int(count * 0.99)]
    return (
        f"| {count:,} ({rate} a second) | {half * 1000:.0f} ms | {most * 1000:.0f} ms | "
        f"{took[-1] * 1000:.0f} ms | 0 | {count:,} | {time.monotonic() - sent:.0f} s |\n"
    )


def _send(
    tenant: TenantServer, url: str, count: int, rate: int
) -> tuple[list[float], dict[int, int]]:
    """Send at an even pace on schedule, from as many connections as necessary."""
    due: queue.Queue[tuple[float, int]] = queue.Queue()
    took: list[float] = []
    statuses: dict[int, int] = {}
    lock, begin = threading.Lock(), time.monotonic() + 1
    for number in range(count):
        due.put((begin + number / rate, number))

    def work() -> None:
        session = requests.Session()
        while True:
            try:
                at, number = due.get_nowait()
            except queue.Empty:
                return
            time.sleep(max(0.0, at - time.monotonic()))
            body, headers = _signed(tenant, number)
            began = time.monotonic()
            status = session.post(url, body, headers=headers, timeout=30).status_code
            with lock:
                took.append(time.monotonic() - began)
                statuses[status] = statuses.get(status, 0) + 1

    threads = [threading.Thread(target=work) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    late = time.monotonic() - begin - count / rate
    if late > 2:
        raise SystemExit(f"The pace was too slow: it took {late:.0f} s longer.")
    return took, statuses


def _signed(tenant: TenantServer, number: int) -> tuple[str, dict[str, str]]:
    message = {"type": "v2.app.installed"}
    body = json.dumps(webhooks.envelope(tenant.state, APP, message, base_url=tenant.url))
    stamp = int(time.time())
    return body, tenant.state.signer.headers(body, webhook_id=f"msg_{number}", timestamp=stamp)


def _states(folder: Path) -> dict[tuple[str, int], int]:
    """Count deliveries by their state and by how often a worker processed them."""
    with sqlite3.connect(folder / "db.sqlite3", timeout=30) as database:
        rows = database.execute(
            "SELECT state, attempts, count(*) FROM registry_sync_webhookdelivery GROUP BY 1, 2"
        )
        return {(state, attempts): count for state, attempts, count in rows}


def _environment(folder: Path, tenant: str, redis: str) -> dict[str, str]:
    return {
        **os.environ,
        "SECRET_KEY": "only-for-benchmarks",
        "DEBUG": "0",
        "HTTPS_ONLY": "0",
        "ALLOWED_HOSTS": "127.0.0.1",
        "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
        "REDIS_URL": redis,
        "BENCHLING_URL": tenant,
        "BENCHLING_CLIENT_ID": "client",
        "BENCHLING_CLIENT_SECRET": "secret",
        "BENCHLING_APP_ID": APP,
        "BENCHLING_APP_DEFINITION_ID": DEFINITION,
        "BENCHLING_JWKS_URL": f"{tenant}/sandbox/jwks",
        "LOG_LEVEL": "WARNING",
    }


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/healthz", timeout=5).ok
    except requests.RequestException:
        return False


def _wait(question: Any, seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not question():
        if time.monotonic() > deadline:
            raise SystemExit(f"Not within {seconds:.0f} s: {what}.")
        time.sleep(0.5)


def keep(line: str) -> None:
    """Write the line between the page's marks."""
    head = ["deliveries", "median", "99th percentile", "slowest", "lost", "processed once",
            "all processed after"]  # fmt: skip
    rows = [head, ["---:"] * len(head)]
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows) + line
    text = START + machine("sqlite") + table + END
    page = PAGE.read_text(encoding="utf-8")
    page = re.sub(re.escape(START) + ".*?" + re.escape(END), lambda _: text, page, flags=re.DOTALL)
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
