"""`make demo`: sync 2,628 real compounds from a real registry into a Benchling tenant.

Starts a registry (Datasette over ChEMBL's approved drugs), a Benchling tenant, Redis, a worker
and the web service; syncs, edits three records at the source, syncs again, and shows a table of
what happened. `--once` checks that all of it is as said and exits.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from rich.console import Console
from rich.table import Table

from sandbox import registry
from sandbox.children import dies_with_parent, free_port
from sandbox.redis import RedisServer
from sandbox.tenant import TenantServer

ROOT = Path(__file__).resolve().parent.parent
CSV = ROOT / "sandbox" / "data" / "chembl_approved_drugs.csv"
COMPOUNDS, ARRIVE, REFUSED = 2628, 2591, 37
COUNTED = ("objects_written", "bulk_calls")
MAPPING = [
    ("Preferred name", "name"),
    ("SMILES", "smiles"),
    ("Molecule type", "molecule_type"),
    ("First approval", "first_approval"),
]
console = Console(highlight=False)


@dataclass
class World:
    """Everything the demo starts, and how to talk to it."""

    folder: Path
    tenant: TenantServer
    registry: registry.RegistryServer
    database: Path
    env: dict[str, str]
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def manage(self, *words: str) -> int:
        """Run a management command as an operator would, and return its exit status."""
        console.print(f"[dim]$ manage.py {' '.join(words)}[/dim]")
        return subprocess.run(
            [sys.executable, "manage.py", *words], cwd=ROOT, env=self.env, check=False
        ).returncode

    def start(self, *words: str, log: str) -> None:
        """Start a process that ends with the demo; its output goes to a file."""
        out = (self.folder / log).open("ab")
        self.children.append(
            subprocess.Popen(
                [sys.executable, *words],
                cwd=ROOT,
                env=self.env,
                stdout=out,
                stderr=out,
                preexec_fn=dies_with_parent,
            )
        )

    def counters(self) -> dict[str, Any]:
        answer = requests.get(f"{self.tenant.url}/sandbox/counters", timeout=10)
        answer.raise_for_status()
        return dict(answer.json())


def main() -> int:
    """Run the demo; return 0 if everything was as expected."""
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="registry-sync-demo-"))
    # A closed terminal or a `kill` ends the demo as Ctrl-C does, with everything it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # A shell starts what it sends to the background with Ctrl-C ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    redis = RedisServer().start()
    world: World | None = None
    try:
        world = build(folder, redis.url, name_template=options.name_template)
        faults = story(world, name_template=options.name_template)
        if not options.once and not faults:
            stay(world)
    except KeyboardInterrupt:
        faults = []
    finally:
        if world is not None:
            for child in world.children:
                child.terminate()
            world.registry.stop()
            world.tenant.stop()
        redis.stop()
        shutil.rmtree(folder, ignore_errors=True)
    for fault in faults:
        console.print(f"[red]Not as expected:[/red] {fault}")
    return 1 if faults else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--once", action="store_true", help="check everything, then exit")
    parser.add_argument(
        "--name-template",
        metavar="TEMPLATE",
        nargs="?",
        const="{name} [{id}]",
        default="name",
        help="make names unique, e.g. '{name} [{id}]' (the option's default)",
    )
    return parser.parse_args()


# -- building the world ---------------------------------------------------------------------


def build(folder: Path, redis_url: str, *, name_template: str) -> World:
    """Start registry and tenant, configure the app, and prepare the service's database."""
    console.rule("[bold]A registry, a Benchling tenant, and the service between them")
    database = folder / "compounds.db"
    registry.build(CSV, database)
    token = secrets.token_urlsafe(16)
    source = registry.RegistryServer(database, token=token)
    source.start()
    tenant = TenantServer(contract="after").start()
    env = service_env(folder, tenant.url, redis_url)
    world = World(folder, tenant, source, database, env)
    world.manage("manifest", "--new-key", str(folder / "app.pem"),
                 "--output", str(folder / "manifest.yaml"))  # fmt: skip
    world.env["BENCHLING_PRIVATE_KEY_FILE"] = str(folder / "app.pem")
    provision(tenant, source, token, folder, name_template=name_template)
    world.manage("migrate", "--verbosity", "0")
    world.env["DJANGO_SUPERUSER_PASSWORD"] = "demo"
    world.manage("createsuperuser", "--noinput", "--username", "demo", "--email", "demo@localhost")
    return world


