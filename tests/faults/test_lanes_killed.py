"""Four lanes in one app that link to each other, worked by three processes that are killed."""

from __future__ import annotations

import random
import subprocess
import time
from typing import Any

import pytest

from registry_sync.core.types import Json
from tests.support.deployment import Deployment, kill, until
from tests.support.environment import FULL, SEED
from tests.support.registry import ListRegistry, compound
from tests.support.worlds import INCREMENTAL, World

COUNT, BATCH = (120, 100) if FULL else (60, 50)
KILLS = (4, 3, 3) if FULL else (1, 1, 1)
"""During the first load, while records leave and are edited, and while they return."""
HANDS = 3
PAUSE = 2.0
"""Seconds after which a process that has ended is started again: what a killed one has left is not
taken over sooner."""
LONGEST = {"sync_registry": 0.8, "rqworker": 2.0}
"""Seconds for which one has run at most when it is killed: a command ends itself in about one."""
EDITS = 2
"""Of each lane."""
LANES = ("C", "L", "P", "S")
OPEN = "SELECT count(*) FROM registry_sync_entityerror WHERE closed_at IS NULL"
ARCHIVE = (
    "UPDATE registry_sync_lane SET withdrawn_policy = 'archive', withdrawn_reason = 'Retired' "
    "RETURNING id"
)
SETTINGS = {"endpoint": {**INCREMENTAL["endpoint"], "deletes": {"mode": "flag", "path": "retired"}}}


def parent_of(lane: str, number: int) -> str | None:
    """Return what a record links to: lots to compounds, plates to lots, sites to plates.

    Every second compound links to a site, so that the lanes link in a circle.
    """
    even = number - number % 2
    if lane == "C":
        return f"S-{even:06d}" if number % 2 else None
    target = LANES[LANES.index(lane) - 1]
    return f"{target}-{even:06d}"


def record(lane: str, number: int) -> Json:
    made = compound(number, parent=parent_of(lane, number), retired=False)
    return {**made, "id": f"{lane}-{number:06d}", "name": f"{lane} {number}"}


def four_lanes(world: World) -> dict[str, ListRegistry]:
    """Add three lanes to a world's first one, and let their links make a circle."""
    world.registry.records = [record("C", n) for n in range(COUNT)]
    world.configure(**{"Connector Settings": SETTINGS})
    registries, schemas = {"C": world.registry}, {"C": world.schema}
    for lane in LANES[1:]:
        target = schemas[LANES[LANES.index(lane) - 1]]
        fields = [{"name": "SMILES", "type": "long_text"}, {"name": "Approval", "type": "integer"},
                  {"name": "Parent", "type": "entity_link", "schemaId": target}]  # fmt: skip
        rows = [("SMILES", "smiles"), ("Approval", "approval"), ("Parent", "parent")]
        added = world.add_lane(lane, [record(lane, n) for n in range(COUNT)], fields=fields,
                               rows=rows, config={"Connector Settings": SETTINGS})  # fmt: skip
        registries[lane], schemas[lane] = added.registry, added.schema
    for definition in world.tenant.schemas[world.schema]["fieldDefinitions"]:
        if definition["name"] == "Parent":
            definition["schemaId"] = schemas["S"]
    return registries


class Crew:
    """Three processes that are started again when they end, as by systemd or cron."""

    def __init__(self, d: Deployment, *words: str) -> None:
        self.d, self.words = d, words
        self.hands: list[subprocess.Popen[bytes]] = []
        self.ended: list[float] = []
        self.kills, self.chance = 0, random.Random(f"{SEED} lanes")

    def keep(self) -> None:
        now, before = time.monotonic(), len(self.hands)
        self.hands = [hand for hand in self.hands if hand.poll() is None]
        self.ended = [at for at in self.ended if now < at + PAUSE]
        self.ended += [now] * (before - len(self.hands))
        while len(self.hands) + len(self.ended) < HANDS:
            self.hands.append(self.d.start(*self.words, log="crew"))

    def kill_one(self) -> None:
        """Kill one of those that run, at a random moment of its work, once something is written."""
        until(lambda: self.d.world.written(), seconds=60, what="the first batch")
        if self.kills:
            time.sleep(self.chance.uniform(0.1, LONGEST[self.words[0]]))
        running = [hand for hand in self.hands if hand.poll() is None]
        if running:
            kill(self.chance.choice(running))
            self.kills += 1

    def dismiss(self) -> None:
        for hand in self.hands:
            if hand.poll() is None:
                hand.terminate()
        for hand in self.hands:
            hand.wait(120)
        self.hands = []


