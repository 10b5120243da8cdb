"""What happens in the demo, and whether it is as expected."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import requests

from sandbox import registry
from sandbox.demo.tables import show_refused, table
from sandbox.demo.world import COMPOUNDS, MANAGE, World, console

REFUSED = 37
COUNTED = ("objects_written", "bulk_calls")


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
    world.start(*MANAGE, "rqworker", "sync", log="worker.log")
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


def _until(
    question: Callable[[], dict[str, Any] | None], *, seconds: float
) -> dict[str, Any] | None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (answer := question()) is not None:
            return answer
        time.sleep(0.2)
    return None