def service_env(folder: Path, tenant_url: str, redis_url: str) -> dict[str, str]:
    """Set the operator's variables as a deployment would."""
    own = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "TERM") if key in os.environ}
    return own | {
        "DEBUG": "1",
        "SECRET_KEY": secrets.token_urlsafe(32),
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "DATABASE_URL": f"sqlite:///{folder / 'registry_sync.sqlite3'}",
        "REDIS_URL": redis_url,
        "BENCHLING_URL": tenant_url,
        "BENCHLING_CLIENT_ID": "demo-client",
        "BENCHLING_CLIENT_SECRET": "demo-secret",
        "BENCHLING_APP_ID": "app_demo",
        "BENCHLING_APP_DEFINITION_ID": "appdef_demo",
        "BENCHLING_JWKS_URL": f"{tenant_url}/sandbox/jwks",
        "REGISTRY_ALLOW_PRIVATE_NETWORKS": "1",
        "LOG_LEVEL": "WARNING",
        "PYTHONUNBUFFERED": "1",
    }


def provision(
    tenant: TenantServer,
    source: registry.RegistryServer,
    token: str,
    folder: Path,
    *,
    name_template: str,
) -> None:
    """Do in the tenant what a Benchling admin does in the console."""
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key((folder / "app.pem").read_bytes(), password=None)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    state = tenant.state
    state.attribution = registry.ATTRIBUTION
    benchling_registry = state.add_registry("Research Registry")
    location = state.add_folder("Compounds from ChEMBL")
    kinds = state.add_dropdown("Molecule type", registry.molecule_types(CSV))
    schema = state.add_schema(
        "Compound",
        benchling_registry,
        prefix="CMP",
        fields=[
            {"name": "Preferred name", "type": "text"},
            {"name": "SMILES", "type": "long_text"},
            {"name": "Molecule type", "type": "dropdown", "dropdownId": kinds},
            {"name": "First approval", "type": "integer"},
        ],
    )
    state.install_app("app_demo", "appdef_demo", "demo-client", "demo-secret", public.decode())
    state.configure(
        "app_demo",
        {
            "API URL": source.list_url,
            "API Key": token,
            "Schema to Sync": schema,
            "Registry": benchling_registry,
            "Synced Entity Location": location,
            "External Name Field": name_template,
            "Connector Settings": registry.registry_settings(),
            "Field Configurations": MAPPING,
        },
    )


# -- the story ------------------------------------------------------------------------------


def story(world: World, *, name_template: str) -> list[str]:
    """Run the story: first sync, three edits, second sync; return what was not as expected."""
    refused = REFUSED if name_template == "name" else 0
    arrive = COMPOUNDS - refused
    faults: list[str] = []
    console.rule("[bold]First sync: everything")
    first = world.manage("sync_registry")
    after_first = world.counters()
    _expect(faults, "exit status of the first sync", first, 2 if refused else 0)
    _expect(faults, "objects written by the first sync", after_first["objects_written"], arrive)
    show_refused(world)
    console.rule("[bold]Three edits in the registry")
    edits = {
        "CHEMBL25": {"first_approval": 1899},
        "CHEMBL3": {"name": "NICOTINE (edited)"},
        "CHEMBL113": {"molecule_type": "Unknown"},
    }
    for compound, values in edits.items():
        registry.edit(world.database, compound, **values)
        console.print(f"  {compound}: {values}")
    console.rule("[bold]Second sync: only what changed")
    world.start("manage.py", "rqworker", "sync", log="worker.log")
    second = world.manage("sync_registry", "--enqueue")
    _expect(faults, "exit status of handing the run to the worker", second, 0)
    run = _wait_for_worker(world)
    after = world.counters()
    second_run = {name: after[name] - after_first[name] for name in COUNTED}
    _expect(faults, "objects written by the second sync", second_run["objects_written"], len(edits))
    # The lane's first update goes alone, to see that what is not mapped stays.
    _expect(faults, "bulk upserts of the second sync", second_run["bulk_calls"], 2)
    table(world, after_first, second_run, run)
    violations = world.counters().get("contract_violations", 0)
    _expect(faults, "exchanges outside Benchling's OpenAPI document", violations, 0)
    return faults


