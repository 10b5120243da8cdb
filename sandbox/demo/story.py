"""What happens in the demo, and whether it is as expected."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import requests

from sandbox import registry
from sandbox.demo import collections, tables
from sandbox.demo.world import COMPOUNDS, MANAGE, World, console
from sandbox.tenant.entities import merge_by_hand

LANES = 3
STRUCTURES, PLASMIDS = 362, 96
REFUSED = 37
PATIENCE = 300
"""Seconds for the worker, on a busy machine."""
WAITING = 4
"""The structures whose compound is refused."""
EDITS: list[tuple[str, str, dict[str, Any]]] = [
    ("compounds", "CHEMBL25", {"first_approval": 1899}),
    ("compounds", "CHEMBL3", {"name": "NICOTINE (edited)"}),
    ("compounds", "CHEMBL113", {"molecule_type": "Unknown"}),
    # Its name was taken; with another one it arrives, and its structure follows.
    ("compounds", "CHEMBL4596392", {"name": "DEUCRAVACITINIB (form I)"}),
    ("plasmids", "pYTK080", {"status": "retired"}),
]
FOLLOWS, RETIRED = "MOL-4596392", "pYTK080"
DUPLICATE, SURVIVOR = "MOL-1788132", "MOL-17860"
"""Lofexidine and its hydrochloride: Benchling keeps one structure for both."""


def story(world: World, *, name_template: str) -> list[str]:
    """Run the story; return what was not as expected."""
    unique = name_template != "name"
    faults: list[str] = []
    _first_sync(world, faults, waiting=0 if unique else WAITING, refused=0 if unique else REFUSED)
    _edits(world)
    _second_sync(world, faults, follow=0 if unique else 1)
    _merge(world, faults)
    violations = world.counters().get("contract_violations", 0)
    _expect(faults, "exchanges outside Benchling's OpenAPI document", violations, 0)
    return faults


def _first_sync(world: World, faults: list[str], *, waiting: int, refused: int) -> None:
    console.rule("[bold]First sync: everything")
    status = world.manage("sync_registry")
    _expect(faults, "exit status of the first sync", status, 2 if refused else 0)
    found = tables.counts(world, after=0)
    tables.show_counts("First sync", found)
    for lane, number in (("Compound", COMPOUNDS - refused), ("Structure", STRUCTURES - waiting),
                         ("Plasmid", PLASMIDS)):  # fmt: skip
        _expect(faults, f"entities of {lane} created", found[lane]["created"], number)
    total = world.counters()["objects_written"]
    _expect(faults, "objects written", total, sum(n["created"] for n in found.values()))
    tables.show_refused(world)
    tables.show_session(_sessions(world)[1])


def _edits(world: World) -> None:
    console.rule("[bold]Edits in the registry")
    for table, record, values in EDITS:
        registry.edit(world.database, record, table=table, **values)
        console.print(f"  {record}: {values}")
    console.print("What leaves the registry is archived in Benchling, by the lane's policy:")
    world.manage("lanes", "set", "Plasmid", "--withdrawn", "archive", "--reason", "Retired")


def _second_sync(world: World, faults: list[str], *, follow: int) -> None:
    console.rule("[bold]Second sync: only what changed")
    before, last = world.counters(), tables.last_run(world)
    world.start(*MANAGE, "rqworker", "sync", log="worker.log")
    status = world.manage("sync_registry", "--enqueue")
    _expect(faults, "exit status of handing the runs to the worker", status, 0)
    sessions = _wait_for_worker(world, 2 * LANES)
    found = tables.counts(world, after=last)
    tables.show_counts("Second sync", found)
    written = world.counters()["objects_written"] - before["objects_written"]
    _expect(faults, "compounds written", found["Compound"]["created"] +
            found["Compound"]["updated"], 4)  # fmt: skip
    _expect(faults, "structures that followed", found["Structure"]["created"], follow)
    _expect(faults, "objects written by the second sync", written, 4 + follow)
    _expect(faults, f"whether {FOLLOWS} links its compound", _links_its_compound(world), True)
    archived = world.tenant.state.entity(RETIRED)
    _expect(faults, f"archive reason of {RETIRED}", archived and archived.archived, "Retired")
    _expect(faults, "plasmids archived", found["Plasmid"]["archived"], 1)
    tables.show_session(sessions[-LANES])
    console.print(f"[dim]{registry.ATTRIBUTION}\n{collections.ATTRIBUTION}[/dim]")


def _links_its_compound(world: World) -> bool:
    state = world.tenant.state
    held = state.entity(FOLLOWS)
    return held is not None and state.named_values(held)["Compound"] == "CHEMBL4596392"


def _merge(world: World, faults: list[str]) -> None:
    console.rule("[bold]Someone merges two structures in Benchling")
    state = world.tenant.state
    duplicate, survivor = state.entity(DUPLICATE), state.entity(SURVIVOR)
    assert duplicate is not None and survivor is not None
    merge_by_hand(state, duplicate, survivor)
    console.print(f"  {DUPLICATE} was merged into {SURVIVOR} ({survivor.name}).")
    written = world.counters()["objects_written"]
    status = world.manage("sync_registry", "--full", "--lane", "Structure")
    _expect(faults, "exit status after the merge", status, 2)
    errors = [error for error in tables.refused(world) if error.record == DUPLICATE]
    for error in errors:
        console.print(f"  [yellow]{error.lane}[/yellow] {error.message} {error.remedy}",
                      soft_wrap=True)  # fmt: skip
    _expect(faults, "errors of what was merged", [e.code for e in errors], ["merged_away"])
    _expect(faults, "objects written after the merge",
            world.counters()["objects_written"] - written, 0)  # fmt: skip


def _sessions(world: World) -> list[dict[str, Any]]:
    answer = requests.get(f"{world.tenant.url}/sandbox/state", timeout=10)
    return list(answer.json()["sessions"])


def _expect(faults: list[str], what: str, found: object, wanted: object) -> None:
    if found != wanted:
        faults.append(f"{what}: {found}, expected {wanted}")


def _wait_for_worker(world: World, runs: int) -> list[dict[str, Any]]:
    """Wait until App Status shows that so many runs have ended; return their sessions."""

    def ended() -> list[dict[str, Any]] | None:
        done = [session for session in _sessions(world) if session["status"] != "RUNNING"]
        return done if len(done) >= runs else None

    with console.status("A worker processes the runs …"):
        found = _until(ended, seconds=PATIENCE)
    if found is None:
        log = (world.folder / "worker.log").read_text(encoding="utf-8")
        raise SystemExit(
            f"The worker did not finish within {PATIENCE // 60} minutes.\n{log[-3000:]}"
        )
    return found


def _until(question: Callable[[], Any], *, seconds: float) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (answer := question()) is not None:
            return answer
        time.sleep(0.2)
    return None
