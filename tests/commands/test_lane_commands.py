"""Commands where the app has several lanes: `sync_registry`, `run` and `lanes`."""

from __future__ import annotations

import pytest
from django.utils import timezone

from registry_sync import runs
from registry_sync.core import stopping
from registry_sync.management.lane_work import LaneOutcome, SeveralLanes
from registry_sync.models import EntityError, Lane, SyncRun
from registry_sync.sync.listener import NullListener
from tests.support.commands import command
from tests.support.factories import LaneFactory, SyncRunFactory
from tests.support.registry import compound
from tests.support.worlds import World

pytestmark = pytest.mark.once


@pytest.fixture
def two(world) -> World:
    w = world([compound(n) for n in range(3)])
    lots = [{**compound(n), "id": f"L-{n}", "name": f"Lot {n}", "parent": None} for n in range(2)]
    w.add_lane("Lot", lots)
    return w


def work(*words: str) -> tuple[int, list[str]]:
    status, said = command(*words)
    return status, said.strip().split("\n")


def lanes() -> dict[str, Lane]:
    return {lane.schema_name: lane for lane in runs.current_lanes()}


def test_without_a_lane_every_lane_runs_with_one_line_each(two):
    status, said = work()
    assert status == 0 and len(said) == 2
    assert said[0].startswith("Compound: Run") and "3 created" in said[0]
    assert said[1].startswith("Lot: Run") and "2 created" in said[1]
    assert len(two.values()) == 5 and SyncRun.objects.count() == 2
    status, said = work("--lane", "Lot")
    assert status == 0 and said[0].startswith("Run ") and len(said) == 1
    assert SyncRun.objects.first().lane == lanes()["Lot"]
    status, said = work("--lane", lanes()["Compound"].schema_id, "--only", "C-000001")
    assert status == 0 and "1 record read" in said[0]


def test_a_lane_that_is_new_in_the_configuration_runs_along(world):
    w = world([compound(n) for n in range(3)])
    assert work()[0] == 0
    w.add_lane("Lot", [{**compound(0, parent=None), "id": "L-0", "name": "Lot 0"}])
    status, said = work()
    assert status == 0 and len(said) == 2 and said[0].startswith("Compound: Run")
    assert said[1].startswith("Lot: Run") and "1 created" in said[1]
    w.lanes[0].registry.token = "other"
    assert work()[0] == 1


def test_options_that_need_a_lane_exit_64_and_request_nothing(two):
    for words in (["--only", "C-000001"], ["--since", "2026-01-05"]):
        status, said = work(*words)
        assert status == 64 and "needs --lane" in said[0] and "Compound, Lot" in said[0]
    status, said = work("--lane", "Plate")
    assert status == 64 and said[0].startswith("There is no lane Plate. The lanes are: ")
    assert not SyncRun.objects.exists()


def test_the_exit_status_is_over_all_lanes(two):
    assert work()[0] == 0
    two.lanes[0].registry.edit("L-0", name="Compound 1")
    status, said = work()
    assert status == 2 and "Open errors: 1" in said[1]
    two.registry.token = "other"
    status, said = work()
    assert status == 1 and "API Key" in "\n".join(said)
    assert "Lot: Run" in "\n".join(said), "the other lane is told as well"


def test_busy_lanes_are_named_and_stop_no_other(two):
    assert work()[0] == 0
    held, _ = runs.request_run(kind="full", trigger="schedule", lane=lanes()["Compound"])
    runs.pause(held, actor="Ada", reason="maintenance")
    status, said = work()
    assert status == 2 and any(line.startswith(f"Compound: Run {held.pk}: Paused") for line in said)
    assert any(line.startswith("Lot: Run") and "SUCCEEDED" in line for line in said)
    other, _ = runs.request_run(kind="full", trigger="schedule", lane=lanes()["Lot"])
    assert runs.claim(other.pk)
    status, said = work()
    assert status == 75 and len(said) == 2


def test_a_dry_run_of_all_lanes_writes_nothing(two):
    status, said = work("--dry-run", "--details")
    text = "\n".join(said)
    assert status == 0 and "Compound: Dry run" in text and "Lot: Dry run" in text
    assert text.count("DRY RUN: nothing is written") == 1 and "L-0: created" in text
    assert not two.values()


