"""`manage.py status`, `runs` and `errors`: what is wrong, since when, and who must act."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from registry_sync.models import EntityError, Lane, SyncRun
from tests.support.command_schema import checked
from tests.support.commands import command, command_apart
from tests.support.factories import EntityErrorFactory, LaneFactory, SyncRunFactory

pytestmark = pytest.mark.once


@pytest.fixture
def two(db) -> list[Lane]:
    """Two lanes: the first in sync, the second with three refused records."""
    lanes = [
        LaneFactory(schema_id=f"ts_{n}", schema_name=name, position=n)
        for n, name in enumerate(["Compounds", "Lots"])
    ]
    for lane in lanes:
        at = timezone.now()
        SyncRunFactory(lane=lane, kind="full", reads_all=True, read=7, started_at=at,
                       finished_at=at, phase="report")  # fmt: skip
    at = datetime(2026, 1, 5, 10, tzinfo=UTC)
    for n in range(2):
        EntityErrorFactory(
            lane=lanes[1], external_id=f"L-{n}", code="name_taken", first_seen=at,
            message="The name is taken.", remedy="Rename it.",
        )  # fmt: skip
    EntityErrorFactory(lane=lanes[1], external_id="L-9", code="no_name")
    return lanes


def test_status_exits_by_the_worst_lane_and_says_who_acts_since_when(two) -> None:
    status, said = command("--lane", "Compounds", name="status")
    assert status == 0 and "Compounds: in sync." in said, said
    status, said = command(name="status")
    assert status == 2 and "Lots: behind." in said
    assert "2 records: " in said and "(name_taken), since 2026-01-05 10:00 UTC" in said
    status, out, _ = command_apart("--json", name="status")
    first, second = checked("status", out)["lanes"]
    assert status == 2 and (first["state"], second["state"]) == ("good", "attention")
    assert [one["records"] for one in second["to_do"]] == [2, 1] and second["to_do"][0]["who"]
    SyncRunFactory(
        lane=two[0], status="FAILED", error="The registry rejects the key.", remedy="Enter it.",
        error_code="registry_unauthorised", error_kind="mapping", finished_at=timezone.now(),
    )  # fmt: skip
    status, out, _ = command_apart("--json", name="status")
    failing = checked("status", out)["lanes"][0]
    assert status == 1 and failing["state"] == "bad"
    assert "Compounds: stopped." in command(name="status")[1]
    assert failing["to_do"][0]["remedy"] == "Enter it." and failing["to_do"][0]["since"]


def test_a_lane_without_a_good_run_for_long_is_bad_and_none_is_not_started(db) -> None:
    status, said = command(name="status")
    assert status == 2 and said.startswith("No lane yet: waiting.")
    long_ago = timezone.now() - timedelta(days=30)
    lane = LaneFactory(position=0)
    SyncRunFactory(lane=lane, reads_all=True, started_at=long_ago, finished_at=long_ago)
    status, said = command(name="status")
    assert status == 1 and ": stopped. No run has succeeded for more than" in said


def test_runs_lists_the_newest_first_and_as_many_as_are_wanted(two) -> None:
    failed = SyncRunFactory(lane=two[1], status="FAILED", error="It broke.", remedy="Mend it.")
    status, said = command("--limit", "2", name="runs")
    first = said.splitlines()[0]
    assert status == 0 and first.startswith(f"Run {failed.pk}, Lots, incremental")
    assert "It broke." in said and "what to do:   Mend it." in said
    status, out, _ = command_apart("--json", "--limit", "2", name="runs")
    assert [one["lane"] for one in checked("runs", out)["runs"]] == ["Lots", "Lots"]
    out = command_apart("--json", "--lane", "Compounds", name="runs")[1]
    (only,) = checked("runs", out)["runs"]
    assert only["lane"] == "Compounds" and only["counts"]["read"] == 7


def test_runs_counts_in_the_words_of_summaries(two) -> None:
    for kind in ("full", "dry run"):
        SyncRunFactory(lane=two[1], kind=kind, created=1, updated=2, failed=3, archived=4)
    said = command("--limit", "2", name="runs")[1]
    assert "1 created, 2 changed, 3 refused, 4 archived" in said
    assert "1 would be created, 2 would be changed, 3 would be refused" in said


def test_a_run_that_is_held_up_says_so_wherever_runs_are_shown(two) -> None:
    later = timezone.now() + timedelta(minutes=1)
    run = SyncRunFactory(
        lane=two[1], kind="full", status="RUNNING", started_at=timezone.now(), lease_until=later,
        heartbeat=timezone.now(), lease_holder="host:7",
    )  # fmt: skip
    assert "is active; manage.py run shows it.\n" in command(name="status")[1]
    assert f"active run: {run.pk} (full), running\n" in command(name="lanes")[1]
    turn = "its turn to write to Benchling, after run 7 (Compounds)"
    waits = {"turn_since": timezone.now(), "waiting_code": "turn", "waiting_for": turn}
    SyncRun.objects.filter(pk=run.pk).update(**waits)
    for name in ("status", "runs", "run", "lanes"):
        assert f"Waiting for {turn}." in command(name=name)[1], name
    assert f"Waiting for {turn}." in command("--lane", "Lots")[1]
    out = command_apart("--json", name="runs")[1]
    waiting = {"word": "waiting", "text": f"Waiting for {turn}."}
    assert checked("runs", out)["runs"][0]["waits"] == waiting
    out = command_apart("--json", name="status")[1]
    assert [one["active_run_waits"] for one in checked("status", out)["lanes"]] == [None, waiting]
    SyncRun.objects.filter(pk=run.pk).update(lease_until=timezone.now())
    assert "Waiting" not in command(name="runs")[1], "whoever waited is dead"
    SyncRun.objects.filter(pk=run.pk).update(
        paused_at=timezone.now(), paused_by="olivia", paused_reason="The plates move."
    )
    first, said = command(name="runs")[1].splitlines()[:2]
    assert ": RUNNING, paused. 0 read" in first
    paused = SyncRun.objects.get(pk=run.pk).paused_at
    assert said == f"    Paused by olivia at {paused:%Y-%m-%d %H:%M} UTC: The plates move."
    assert f"active run: {run.pk} (full), paused. Paused by olivia" in command(name="lanes")[1]


def test_errors_are_grouped_by_cause_and_each_cause_has_its_records(two) -> None:
    status, said = command(name="errors")
    assert status == 0 and "Compounds: 0 records are not up to date." in said
    assert "Lots: 3 records are not up to date." in said and "(name_taken), since" in said
    out = command_apart("--json", "--lane", "Lots", name="errors")[1]
    (lane,) = checked("errors", out)["lanes"]
    assert [(one["cause"], one["records"]) for one in lane["causes"]] == [
        ("name_taken", 2), ("no_name", 1)
    ]  # fmt: skip
    out = command_apart("--json", "--lane", "Lots", "--cause", "name_taken", name="errors")[1]
    (lane,) = checked("errors", out)["lanes"]
    assert [one["id"] for one in lane["records"]] == ["L-0", "L-1"] and lane["open_errors"] == 2
    status, said = command("--cause", "name_taken", "--limit", "1", name="errors")
    assert "L-0, since 2026-01-05 10:00 UTC: The name is taken." in said and "and 1 more" in said
    assert EntityError.objects.count() == 3


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("status", ["--lane", "Plates"]),
        ("runs", ["--lane", "Plates"]),
        ("runs", ["--limit", "0"]),
        ("errors", ["--lane", "Plates"]),
        ("errors", ["--cause", "no_such_cause"]),
    ],
)
def test_an_unknown_lane_cause_or_number_is_wrong_usage(two, name, words) -> None:
    assert command(*words, name=name)[0] == 64


def test_no_name_or_value_steers_a_terminal(two) -> None:
    message = "\x1b[2J\x9b3Jall is well\r \u202egnp.exe\nnext"
    EntityErrorFactory(lane=two[0], code="no_name", message=message)
    status, said = command("--cause", "no_name", name="errors")
    assert status == 0 and r"\u001b[2J\u009b3Jall is well\u000d \u202egnp.exe" in said
    assert not {"\x1b", "\x9b", "\r", "\u202e"} & set(said)
    _, out, _ = command_apart("--cause", "no_name", "--json", name="errors")
    records = checked("errors", out)["lanes"][0]["records"]
    assert records[0]["message"] == message and "\x9b" not in out


def test_a_run_that_writes_nothing_counts_what_it_would_do(two) -> None:
    SyncRunFactory(lane=two[0], kind="dry run", read=3, created=2, failed=1, phase="report")
    _, said = command("--limit", "1", name="runs")
    assert "3 read, 2 would be created, 1 would be refused" in said