def work(crew: Crew, kills: int, done: Any) -> None:
    """Work until everything has arrived, killing as often as is asked for."""
    wanted, deadline = crew.kills + kills, time.monotonic() + 400
    while crew.kills < wanted or not done():
        assert time.monotonic() < deadline, f"it does not arrive:\n{crew.d.log('crew')[-3000:]}"
        crew.keep()
        if crew.kills < wanted:
            crew.kill_one()
        time.sleep(0.2)


def is_settled(d: Deployment, registries: dict[str, ListRegistry]) -> bool:
    """Return whether Benchling holds what the registries do, links and archives included."""
    if d.rows(OPEN) != [(0,)]:
        return False
    values = d.world.values()
    archived = {e.entity_registry_id: e.archived for e in [*d.world.tenant.entities.values()]}
    wanted = {one["id"]: one for lane in registries.values() for one in lane.records}
    return set(values) == set(wanted) and all(
        archived[key] == "Retired"
        if one["retired"]
        else not archived[key]
        and (values[key]["Approval"], values[key]["Parent"]) == (one["approval"], one["parent"])
        for key, one in wanted.items()
    )


def phase(crew: Crew, kills: int, changed: int, registries: dict[str, ListRegistry]) -> None:
    """Work until all is settled, killing as often as is asked for; a kill costs a batch at most."""
    d, before = crew.d, (crew.kills, crew.d.world.written())
    by_workers = crew.words[0] == "rqworker"
    if by_workers:
        assert d.run("sync_registry", "--enqueue")[0] == 0
    work(crew, kills, lambda: is_settled(d, registries))
    if by_workers:  # a run that is still active would not read what is edited next
        crew.keep()
        until(lambda: not {"QUEUED", "RUNNING"} & {*d.statuses()}, seconds=90, what="all runs")
    crew.dismiss()
    d.world.settle()
    written = d.world.written() - before[1]
    assert changed <= written <= changed + (crew.kills - before[0]) * BATCH


def leave_and_edit(registry: ListRegistry, lane: str, chance: random.Random) -> tuple[int, ...]:
    """Let a record leave that others link to and one that links, and edit two more."""
    gone = 2 * chance.randrange(COUNT // 4), COUNT - 1
    for n in gone:
        registry.edit(f"{lane}-{n:06d}", retired=True)
    for n in chance.sample(range(COUNT // 2, COUNT - 2), EDITS):
        registry.edit(f"{lane}-{n:06d}", approval=3000 + n)
    return gone


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.invariant(1, 2, 4)
@pytest.mark.parametrize(
    "how",
    [
        pytest.param("command", marks=pytest.mark.once),
        pytest.param("workers", marks=pytest.mark.postgres),
    ],
)
def test_four_lanes_killed_at_random_moments(deploy, redis, how):
    # Three workers look after each other in each third of a lease.
    env = {"REDIS_URL": redis.url, "LEASE_SECONDS": "5"} if how == "workers" else {}
    env["BATCH_SIZE"] = str(BATCH)
    d = deploy(0, task_base=0.1, env=env)
    registries = four_lanes(d.world)
    crew = Crew(d, *(("rqworker", "sync") if how == "workers" else ("sync_registry",)))
    try:
        phase(crew, KILLS[0], 4 * COUNT, registries)
        assert len(d.rows(ARCHIVE)) == 4
        gone = {lane: leave_and_edit(registry, lane, crew.chance)
                for lane, registry in registries.items()}  # fmt: skip
        phase(crew, KILLS[1], 4 * EDITS, registries)
        for lane, numbers in gone.items():
            for n in numbers:
                registries[lane].edit(f"{lane}-{n:06d}", retired=False, approval=4000 + n)
        phase(crew, KILLS[2], 4 * 2, registries)
    finally:
        crew.dismiss()
    d.env["LEASE_SECONDS"] = "80"  # none dies from here on, however slow it is
    there = d.world.tenant.entities
    links = [v for e in there.values() for v in e.fields.values() if str(v).startswith("bfi_")]
    assert len(links) == 3.5 * COUNT and set(links) <= set(there), "no dangling link"
    before = d.world.written()
    until(lambda: d.run("sync_registry", "--full")[0] == 0, seconds=60, what="a green full run")
    assert d.world.written() == before
