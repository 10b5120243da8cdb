"""The demo stays, for people to look at."""

from __future__ import annotations

import sys
import time

import requests

from sandbox.children import free_port
from sandbox.demo.world import MANAGE, World, console

SECONDS_TO_START = 60


def _plain(text: str) -> None:
    """Print a command on one line, to be copied."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def open_desk(world: World) -> str:
    """Start the web service before anything is synced; say where it is, and return its address."""
    url = f"http://127.0.0.1:{free_port()}"
    where = url.removeprefix("http://")
    world.start(*MANAGE, "runserver", "--noreload", "--skip-checks", where, log="web.log")
    web = world.children[-1]
    world.env["DJANGO_SUPERUSER_PASSWORD"] = "demo"
    # While the web service loads.
    world.manage("createsuperuser", "--noinput", "--username", "demo", "--email", "demo@localhost",
                 "--skip-checks")  # fmt: skip
    deadline = time.monotonic() + SECONDS_TO_START
    while not _answers(f"{url}/healthz?live"):
        if time.monotonic() > deadline or web.poll() is not None:
            log = (world.folder / "web.log").read_text(encoding="utf-8")
            raise SystemExit(f"The web service did not start.\n{log[-3000:]}")
        time.sleep(0.1)
    console.rule("[bold]The desk is open")
    console.print(f"  {url}/admin/  (user demo, password demo)")
    console.print("  It fills while the syncs below run. Change things when they have ended.")
    return url


def stay(world: World, desk: str) -> None:
    """Let people press buttons, print all addresses, and wait for Ctrl-C."""
    world.start(*MANAGE, "rqworker", "interactive", log="interactive.log")
    world.tenant.state.apps["app_demo"]["webhook_url"] = f"{desk}/benchling/webhooks"
    requests.post(f"{world.tenant.url}/sandbox/insert", json={}, timeout=10).raise_for_status()
    console.rule("[bold]Look around")
    console.print(f"  Admin           {desk}/admin/  (user demo, password demo)")
    console.print(f"  Benchling       {world.tenant.url}/  (press Manual Sync in the canvas)")
    console.print(f"  Registry        {world.registry.url}/  (needs its token:")
    token = world.registry.token
    _plain(f"      curl -H 'Authorization: Bearer {token}' {world.registry.url}/-/databases.json )")
    console.print("  Edit a compound, then press Manual Sync:")
    change = f"registry.edit('{world.database}', 'CHEMBL25', first_approval=1900)"
    _plain(f'      {sys.executable} -c "from sandbox import registry; {change}"')
    console.print("  Press Ctrl-C to stop everything.")
    while True:
        time.sleep(3600)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False