def _expect(faults: list[str], what: str, found: object, wanted: object) -> None:
    if found != wanted:
        faults.append(f"{what}: {found}, expected {wanted}")


def _wait_for_worker(world: World) -> dict[str, Any]:
    """Wait until App Status shows that the worker's run has ended."""

    def ended() -> dict[str, Any] | None:
        sessions = requests.get(f"{world.tenant.url}/sandbox/state", timeout=10).json()["sessions"]
        done = [session for session in sessions if session["status"] != "RUNNING"]
        return done[-1] if len(done) >= 2 else None

    with console.status("A worker processes the run …"):
        found = _until(ended, seconds=60)
    if found is None:
        log = (world.folder / "worker.log").read_text(encoding="utf-8")
        raise SystemExit(f"The worker did not finish within a minute.\n{log[-3000:]}")
    return found


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False


def _until(
    question: Callable[[], dict[str, Any] | None], *, seconds: float
) -> dict[str, Any] | None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (answer := question()) is not None:
            return answer
        time.sleep(0.2)
    return None


def show_refused(world: World, *, most: int = 6) -> None:
    """List the refused records and why, as the admin does."""
    database = sqlite3.connect(world.folder / "registry_sync.sqlite3")
    refused = database.execute(
        "SELECT message, remedy FROM registry_sync_entityerror WHERE closed_at IS NULL ORDER BY id"
    ).fetchall()
    database.close()
    for message, _ in refused[:most]:
        console.print(f"  [yellow]Refused[/yellow] {message}")
    if refused:
        console.print(f"  … {len(refused)} in total. How to fix the last one: {refused[-1][1]}")


def table(
    world: World, first: dict[str, Any], second: dict[str, int], session: dict[str, Any]
) -> None:
    """Show what happened."""
    shown = Table(title="What happened")
    shown.add_column("")
    shown.add_column("First sync", justify="right")
    shown.add_column("Second sync", justify="right")
    total = first["objects_written"]
    shown.add_row("Objects written to Benchling", f"{total:,}", f"{second['objects_written']:,}")
    shown.add_row("Not written", f"{COMPOUNDS - total:,}", "the same, still open")
    shown.add_row("Bulk upserts", str(first["bulk_calls"]), str(second["bulk_calls"]))
    console.print(shown)
    console.print("App Status in Benchling, as a scientist sees it:")
    for message in session["messages"]:
        console.print(f"  {message['content']}", markup=False)
    console.print(f"[dim]{registry.ATTRIBUTION}[/dim]")


def _plain(text: str) -> None:
    """Print a command on one line, to be copied."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def stay(world: World) -> None:
    """Start the web service, print all addresses, and wait for Ctrl-C."""
    port = free_port()
    world.start("manage.py", "runserver", "--noreload", f"127.0.0.1:{port}", log="web.log")
    world.start("manage.py", "rqworker", "interactive", log="interactive.log")
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
    _plain(f'      .venv/bin/python -c "from sandbox import registry; {change}"')
    console.print("  Press Ctrl-C to stop everything.")
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    sys.exit(main())