def test_a_run_left_behind_in_one_lane_is_taken_over(two):
    assert work()[0] == 0
    left, _ = runs.request_run(kind="incremental", trigger="schedule", lane=lanes()["Lot"])
    status, said = work()
    assert status == 0 and f"Lot: Run {left.pk} waits; working on it." in said
    left.refresh_from_db()
    assert left.status == "SUCCEEDED" and lanes()["Lot"].runs.count() == 2


@pytest.mark.django_db
def test_a_run_that_a_worker_takes_over_is_left_to_it(monkeypatch):
    lane, _ = (LaneFactory(position=n) for n in range(2))
    run, _ = runs.request_run(kind="incremental", trigger="schedule", lane=lane)
    said: list[str] = []
    wanted = {"kind": "incremental", "trigger": "schedule", "reads_all": False}
    several = SeveralLanes(
        wanted, say=said.append, complain=said.append, listen=lambda run: NullListener()
    )
    several.request([lane])
    assert runs.claim(run.pk), "between two slices it had no holder"
    monkeypatch.delattr(stopping, "sleep_or_stop")  # it would wait until the worker has ended it
    several.work_all()
    several.tell()
    assert several.outcomes() == [LaneOutcome.BUSY] and "has taken it over" in said[-1]


def test_run_pauses_resumes_and_cancels_one_lane_or_all(two):
    assert work()[0] == 0
    first, _ = runs.request_run(kind="full", trigger="schedule", lane=lanes()["Compound"])
    second, _ = runs.request_run(kind="full", trigger="schedule", lane=lanes()["Lot"])
    status, said = work_run("pause", "--reason", "why", "--lane", "Lot")
    assert status == 0 and said[0].startswith(f"Run {second.pk} will pause") and len(said) == 1
    assert runs.is_paused(second) and not runs.is_paused(first)
    status, said = work_run()
    assert [line.split(":")[0] for line in said if ": Run" in line] == ["Compound", "Lot"]
    status, said = work_run("resume")
    assert len(said) == 2 and not runs.is_paused(second)
    assert work_run("cancel", "--reason", "why", "--lane", "Plate")[0] == 64
    assert runs.active_runs() == [first, second]
    status, said = work_run("cancel", "--reason", "why")
    assert len(said) == 2 and runs.active() is None
    assert work_run("pause", "--reason", "why", "--lane", "Lot") == (1, ["No run is active."])


def work_run(*words: str) -> tuple[int, list[str]]:
    status, said = command(*words, name="run")
    return status, said.strip().split("\n")


def test_lanes_lists_what_each_is_and_how_it_stands(two):
    status, said = command(name="lanes")
    assert status == 0 and said.count("never ran") == 2, "the configuration is read for it"
    work()
    EntityError.objects.all().delete()
    held, _ = runs.request_run(kind="full", trigger="schedule", lane=lanes()["Lot"])
    status, said = command(name="lanes")
    first, second = said.split("Lot\n")
    assert first.startswith("Compound\n") and "position:   1 of 2" in first
    assert "type:       custom_entity" in first and f"({two.schema})" in first
    assert two.registry.url in first and "SUCCEEDED" in first and "up to date" in first
    assert "active run: none" in first and f"active run: {held.pk} (full), queued" in second


def test_before_any_configuration_is_readable_it_says_so(world):
    w = world([], config={"API URL": None})
    status, said = command(name="lanes")
    assert status == 0 and "No lane is known yet" in said
    assert w.written() == 0


def test_a_resume_without_a_lane_names_what_was_paused_and_says_how_to_resume_one(two):
    work()
    at_work = {
        name: SyncRunFactory(lane=lane, status="RUNNING", started_at=timezone.now()).pk
        for name, lane in lanes().items()
    }
    compounds, lots = at_work["Compound"], at_work["Lot"]
    status, said = command("pause", "--lane", "Lot", "--reason", "move", name="run")
    assert status == 0 and "resume it with manage.py run resume --lane Lot." in said
    status, said = command("resume", name="run")
    assert status == 0 and f"Compound: Run {compounds} is not paused." in said
    assert f"Lot: Run {lots} will continue where it paused" in said
    command("cancel", "--lane", "Compound", "--reason", "x", name="run")
    said = command("pause", "--reason", "move", name="run")[1]
    assert said.startswith(f"Lot: Run {lots} will pause")
    busy = work()[1]
    (paused,) = [each for each in busy if each.startswith(f"Lot: Run {lots}: Paused")]
    assert "Resume it with manage.py run resume --lane Lot." in paused
