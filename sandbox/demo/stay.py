"""The demo stays, for people to look at."""

from __future__ import annotations

import sys
import time

import requests

from sandbox.children import free_port
from sandbox.demo.world import MANAGE, World, console


def _plain(text: str) -> None:
    """Print a command on one line, to be copied."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def stay(world: World) -> None:
    """Start the web service, print all addresses, and wait for Ctrl-C."""
    port = free_port()
    world.start(*MANAGE, "runserver", "--noreload", f"127.0.0.1:{port}", log="web.log")
    world.start(*MANAGE, "rqworker", "interactive", log="interactive.log")
    webhooks = f"http://127.0.0.1:{port}/benchling/webhooks"
    world.tenant.state.apps["app_demo"]["webhook_url"] = webhooks
    for _ in range(100):  # the canvas is inserted once somebody is there to draw it
        if _answers(f"http://127.0.0.1:{port}/healthz"):
            break
        time.sleep(0.1)
    requests.post(f"{world.tenant.url}/sandbox/insert", json={}, timeout=10).raise_for_status()
    console.rule("[bold]Look around")
    console.print(f"  Admin           http://127.0.0.1:{port}/admin/  (user demo, password demo)")
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
